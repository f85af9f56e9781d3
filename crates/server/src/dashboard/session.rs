//! Signing out.

use std::sync::Arc;

use applyd_store::{Error, audit, session};
use axum::extract::State as Shared;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

use super::cookie::Cookie;
use super::member::Member;
use super::refused::Refused;
use super::visitor::Visitor;
use crate::http::App;

pub(super) async fn sign_out(
    Shared(app): Shared<Arc<App>>,
    visitor: Visitor,
    Member(session): Member,
) -> Result<Response, Refused> {
    let id = session.id;
    app.store.write(move |tx| session::end(tx, id)).await?;
    Ok(out(&visitor))
}

/// On all machines of this person.
pub(super) async fn sign_out_everywhere(
    Shared(app): Shared<Arc<App>>,
    visitor: Visitor,
    Member(session): Member,
) -> Result<Response, Refused> {
    app.store
        .write(move |tx| {
            let ended = session::end_all(tx, &session.person)?;
            let facts = json!({"personId": session.person.as_str(), "sessionsEnded": ended});
            audit::note(tx, "signed_out", &session.name, Some(&session.account.id), &facts)?;
            Ok::<_, Error>(())
        })
        .await?;
    Ok(out(&visitor))
}

fn out(visitor: &Visitor) -> Response {
    let mut response = Redirect::to("/dashboard/sign-in?out=1").into_response();
    if let Some(gone) = Cookie::Session.set(None, visitor.is_https) {
        response.headers_mut().insert(header::SET_COOKIE, gone);
    }
    response
}
