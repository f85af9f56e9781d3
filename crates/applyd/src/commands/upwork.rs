//! `applyd upwork …`: the logins of the channel upwork.

mod accounts;
mod agree;
mod doctor;
mod link;
mod unlink;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use applyd_core::ids::AccountId;
use applyd_server::config::Settings;
use applyd_server::telemetry;
use applyd_store::grant::{self, Grantee};
use applyd_store::{Store, Tx};
use applyd_upwork::{Unlinked, Upwork};

use crate::cli::{Global, UpworkCommand};
use crate::commands::freelancer;
use crate::failure::Failure;

pub(super) fn run(global: &Global, command: UpworkCommand) -> Result<ExitCode, Failure> {
    telemetry::start_quiet();
    match command {
        UpworkCommand::Link(link) => link::link(global, link)?,
        UpworkCommand::Accounts { check } => accounts::accounts(global, check)?,
        UpworkCommand::Doctor { account, freelancer } => return doctor::doctor(global, account, freelancer),
        UpworkCommand::Unlink { account, freelancer, force } => {
            unlink::unlink(global, account, freelancer, force)?;
        }
        UpworkCommand::Agree { channel } => agree::agree(global, channel)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Whose login is meant: the one of the name, or the only one there is; `None`: nobody is linked.
fn grantee(tx: &Tx<'_>, account: &AccountId, name: Option<&str>) -> Result<Option<Grantee>, Failure> {
    if let Some(name) = name {
        let found = freelancer::find(tx, account, name)?.ok_or_else(|| {
            Failure::hinted(format!("there is no freelancer `{name}`"), "`applyd upwork accounts` shows them")
        })?;
        return Ok(Some(Grantee { account: account.clone(), freelancer: Some(found.id) }));
    }
    let mut linked = grant::of_persons(tx, account)?;
    match (linked.pop(), linked.is_empty()) {
        (Some(_), false) => Err(Failure::hinted(
            "several freelancers of this account are linked",
            "name one with --freelancer; `applyd upwork accounts` shows them",
        )),
        (only, _) => Ok(only.map(|only| only.grantee)),
    }
}

/// The client, with the operator's master key: the server opens what is sealed here.
fn client(store: &Store, settings: &Settings) -> Result<Upwork, Failure> {
    let has_sealed = store.read_blocking(applyd_server::has_sealed)?;
    let key = applyd_server::master_key(&settings.master_key_file, !has_sealed)?;
    let upwork = applyd_server::upwork(store, &Arc::new(key), settings);
    Ok(upwork.context("the client of Upwork's server")?)
}

impl From<Unlinked> for Failure {
    fn from(unlinked: Unlinked) -> Self {
        match unlinked {
            Unlinked::Refused(reason) => Self::hinted(
                format!("Upwork refused the login: {reason}"),
                "run `applyd upwork link` again when that is settled; nothing was linked",
            ),
            Unlinked::Unreachable(reason) => Self::hinted(
                format!("Upwork could not be asked: {reason}"),
                "try again later; nothing was linked",
            ),
            Unlinked::Store(error) => error.into(),
        }
    }
}
