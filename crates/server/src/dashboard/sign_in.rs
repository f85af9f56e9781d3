//! Signing in: by a one-time link, or by name and password.

use std::sync::Arc;
use std::time::Duration;

use applyd_core::ids::{PersonId, looks_like_secret};
use applyd_store::sign_in::{self, Attempt};
use applyd_store::{Error, audit, session};
use askama::Template;
use axum::extract::{Path, Query, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::cookie::Cookie;
use super::guard::fresh;
use super::local::Local;
use super::page::{Fields, page, page_as};
use super::refused::Refused;
use super::visitor::Visitor;
use super::when::When;
use crate::http::App;
use crate::password;

/// So long a password waits for those before it.
const HASHING_WAIT: Duration = Duration::from_secs(5);
const LONGEST_NAME_CHARS: usize = 100;
const LONGEST_PASSWORD_BYTES: usize = 1024;

#[derive(Template)]
#[template(path = "dashboard/sign_in.html", whitespace = "minimize")]
struct Page {
    csrf: String,
    next: Local,
    name: String,
    says: Says,
}

/// What stands above the form.
enum Says {
    Nothing,
    Ended,
    Out,
    Wrong,
    Wait(When),
}

#[derive(Template)]
#[template(path = "dashboard/link.html", whitespace = "minimize")]
struct Link {
    csrf: String,
    token: String,
    /// Whose it is; none: it is good for nothing any more.
    name: Option<String>,
}

/// Where to go from here.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Coming {
    next: String,
    ended: String,
    out: String,
}

pub(super) async fn form(visitor: Visitor, Query(coming): Query<Coming>) -> Response {
    let next = Local::parse(&coming.next);
    if visitor.session.is_some() {
        return Redirect::to(next.as_str()).into_response();
    }
    let says = match (coming.ended.as_str(), coming.out.as_str()) {
        ("", "") => Says::Nothing,
        ("", _) => Says::Out,
        _ => Says::Ended,
    };
    page(&Page { csrf: visitor.csrf, next, name: String::new(), says })
}

/// What is typed in.
#[derive(Deserialize)]
pub(super) struct Typed {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn by_password(
    Shared(app): Shared<Arc<App>>,
    visitor: Visitor,
    Fields(typed): Fields<Typed>,
) -> Result<Response, Refused> {
    let next = Local::parse(&typed.next);
    let name: String = typed.name.trim().chars().take(LONGEST_NAME_CHARS).collect();
    let (of, address) = (name.clone(), visitor.address.clone());
    let found = match app.store.write(move |tx| sign_in::attempt(tx, &of, &address)).await? {
        Attempt::Counted(found) => found,
        Attempt::Wait(until) => {
            let now = app.store.now();
            let says = Says::Wait(When { at: until, now });
            let mut response =
                page_as(StatusCode::TOO_MANY_REQUESTS, &Page { csrf: visitor.csrf, next, name, says });
            let seconds = HeaderValue::from(((until - now) / 1000).max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            return Ok(response);
        }
    };
    let (person, hash) = found.unzip();
    let is_right = is_right(&app, typed.password, hash).await?;
    let Some(person) = person.filter(|_| is_right) else {
        let says = Says::Wrong;
        return Ok(page_as(StatusCode::UNAUTHORIZED, &Page { csrf: visitor.csrf, next, name, says }));
    };
    begin(&app, &visitor, Way::Password { person, name }, &next).await
}

/// Off the threads that answer, few at a time.
async fn is_right(app: &App, given: String, hash: Option<String>) -> Result<bool, Refused> {
    let place = tokio::time::timeout(HASHING_WAIT, Arc::clone(&app.dashboard.hashing).acquire_owned());
    let place = place.await.map_err(|_| Refused::Busy)?;
    let looked = tokio::task::spawn_blocking(move || {
        let is_right = given.len() <= LONGEST_PASSWORD_BYTES && password::is_right(&given, hash.as_deref());
        drop(place);
        is_right
    });
    looked.await.map_err(|_| Error::Panicked.into())
}

/// Only shows it: what looks at links before people do must not use them up.
pub(super) async fn show_link(
    Shared(app): Shared<Arc<App>>,
    visitor: Visitor,
    Path(token): Path<String>,
) -> Result<Response, Refused> {
    let hash = Sha256::digest(token.as_bytes()).into();
    let found = app.store.read(move |tx| sign_in::look_at_link(tx, &hash)).await?;
    let name = found.filter(|_| looks_like_secret(&token)).map(|(_, name)| name);
    let status = if name.is_some() { StatusCode::OK } else { StatusCode::GONE };
    Ok(page_as(status, &Link { csrf: visitor.csrf, token, name }))
}

/// The token of a link.
#[derive(Deserialize)]
pub(super) struct Followed {
    token: String,
}

pub(super) async fn by_link(
    Shared(app): Shared<Arc<App>>,
    visitor: Visitor,
    Fields(followed): Fields<Followed>,
) -> Result<Response, Refused> {
    let hash = Sha256::digest(followed.token.as_bytes()).into();
    begin(&app, &visitor, Way::Link(hash), &Local::first()).await
}

/// How somebody has shown who they are.
#[derive(Clone)]
enum Way {
    Link([u8; 32]),
    Password { person: PersonId, name: String },
}

/// Begins a session with a new token; one that this browser had is over.
async fn begin(app: &App, visitor: &Visitor, way: Way, next: &Local) -> Result<Response, Refused> {
    let (token, csrf) = (fresh()?, fresh()?);
    let hash = Sha256::digest(token.as_bytes()).into();
    let (old, address) = (visitor.session.as_ref().map(|session| session.id), visitor.address.clone());
    let begun = app.store.write(move |tx| {
        let by = if matches!(way, Way::Link(_)) { "link" } else { "password" };
        let found = match &way {
            Way::Link(hash) => sign_in::use_link(tx, hash)?.map(|(person, _)| person),
            Way::Password { person, name } => {
                sign_in::right(tx, name)?;
                Some(person.clone())
            }
        };
        let Some(person) = found else { return Ok::<_, Error>(false) };
        if let Some(old) = old {
            session::end(tx, old)?;
        }
        session::begin(tx, &person, &hash, &csrf)?;
        // Not of somebody who was revoked in this moment.
        let Some(begun) = session::find(tx, &hash)? else { return Ok(false) };
        let facts = json!({"personId": person.as_str(), "by": by, "address": address});
        audit::note(tx, "signed_in", &begun.name, Some(&begun.account.id), &facts)?;
        Ok(true)
    });
    if !begun.await? {
        let gone = Link { csrf: visitor.csrf.clone(), token: String::new(), name: None };
        return Ok(page_as(StatusCode::GONE, &gone));
    }
    let mut response = Redirect::to(next.as_str()).into_response();
    if let Some(cookie) = Cookie::Session.set(Some(&token), visitor.is_https) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
