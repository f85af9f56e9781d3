//! `applyd migrate`: the schema of the database, brought to this program's.

use applyd_store::Store;
use serde_json::json;

use crate::cli::Global;
use crate::failure::Failure;
use crate::output;

/// Also makes an SQLite file; of a server it makes the tables in a database that is there.
pub(super) fn run(global: &Global) -> Result<(), Failure> {
    let database = global.settings()?.database;
    let (from, to) = Store::migrate(&database)?;
    let migrated = json!({"database": database.to_string(), "from": from, "to": to});
    output::print(global.json, &migrated, |_| {
        if from == to {
            format!("{database} has schema {to} already")
        } else {
            format!("{database}: schema {from} is now {to}")
        }
    })
}
