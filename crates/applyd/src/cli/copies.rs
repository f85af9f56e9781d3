//! Of backups, and of what follows a restore.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::reason;

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// Where to: a file that is not there yet
    pub(crate) file: PathBuf,
    /// Replace the file
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// What `backup` made
    pub(crate) file: PathBuf,
    /// Restore it though its ledger is not clean
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VerifyOnlyCommand {
    /// Begin it, as after the database was set back by other means than `applyd restore`
    Begin {
        /// Why, for whoever ends it
        #[arg(long, value_parser = reason)]
        reason: String,
    },
    /// End it, after you have looked; exit 1 while an outcome is unverified
    End {
        /// End it all the same
        #[arg(long)]
        force: bool,
    },
}
