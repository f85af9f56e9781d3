//! `applyd upwork …`: the logins of the channel upwork.

mod accounts;
mod agree;
mod link;
mod unlink;

use std::sync::Arc;

use anyhow::Context as _;
use applyd_server::config::Settings;
use applyd_server::telemetry;
use applyd_store::Store;
use applyd_upwork::{Unlinked, Upwork};

use crate::cli::{Global, UpworkCommand};
use crate::failure::Failure;

pub(super) fn run(global: &Global, command: UpworkCommand) -> Result<(), Failure> {
    telemetry::start_quiet();
    match command {
        UpworkCommand::Link(link) => link::link(global, link),
        UpworkCommand::Accounts { check } => accounts::accounts(global, check),
        UpworkCommand::Unlink { account, freelancer, force } => {
            unlink::unlink(global, account, freelancer, force)
        }
        UpworkCommand::Agree { channel } => agree::agree(global, channel),
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
