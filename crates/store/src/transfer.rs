//! A whole SQLite database into an empty PostgreSQL one: copied, compared, and only then there.
//!
//! The old file is marked as moved before the new database is made durable, and is never opened for work again: two
//! living copies would both submit. A crash between the two leaves a marked file and an empty database, which the same
//! command ends.

use std::cell::RefCell;
use std::io::Write as _;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::postgres::{Server, Session, Trouble};
use crate::tx::On;
use crate::{Database, Error, ServeLock, Tx, ledger, meta, migrate, month, sqlite, threads};

/// In an order in which each row finds what it refers to.
const TABLES: [&str; 28] = [
    "meta",
    "account",
    "api_key",
    "freelancer",
    "profile",
    "oauth_client",
    "oauth_grant",
    "person",
    "application",
    "intent",
    "ledger_entry",
    "event",
    "timeline",
    "idempotency",
    "showing",
    "decision",
    "connects_limit",
    "audit",
    "webhook",
    "delivery",
    "stored_job",
    "job_number",
    "rate_limit",
    "rate_window",
    "feed",
    "letter",
    "pause",
    "tool_schema",
];
/// Tables whose rows say nothing after the move; people sign in to the dashboard once more.
#[cfg(test)]
const LEFT_BEHIND: [&str; 5] = ["pace", "schema_migration", "session", "sign_in_attempt", "sign_in_link"];
const SOURCE_CACHE_KIB: i64 = 16 * 1024;
const COPY_BYTES: usize = 1 << 16;

