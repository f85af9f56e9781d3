//! Migrations: forward only, each in its own transaction.

use rusqlite::Connection;

use crate::Error;

const MIGRATIONS: [&str; 14] = [
    include_str!("../../../migrations/sqlite/0001_init.sql"),
    include_str!("../../../migrations/sqlite/0002_webhook.sql"),
    include_str!("../../../migrations/sqlite/0003_stored_job.sql"),
    include_str!("../../../migrations/sqlite/0004_rate_limit.sql"),
    include_str!("../../../migrations/sqlite/0005_letter.sql"),
    include_str!("../../../migrations/sqlite/0006_event_index.sql"),
    include_str!("../../../migrations/sqlite/0007_timeline_actor.sql"),
    include_str!("../../../migrations/sqlite/0008_grant_of_person.sql"),
    include_str!("../../../migrations/sqlite/0009_pause_and_pace.sql"),
    include_str!("../../../migrations/sqlite/0010_approval.sql"),
    include_str!("../../../migrations/sqlite/0011_desk.sql"),
    include_str!("../../../migrations/sqlite/0012_audit.sql"),
    include_str!("../../../migrations/sqlite/0013_intent_login.sql"),
    include_str!("../../../migrations/sqlite/0014_open_intent.sql"),
];

/// Brings the schema up to date.
pub(crate) fn up(connection: &Connection, now: i64) -> Result<(), Error> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migration (version INTEGER NOT NULL PRIMARY KEY, at INTEGER NOT NULL) STRICT",
    )?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let result = missing(connection, now);
    connection.execute_batch(if result.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    result
}

/// The schema of a database that this program knows.
pub(crate) fn version(connection: &Connection) -> Result<i64, Error> {
    let found: i64 =
        connection
            .query_row("SELECT coalesce(max(version), 0) FROM schema_migration", [], |row| row.get(0))?;
    let known = MIGRATIONS.len() as i64;
    if found > known { Err(Error::Newer { found, known }) } else { Ok(found) }
}

fn missing(connection: &Connection, now: i64) -> Result<(), Error> {
    let found = version(connection)?;
    for (version, sql) in (1..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        connection.execute_batch(sql)?;
        connection.execute("INSERT INTO schema_migration (version, at) VALUES (?1, ?2)", [version, now])?;
    }
    Ok(())
}
