//! `applyd migrate`: the schema of a database brought to this program's, or a whole database moved to a server.

use applyd_store::{Database, Store, transfer};
use serde_json::json;

use crate::cli::{Global, MigrateArgs};
use crate::failure::Failure;
use crate::output;

pub(super) fn run(global: &Global, arguments: MigrateArgs) -> Result<(), Failure> {
    match arguments {
        MigrateArgs { from: Some(from), to: Some(to) } => move_all(global, &from, &to),
        _ => bring_up(global),
    }
}

/// Also makes an SQLite file; of a server it makes the tables in a database that is there.
fn bring_up(global: &Global) -> Result<(), Failure> {
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

fn move_all(global: &Global, from: &Database, to: &Database) -> Result<(), Failure> {
    let Some(file) = from.file().filter(|_| to.file().is_none()) else {
        return Err(Failure::hinted(
            "a database is moved from an SQLite file to a PostgreSQL server",
            "--from sqlite:applyd.db --to postgres://USER@HOST/NAME",
        ));
    };
    if !file.exists() {
        return Err(Failure::user(format!("there is no database {}", file.display())));
    }
    Store::migrate(to)?;
    let moved = transfer(file, to, |table| output::note(&format!("moving {table}")))?;
    let rows: u64 = moved.tables.iter().map(|(_, rows)| rows).sum();
    let tables: serde_json::Map<_, _> =
        moved.tables.iter().map(|(table, rows)| ((*table).to_owned(), json!(rows))).collect();
    let told = json!({
        "from": from.to_string(), "to": to.to_string(), "rows": rows, "tables": tables,
        "accounts": moved.accounts, "applications": moved.applications,
    });
    output::print(global.json, &told, |_| {
        format!(
            "{rows} rows are in {to} now; the ledger of {} accounts and {} applications is right there.\n\
             {from} is kept as it was and is not opened any more. Its master key and its witness go on with the first \
             node:\nset master_key_file and witness_file to them.",
            moved.accounts, moved.applications
        )
    })
}
