//! `applyd credits …`.

use applyd_core::ledger::{Balance, Kind};
use applyd_store::{audit, ledger};
use serde_json::json;

use crate::cli::{CreditsCommand, Global, operator};
use crate::failure::Failure;
use crate::output;

pub(super) fn run(global: &Global, command: &CreditsCommand) -> Result<(), Failure> {
    let CreditsCommand::Grant { account, credits } = command;
    let (account, credits) = (account.clone(), *credits);
    let balance = super::store(global, false)?.write_blocking(move |tx| {
        let account = super::account_of(tx, &account)?;
        audit::note(tx, "credits_granted", &operator(), Some(&account.id), &json!({"credits": credits}))?;
        Ok::<Option<Balance>, Failure>(ledger::post(tx, &account.id, None, Kind::Grant, credits)?)
    })?;
    let balance = serde_json::to_value(balance.unwrap_or_default()).map_err(anyhow::Error::new)?;
    output::print(global.json, &balance, |balance| {
        format!("available {}, held {}, spent {}", balance["available"], balance["held"], balance["spent"])
    })
}
