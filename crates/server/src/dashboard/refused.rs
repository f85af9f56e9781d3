//! What is no page: why not, and where to go instead.

use applyd_core::role::Role;
use applyd_store::Error;
use askama::Template;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::local::Local;
use super::page::page_as;
use super::visitor::Visitor;
use crate::http;

/// An answer that is not what was asked for.
#[derive(Debug)]
pub(super) enum Refused {
    /// Sign in first, and come back.
    SignedOut {
        next: Local,
        was_signed_in: bool,
        is_htmx: bool,
    },
    /// The browser kept our cookies back, as the link was on a page of somebody else's: ask once more from here.
    FromElsewhere(Local),
    /// The role does not reach.
    Forbidden {
        needs: Role,
    },
    /// A form that was not made for this session.
    StaleForm,
    NoSuchPage,
    /// A field of a form.
    Invalid(String),
    /// What somebody wanted to do is not possible any more, or not yet.
    TooLate(String),
    /// Too much is asked for in this moment.
    Busy,
    /// As the API says it.
    Api(Box<http::Refused>),
}

#[derive(Template)]
#[template(path = "dashboard/refused.html", whitespace = "minimize")]
struct Page {
    title: &'static str,
    says: String,
}

impl Refused {
    pub(super) fn signed_out(visitor: &Visitor) -> Self {
        let next = visitor.at.clone();
        if visitor.is_from_elsewhere && !visitor.was_signed_in {
            return Self::FromElsewhere(next);
        }
        Self::SignedOut { next, was_signed_in: visitor.was_signed_in, is_htmx: visitor.is_htmx }
    }

    fn told(self) -> (StatusCode, &'static str, String) {
        match self {
            Self::Forbidden { needs } => {
                let says = format!(
                    "This takes the role {}. Whoever runs applyd can give it to you.",
                    needs.as_str()
                );
                (StatusCode::FORBIDDEN, "Not for your role", says)
            }
            Self::StaleForm => {
                let says = "The form was not made for your session, or not by this page. Nothing was done: go back, reload the page and try again.";
                (StatusCode::FORBIDDEN, "Nothing was done", says.to_owned())
            }
            Self::NoSuchPage => (
                StatusCode::NOT_FOUND,
                "No such page",
                "There is nothing of your account at this address.".to_owned(),
            ),
            Self::TooLate(says) => (StatusCode::CONFLICT, "Nothing was done", says),
            Self::Invalid(says) => (StatusCode::UNPROCESSABLE_ENTITY, "Nothing was done", says),
            Self::Busy => {
                let says = "Too many are signing in at this moment. Try again in a few seconds.";
                (StatusCode::SERVICE_UNAVAILABLE, "One moment", says.to_owned())
            }
            Self::Api(refused) => (refused.status(), "This did not work", refused.says()),
            Self::SignedOut { .. } | Self::FromElsewhere(_) => {
                (StatusCode::UNAUTHORIZED, "Sign in", "Sign in first.".to_owned())
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            // A script follows a redirect by itself and would put the sign-in into a part of a page.
            Self::SignedOut { next, was_signed_in, is_htmx: true } => {
                let to = (HeaderName::from_static("hx-redirect"), next.sign_in(was_signed_in));
                (StatusCode::UNAUTHORIZED, [to]).into_response()
            }
            Self::SignedOut { next, was_signed_in, is_htmx: false } => {
                Redirect::to(&next.sign_in(was_signed_in)).into_response()
            }
            Self::FromElsewhere(next) => {
                let again = Again { next };
                let html = again.render().unwrap_or_default();
                ([(header::VARY, "sec-fetch-site")], Html(html)).into_response()
            }
            refused => {
                let (status, title, says) = refused.told();
                page_as(status, &Page { title, says })
            }
        }
    }
}

#[derive(Template)]
#[template(path = "dashboard/again.html", whitespace = "minimize")]
struct Again {
    next: Local,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        http::Refused::from(error).into()
    }
}

impl From<http::Refused> for Refused {
    fn from(refused: http::Refused) -> Self {
        Self::Api(Box::new(refused))
    }
}

pub(super) async fn no_such_page(_: super::member::Member) -> Refused {
    Refused::NoSuchPage
}
