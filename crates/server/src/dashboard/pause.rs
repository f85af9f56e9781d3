//! The pause switch of the account.

use std::sync::Arc;

use applyd_core::role::Role;
use applyd_store::pause::{self, Scope};
use applyd_store::{Error, audit};
use axum::extract::State as Shared;
use axum::response::Redirect;
use serde::Deserialize;
use serde_json::json;

use super::member::Member;
use super::page::Fields;
use super::refused::Refused;
use crate::http::App;

const LONGEST_REASON_CHARS: usize = 200;

/// Why.
#[derive(Deserialize)]
pub(super) struct Why {
    reason: String,
}

pub(super) async fn pause(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    Fields(why): Fields<Why>,
) -> Result<Redirect, Refused> {
    member.may(Role::Approver)?;
    let reason = why.reason.trim().to_owned();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON_CHARS || reason.contains(char::is_control)
    {
        let allowed = format!("The reason must be one line of 1 to {LONGEST_REASON_CHARS} characters.");
        return Err(Refused::Invalid(allowed));
    }
    let (account, name) = (member.account(), member.0.name.clone());
    app.store
        .write(move |tx| {
            let scope = Scope::Account(account.clone());
            let facts = json!({"scope": scope.to_string(), "reason": reason});
            audit::note(tx, "paused", &name, Some(&account), &facts)?;
            pause::set(tx, &scope, &reason, &name)
        })
        .await?;
    app.news.changed(&member.account());
    Ok(Redirect::to("/dashboard"))
}

/// Ends the account's own pause; those of a channel or of all are the operator's.
pub(super) async fn resume(Shared(app): Shared<Arc<App>>, member: Member) -> Result<Redirect, Refused> {
    member.may(Role::Approver)?;
    let (account, name) = (member.account(), member.0.name.clone());
    app.store
        .write(move |tx| {
            let scope = Scope::Account(account.clone());
            if pause::lift(tx, &scope)? {
                let facts = json!({"scope": scope.to_string()});
                audit::note(tx, "resumed", &name, Some(&account), &facts)?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    app.news.changed(&member.account());
    Ok(Redirect::to("/dashboard"))
}
