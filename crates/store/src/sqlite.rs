//! The SQLite engine: one writer thread that commits in groups, two reader threads.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use crossbeam_channel::Receiver;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, params_from_iter};

use crate::job::Taken;
use crate::threads::Threads;
use crate::tx::{On, Row, Value};
use crate::{Clock, Error, Tx, backup, meta, migrate};

const GROUP_JOBS: usize = 256;
const READERS: usize = 2;
const BUSY_WAIT: Duration = Duration::from_secs(10);
const CACHED_STATEMENTS: usize = 64;
const WRITER_CACHE_KIB: i64 = 16 * 1024;
/// Pages that many commits touch are copied back once for all of them.
const CHECKPOINT_PAGES: i64 = 8192;
const READER_CACHE_KIB: i64 = 1024;

/// Opens the file, brings its schema up to date and starts the threads.
pub(crate) fn open(path: &Path, clock: &Clock) -> Result<Threads, Error> {
    backup::refuse_stray_log(path)?;
    make_private(path)?;
    let writer = connect(path, WRITER_CACHE_KIB)?;
    migrate::sqlite(&writer, clock.now())?;
    if let Some(place) = meta::moved(&Tx::new(On::Sqlite(&writer), clock.now()))? {
        return Err(Error::Moved(place));
    }
    let mut readers = Vec::with_capacity(READERS);
    for _ in 0..READERS {
        let (reader, clock) = (connect(path, READER_CACHE_KIB)?, clock.clone());
        run(&reader, "PRAGMA query_only = ON")?;
        readers.push(move |queue: &Receiver<Taken>| read_all(&reader, &clock, queue));
    }
    let clock = clock.clone();
    Threads::start(move |queue| write_all(&writer, &clock, queue), readers)
}

/// Brings the schema up to date; answers from which version to which.
pub(crate) fn bring_up(path: &Path) -> Result<(i64, i64), Error> {
    backup::refuse_stray_log(path)?;
    make_private(path)?;
    migrate::sqlite(&connect(path, WRITER_CACHE_KIB)?, Clock::System.now())
}

/// Letters and sealed grants stand in it: only the owner may read what is made here. The files beside it get its mode
/// from SQLite.
fn make_private(path: &Path) -> Result<(), Error> {
    // No file: refused when it is opened, as it is not durable.
    if path == Path::new(":memory:") {
        return Ok(());
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::Engine(format!("it cannot be made: {error}")))
        }
        _ => Ok(()),
    }
}

pub(crate) fn connect(path: &Path, cache_kib: i64) -> Result<Connection, Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // A plan that looks at bound values is made anew at each use; ours are to be made once.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -{cache_kib};
         PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};"
    ))?;
    let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    // NORMAL would lose acknowledged commits on a power cut; the protocol stands on this.
    if mode != "wal" || synchronous != 2 {
        return Err(Error::Engine(format!(
            "the database must run with journal_mode=WAL and synchronous=FULL, it has {mode} and {synchronous}"
        )));
    }
    Ok(connection)
}

pub(crate) fn execute(connection: &Connection, sql: &str, values: &[Value<'_>]) -> Result<usize, Error> {
    Ok(connection.prepare_cached(sql)?.execute(params_from_iter(values))?)
}

pub(crate) fn one<T>(
    connection: &Connection,
    sql: &str,
    values: &[Value<'_>],
    read: impl FnOnce(&Row<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    rows.next()?.map(|row| read(&Row::Sqlite(row))).transpose()
}

pub(crate) fn all<T>(
    connection: &Connection,
    sql: &str,
    values: &[Value<'_>],
    read: impl Fn(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        list.push(read(&Row::Sqlite(row))?);
    }
    Ok(list)
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

fn run(connection: &Connection, sql: &str) -> Result<(), Error> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// Groups form by themselves: whatever came while the last group was being committed is the next one.
fn write_all(connection: &Connection, clock: &Clock, queue: &Receiver<Taken>) {
    while let Ok(first) = queue.recv() {
        if let Err(error) = run(connection, "BEGIN IMMEDIATE") {
            tracing::error!(%error, "no transaction could be begun");
            first.finish(Err(error));
            continue;
        }
        let mut group = Vec::with_capacity(GROUP_JOBS);
        let mut next = Some(first);
        while let Some(mut taken) = next {
            let kept = in_savepoint(connection, clock, &mut taken);
            group.push((taken, kept));
            // Without its transaction the group has ended: what came next would be durable and told as failed.
            let has_room = group.len() < GROUP_JOBS && !connection.is_autocommit();
            next = if has_room { queue.try_recv().ok() } else { None };
        }
        let committed = run(connection, "COMMIT").inspect_err(|error| {
            tracing::error!(%error, "commit failed, the whole group is undone");
            // Without a transaction there is nothing left to roll back.
            let _ = run(connection, "ROLLBACK");
        });
        for (taken, kept) in group {
            taken.finish(committed.clone().and(kept));
        }
    }
}

/// Runs a job so that its failure, or panic, undoes only itself and not its group.
fn in_savepoint(connection: &Connection, clock: &Clock, taken: &mut Taken) -> Result<(), Error> {
    run(connection, "SAVEPOINT one")?;
    if !taken.job.run(&Tx::new(On::Sqlite(connection), clock.now())) {
        // A full disk makes the engine itself undo the whole transaction, and the savepoint with it.
        if connection.is_autocommit() {
            return Ok(());
        }
        run(connection, "ROLLBACK TO one")?;
    }
    run(connection, "RELEASE one")
}

/// Each closure reads one snapshot, however many statements it has.
fn read_all(connection: &Connection, clock: &Clock, queue: &Receiver<Taken>) {
    while let Ok(mut taken) = queue.recv() {
        if let Err(error) = run(connection, "BEGIN") {
            taken.finish(Err(error));
            continue;
        }
        taken.job.run(&Tx::new(On::Sqlite(connection), clock.now()));
        if let Err(error) = run(connection, "COMMIT") {
            tracing::warn!(%error, "a snapshot could not be ended; it has been read all the same");
        }
        taken.finish(Ok(()));
    }
}