/// What was moved.
#[derive(Debug, Clone)]
pub struct Moved {
    /// Rows of each table, which both databases have.
    pub tables: Vec<(&'static str, u64)>,
    /// Accounts whose ledger is right in the new database.
    pub accounts: usize,
    /// Applications whose ledger is right.
    pub applications: usize,
}

/// Moves it; `told` hears of each table before its rows are copied.
///
/// # Errors
/// When a server runs on the file, the new database has anything in it or lacks the schema, a row cannot be taken
/// over, or counts or ledger differ: the new database is empty then. [`Error::Unknown`] if its commit was not answered.
pub fn transfer(
    from: &Path,
    to: &Database,
    mut told: impl FnMut(&str) + Send + 'static,
) -> Result<Moved, Error> {
    let Database::Postgres(server) = to else {
        return Err(Error::Engine("a database is moved from sqlite:PATH to postgres://…".into()));
    };
    let opening = Error::opening(from.display());
    let lock = ServeLock::take(from)?;
    let source = sqlite::connect(from, SOURCE_CACHE_KIB).map_err(&opening)?;
    migrate::sqlite(&source, crate::Clock::System.now()).map_err(opening)?;
    let (server, name) = (Server::clone(server), to.to_string());
    // A thread of its own: a connection has a runtime inside, and the caller may stand in one.
    let moving = threads::spawn("transfer", move || {
        let moved = moved(&source, &server, &name, &mut told);
        drop(lock);
        moved
    })?;
    moving.join().unwrap_or(Err(Error::Panicked))
}

fn moved(
    source: &Connection,
    server: &Server,
    name: &str,
    told: &mut impl FnMut(&str),
) -> Result<Moved, Error> {
    let now = crate::Clock::System.now();
    let target = RefCell::new(Session::new(server.clone()));
    run(&target, Session::begin, "BEGIN; LOCK TABLE meta, account IN ACCESS EXCLUSIVE MODE")?;
    migrate::check_postgres(&mut target.borrow_mut())?;
    // Nobody writes to the file any more, commands included.
    source.execute_batch("BEGIN IMMEDIATE")?;
    let oldest: i64 =
        source.query_row("SELECT coalesce(min(at), ?1) FROM timeline", [now], |row| row.get(0))?;
    month::make_since(&mut target.borrow_mut(), oldest, now)?;
    let mut tables = Vec::with_capacity(TABLES.len());
    for table in TABLES {
        if count(&target, table)? > 0 {
            return Err(Error::Engine(format!(
                "{name} is not empty: it has rows in `{table}`; move into a fresh database"
            )));
        }
        told(table);
        let rows = copy(source, &target, table)?;
        if count(&target, table)? != rows {
            return Err(Error::Damaged(format!("table `{table}`: not all of its {rows} rows arrived")));
        }
        tables.push((table, rows));
    }
    go_on_counting(&target)?;
    let new = Tx::new(On::Postgres(&target), now);
    let report = ledger::verify(&new)?;
    if let Some(violation) = report.violations.first() {
        return Err(Error::Damaged(format!("the ledger is not right: {violation}")));
    }
    // A file that was marked by a try that came no further is moved all the same.
    meta::set_moved(&new, None)?;
    meta::set_moved(&Tx::new(On::Sqlite(source), now), Some(name))?;
    source.execute_batch("COMMIT")?;
    match target.borrow_mut().run("COMMIT") {
        Ok(_) => Ok(Moved { tables, accounts: report.accounts, applications: report.applications }),
        Err(Trouble::Lost(_)) => Err(Error::Unknown),
        Err(trouble) => {
            meta::set_moved(&Tx::new(On::Sqlite(source), now), None)?;
            Err(trouble.into_error())
        }
    }
}

fn run(
    target: &RefCell<Session>,
    how: impl FnOnce(&mut Session, &str) -> Result<Vec<String>, Trouble>,
    sql: &str,
) -> Result<Vec<String>, Error> {
    how(&mut target.borrow_mut(), sql).map_err(Trouble::into_error)
}

fn count(target: &RefCell<Session>, table: &str) -> Result<u64, Error> {
    let counted = run(target, Session::run, &format!("SELECT count(*) FROM {table}"))?;
    counted.first().and_then(|rows| rows.parse().ok()).ok_or_else(|| Error::Damaged(table.to_owned()))
}

/// Copies a table row by row; answers how many there were.
fn copy(source: &Connection, target: &RefCell<Session>, table: &str) -> Result<u64, Error> {
    let mut statement = source.prepare(&format!("SELECT * FROM {table}"))?;
    let columns = statement.column_names().collect::<Vec<_>>().join(", ");
    let width = statement.column_count();
    let mut rows = statement.query([])?;
    let into = format!("COPY {table} ({columns}) FROM STDIN");
    target.borrow_mut().copy(&into, |out| {
        let (mut count, mut lines) = (0, Vec::with_capacity(COPY_BYTES));
        while let Some(row) = rows.next().map_err(Error::from)? {
            for at in 0..width {
                write_value(&mut lines, row.get_ref(at).map_err(Error::from)?);
                lines.push(if at + 1 == width { b'\n' } else { b'\t' });
            }
            count += 1;
            if lines.len() >= COPY_BYTES {
                out.write_all(&lines).map_err(|error| Error::Engine(error.to_string()))?;
                lines.clear();
            }
        }
        out.write_all(&lines).map_err(|error| Error::Engine(error.to_string()))?;
        Ok(count)
    })
}

/// In the text format of COPY.
fn write_value(line: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => line.extend(b"\\N"),
        ValueRef::Integer(number) => line.extend(number.to_string().bytes()),
        ValueRef::Real(number) => line.extend(number.to_string().bytes()),
        ValueRef::Blob(bytes) => {
            line.extend(b"\\\\x");
            line.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
        }
        ValueRef::Text(text) => {
            for byte in text {
                match byte {
                    b'\\' => line.extend(b"\\\\"),
                    b'\n' => line.extend(b"\\n"),
                    b'\r' => line.extend(b"\\r"),
                    b'\t' => line.extend(b"\\t"),
                    byte => line.push(*byte),
                }
            }
        }
    }
}

fn digit(half: u8) -> u8 {
    b"0123456789abcdef"[usize::from(half)]
}

/// What counts its rows by itself goes on after the highest that was brought along.
fn go_on_counting(target: &RefCell<Session>) -> Result<(), Error> {
    let counting = run(
        target,
        Session::run,
        "SELECT d.refobjid::regclass::text || ' ' || a.attname || ' ' || s.oid::regclass::text
         FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i')
         JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE s.relkind = 'S' AND s.relnamespace = current_schema()::regnamespace",
    )?;
    for counted in counting {
        let mut words = counted.split(' ');
        let (Some(table), Some(column), Some(sequence)) = (words.next(), words.next(), words.next()) else {
            return Err(Error::Damaged(counted));
        };
        run(
            target,
            Session::run,
            &format!("SELECT setval('{sequence}', coalesce(max({column}), 0) + 1, false) FROM {table}"),
        )?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn no_table_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let file = sqlite::connect(&folder.path().join("applyd.db"), 1024).unwrap();
        migrate::sqlite(&file, 1).unwrap();
        let mut listed = file
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            .unwrap();
        let mut all: Vec<String> =
            listed.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        let mut known: Vec<_> = TABLES.iter().chain(&LEFT_BEHIND).map(|name| (*name).to_owned()).collect();
        all.sort();
        known.sort();
        assert_eq!(all, known);
    }
}
