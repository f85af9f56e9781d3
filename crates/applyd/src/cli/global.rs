//! What every command takes.

use std::path::PathBuf;

use applyd_server::config::{Overrides, Settings};
use clap::Args;

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
    /// The settings of all layers.
    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        self.settings_with([])
    }

    /// With flags of the command itself, by their keys.
    pub(crate) fn settings_with<const N: usize>(
        &self,
        flags: [(&'static str, Option<String>); N],
    ) -> Result<Settings, Failure> {
        let all = flags.into_iter().chain([("database", self.database.clone())]);
        let given = all.filter_map(|(key, flag)| flag.map(|flag| (key, flag))).collect();
        Ok(Settings::load(&Overrides::of_process(given, self.config.clone()))?)
    }
}
