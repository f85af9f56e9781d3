//! Before and after every handler: the session and its token, the form's token, the headers.

use std::sync::Arc;

use applyd_core::ids::secret;
use applyd_core::sign_in::{SEEN_EVERY_MS, TOKEN_LIVES_MS};
use applyd_store::Error;
use applyd_store::session::{self, Session};
use axum::body::Body;
use axum::extract::{FromRequest, Request, State as Shared};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::cookie::Cookie;
use super::refused::Refused;
use super::visitor::{Visitor, csrf_of_visit, is_of_ours, text};
use crate::http::{App, Whole};

/// Nothing but our own style and script, and nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The name of the element that a page fetches anew by itself: nobody is at work then.
const LIVE: &str = "live";

pub(super) async fn guard(Shared(app): Shared<Arc<App>>, request: Request, next: Next) -> Response {
    let mut visitor = Visitor::of(&request);
    let (mut response, cookie) = match enter(&app, &mut visitor, request).await {
        Ok((request, cookie)) => (next.run(request).await, cookie),
        Err(refused) => (refused.into_response(), None),
    };
    let headers = response.headers_mut();
    // A handler that sets one has begun or ended a session, and knows better.
    if let Some(cookie) = cookie.filter(|_| !headers.contains_key(header::SET_COOKIE)) {
        headers.append(header::SET_COOKIE, cookie);
    }
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Finds out who it is; answers the request for the handler, and a cookie to set.
async fn enter(
    app: &App,
    visitor: &mut Visitor,
    request: Request,
) -> Result<(Request, Option<HeaderValue>), Refused> {
    let mut cookie = None;
    if let Some(token) = Cookie::Session.of(request.headers(), visitor.is_https) {
        visitor.was_signed_in = true;
        let is_by_itself = text(request.headers(), "hx-trigger") == Some(LIVE);
        let (session, next) = of_token(app, &token, is_by_itself).await?;
        visitor.session = session.map(Arc::new);
        cookie = next.and_then(|next| Cookie::Session.set(Some(&next), visitor.is_https));
    }
    visitor.csrf = match &visitor.session {
        Some(session) => session.csrf.clone(),
        None => {
            let visit = Cookie::Visit.of(request.headers(), visitor.is_https);
            if visit.is_none() && request.method() == Method::GET {
                let fresh = fresh()?;
                visitor.csrf = csrf_of_visit(&fresh);
                cookie = Cookie::Visit.set(Some(&fresh), visitor.is_https);
            }
            visit.map_or_else(|| visitor.csrf.clone(), |visit| csrf_of_visit(&visit))
        }
    };
    let is_read = [Method::GET, Method::HEAD].contains(request.method());
    let mut request = if is_read { request } else { form(visitor, request).await? };
    request.extensions_mut().insert(visitor.clone());
    Ok((request, cookie))
}

/// The session of a token, and the token that takes its place, if it is old.
async fn of_token(
    app: &App,
    token: &str,
    is_by_itself: bool,
) -> Result<(Option<Session>, Option<String>), Refused> {
    let hash = Sha256::digest(token.as_bytes()).into();
    let Some(session) = app.store.read(move |tx| session::find(tx, &hash)).await? else {
        return Ok((None, None));
    };
    let (id, now) = (session.id, app.store.now());
    if is_by_itself || session.is_previous {
        return Ok((Some(session), None));
    }
    if now - session.rotated_at >= TOKEN_LIVES_MS {
        let fresh = fresh()?;
        let next = Sha256::digest(fresh.as_bytes()).into();
        let is_ours = app.store.write(move |tx| session::rotate(tx, &hash, &next)).await?;
        return Ok((Some(session), is_ours.then_some(fresh)));
    }
    if now - session.seen_at >= SEEN_EVERY_MS {
        app.store.write(move |tx| session::saw(tx, id)).await?;
    }
    Ok((Some(session), None))
}

/// A new secret of this machine.
pub(super) fn fresh() -> Result<String, Refused> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| Error::Engine(format!("no random bytes: {error}")))?;
    Ok(secret(random))
}

/// Sees that a form is of a page of ours, made for this session.
async fn form(visitor: &Visitor, request: Request) -> Result<Request, Refused> {
    let (parts, body) = request.into_parts();
    if !is_of_ours(&parts.headers) {
        return Err(Refused::StaleForm);
    }
    let Whole(body): Whole = Whole::from_request(Request::new(body), &()).await?;
    let csrf = field(&body, "csrf").unwrap_or_default();
    if !visitor.knows(&csrf) {
        let has_ended = visitor.session.is_none() && visitor.was_signed_in;
        return Err(if has_ended { Refused::signed_out(visitor) } else { Refused::StaleForm });
    }
    Ok(Request::from_parts(parts, Body::from(body)))
}

fn field(body: &Bytes, name: &str) -> Option<String> {
    let mut fields = url::form_urlencoded::parse(body);
    fields.find(|(of, _)| of == name).map(|(_, value)| value.into_owned())
}
