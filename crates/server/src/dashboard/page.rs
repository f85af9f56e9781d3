//! What all pages have around their own.

use std::sync::Arc;

use applyd_core::role::Role;
use applyd_store::session::Session;
use askama::Template;
use axum::extract::{Form, FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde::de::DeserializeOwned;

use super::refused::Refused;

/// Part of the dashboard, as the navigation lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// What there is at this moment.
    Overview,
    /// All that was asked for.
    Applications,
    /// What waits for a person.
    Approvals,
    /// What people submit by hand.
    Desk,
}

/// An entry of the navigation.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) path: &'static str,
    /// Pressed after `g`.
    pub(super) key: char,
    section: Section,
    needs: Role,
}

/// In their order.
const ENTRIES: &[Entry] = &[
    entry("Overview", "/dashboard", 'o', Section::Overview, Role::Viewer),
    entry("Applications", "/dashboard/applications", 'a', Section::Applications, Role::Viewer),
    entry("Approvals", "/dashboard/approvals", 'p', Section::Approvals, Role::Viewer),
    entry("Desk", "/dashboard/desk", 'd', Section::Desk, Role::Desk),
];

const fn entry(name: &'static str, path: &'static str, key: char, section: Section, needs: Role) -> Entry {
    Entry { name, path, key, section, needs }
}

/// What the frame of a page is made from.
pub(super) struct Shell {
    pub(super) session: Arc<Session>,
    pub(super) section: Section,
}

impl Shell {
    /// Entries that this person may go to.
    pub(super) fn entries(&self) -> impl Iterator<Item = &'static Entry> {
        ENTRIES.iter().filter(|entry| self.session.role >= entry.needs)
    }

    pub(super) fn is_at(&self, entry: &Entry) -> bool {
        self.section == entry.section
    }

    /// Whether this person may do what a role may: what they may not is not shown.
    pub(super) fn may(&self, role: Role) -> bool {
        self.session.role >= role
    }

    /// What each form carries.
    pub(super) fn csrf(&self) -> &str {
        &self.session.csrf
    }
}

/// A page as an answer.
pub(super) fn page(template: &impl Template) -> Response {
    page_as(StatusCode::OK, template)
}

/// The same with another status.
pub(super) fn page_as(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The fields of a form that was sent.
pub(super) struct Fields<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Fields<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let fields = Form::<T>::from_request(request, state).await;
        fields.map(|Form(fields)| Self(fields)).map_err(|rejection| Refused::Invalid(rejection.body_text()))
    }
}
