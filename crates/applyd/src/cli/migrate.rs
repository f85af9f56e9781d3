//! `applyd migrate …`.

use applyd_store::Database;
use clap::Args;

/// Without options: the schema of --database. On SQLite each start brings it up to date by itself.
#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// Move what is in this database, e.g. sqlite:applyd.db; no server may run on it, and none will again
    #[arg(long, requires = "to", value_name = "URL", value_parser = Database::parse)]
    pub(crate) from: Option<Database>,
    /// Into this one, in which nothing is yet, e.g. postgres://USER@HOST/NAME
    #[arg(long, requires = "from", value_name = "URL", value_parser = Database::parse)]
    pub(crate) to: Option<Database>,
}
