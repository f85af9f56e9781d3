//! What every command takes.

use std::path::PathBuf;

use applyd_server::config::{Overrides, Settings};
use clap::Args;

use super::Listen;
use crate::failure::Failure;

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The store, e.g. sqlite:applyd.db or postgres://USER@HOST/NAME
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
    /// Settings file; `applyd.toml` if present
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Global {
    /// The settings of all layers; `listen` is the flag of the command, if it has one.
    pub(crate) fn settings(&self, listen: Option<&Listen>) -> Result<Settings, Failure> {
        let listen = listen.and_then(|listen| listen.listen.clone()).map(|address| ("listen", address));
        let database = self.database.clone().map(|database| ("database", database));
        let flags = listen.into_iter().chain(database).collect();
        Ok(Settings::load(&Overrides::of_process(flags, self.config.clone()))?)
    }
}
