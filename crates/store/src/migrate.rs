//! Migrations: forward only, each in its own transaction.

use std::cmp::Ordering;

use rusqlite::Connection;

use crate::Error;
use crate::postgres::{Session, Trouble};
use crate::tx::values;

/// Two migrations at once would trip over each other.
const MIGRATION_LOCK: i64 = 0x6170_706c_7964;

const POSTGRES: [&str; 2] = [
    include_str!("../../../migrations/postgres/0001_init.sql"),
    include_str!("../../../migrations/postgres/0002_dashboard.sql"),
];

const SQLITE: [&str; 16] = [
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
    include_str!("../../../migrations/sqlite/0015_rate_window.sql"),
    include_str!("../../../migrations/sqlite/0016_dashboard.sql"),
];

/// Brings the schema of an SQLite file up to date; answers from which version to which.
pub(crate) fn sqlite(connection: &Connection, now: i64) -> Result<(i64, i64), Error> {
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
    let known = SQLITE.len() as i64;
    if found > known { Err(Error::Newer { found, known }) } else { Ok(found) }
}

fn missing(connection: &Connection, now: i64) -> Result<(i64, i64), Error> {
    let (found, known) = (version(connection)?, SQLITE.len() as i64);
    for (version, sql) in (1..).zip(SQLITE).filter(|(version, _)| *version > found) {
        connection.execute_batch(sql)?;
        connection.execute("INSERT INTO schema_migration (version, at) VALUES (?1, ?2)", [version, now])?;
    }
    Ok((found, known))
}

/// Sees that a shared database has the schema of this program; it is migrated by a command only, as other nodes may
/// run on it.
pub(crate) fn check_postgres(session: &mut Session) -> Result<(), Error> {
    let (found, known) = (version_of(session)?, POSTGRES.len() as i64);
    match found.cmp(&known) {
        Ordering::Less => Err(Error::Older { found, known }),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(Error::Newer { found, known }),
    }
}

/// Brings the schema of a shared database up to date, in the transaction that has begun; answers from where to where.
pub(crate) fn postgres(session: &mut Session, now: i64) -> Result<(i64, i64), Error> {
    let said = |trouble: Trouble| trouble.into_error();
    session.run(&format!("SELECT 1 FROM pg_advisory_xact_lock({MIGRATION_LOCK})")).map_err(said)?;
    let (found, known) = (version_of(session)?, POSTGRES.len() as i64);
    if found > known {
        return Err(Error::Newer { found, known });
    }
    session
        .run("CREATE TABLE IF NOT EXISTS schema_migration (version BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL)")
        .map_err(said)?;
    for (version, sql) in (1..).zip(POSTGRES).filter(|(version, _)| *version > found) {
        session.run(sql).map_err(said)?;
        session
            .execute("INSERT INTO schema_migration (version, at) VALUES (?1, ?2)", values![version, now])?;
    }
    Ok((found, known))
}

fn version_of(session: &mut Session) -> Result<i64, Error> {
    let said = |trouble: Trouble| trouble.into_error();
    if session.run("SELECT to_regclass('schema_migration')").map_err(said)?.is_empty() {
        return Ok(0);
    }
    let version = session.run("SELECT coalesce(max(version), 0) FROM schema_migration").map_err(said)?;
    version
        .first()
        .and_then(|version| version.parse().ok())
        .ok_or_else(|| Error::Damaged("the version of the schema".into()))
}
