//! Copies of an SQLite database: one file each, with no log beside it, marked so that nothing is submitted from one.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use applyd_core::time::iso;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::lock::beside;
use crate::meta::{self, Taken};
use crate::tx::On;
use crate::{Error, Tx, event, ledger, migrate};

/// Commands beside the server come and go; a server stays.
const BUSY_WAIT: Duration = Duration::from_secs(3);
/// Findings of the engine's own check that are told.
const MOST_FINDINGS: usize = 5;
/// How the file format begins, and where it says whether writes go through a log.
const MAGIC: &[u8] = b"SQLite format 3\0";
const WRITE_VERSION_AT: usize = 18;
const WITH_LOG: u8 = 2;
const HEAD_BYTES: usize = 20;

/// What a database holds, as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Its migrations.
    pub schema: i64,
    /// How many.
    pub accounts: usize,
    /// How many.
    pub applications: usize,
    /// The place of its newest event.
    pub last_event_seq: i64,
    /// When it was taken, if it is a backup.
    pub taken: Option<Taken>,
    /// What is wrong with its ledger.
    pub violations: Vec<String>,
}

/// Held by the one `backup` of a database, so that what another one left behind can be told from what it writes.
#[derive(Debug)]
pub struct BackupLock {
    _file: File,
}

/// A database that nobody else has open, all of it in its one file, for as long as this lives.
pub struct Alone {
    _connection: Connection,
}

impl BackupLock {
    /// Takes the lock file beside the database.
    ///
    /// # Errors
    /// [`Error::InUse`] while another process has it.
    pub fn take(database: &Path) -> Result<Self, Error> {
        match beside(database, ".backup")? {
            Some(file) => Ok(Self { _file: file }),
            None => Err(Error::InUse(format!("a backup of {} is being made already", database.display()))),
        }
    }
}

/// Copies one snapshot of a database, all commits up to now, into an empty file; whoever writes goes on writing.
///
/// `VACUUM INTO` rather than the page-by-page interface: that one begins anew whenever another process commits, and
/// copies what was erased along with the free pages.
///
/// # Errors
/// The database cannot be read, or the file not written.
pub fn copy(database: &Path, to: &Path) -> Result<(), Error> {
    let connection = existing(database)?;
    let target = to
        .to_str()
        .ok_or_else(|| Error::Engine(format!("the path {} must be UTF-8 for a copy", to.display())))?;
    connection.execute("VACUUM INTO ?1", [target]).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            Error::opening(database.display())(error.into())
        }
        _ => Error::Engine(format!("cannot copy {} to {target}: {error}", database.display())),
    })?;
    Ok(())
}

/// Marks a copy: every start on it is verify-only until the operator ends that, however the file got into its place.
///
/// # Errors
/// The file's.
pub fn mark(copy: &Path, at: i64) -> Result<(), Error> {
    let mut connection = existing(copy)?;
    // Nothing is to lie beside it; should this die, the whole copy is of no use.
    connection.query_row("PRAGMA journal_mode = MEMORY", [], |_| Ok(()))?;
    let transaction = connection.transaction()?;
    let (schema, tx) = (migrate::version(&transaction)?, Tx::new(On::Sqlite(&transaction), at));
    meta::mark_backup(&tx, Taken { at, schema })?;
    let reason = format!("the store is a backup of {}", iso(at));
    meta::set_verify_only(&tx, Some(&reason))?;
    Ok(transaction.commit()?)
}

/// Looks through a database: whether it is ours, whole, and not of a newer program, and what it holds.
///
/// # Errors
/// It is none of that: [`Error::Unopened`] or [`Error::Newer`].
pub fn check(database: &Path) -> Result<Contents, Error> {
    let connection = existing(database)?;
    let unusable = |reason: String| Error::opening(database.display())(Error::Engine(reason));
    contents(&connection).map_err(|error| match error {
        Error::Engine(reason) | Error::Damaged(reason) => unusable(reason),
        error => error,
    })
}

fn contents(connection: &Connection) -> Result<Contents, Error> {
    const OURS: &str = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'
        AND name IN ('meta', 'schema_migration', 'application', 'ledger_entry')";
    if connection.query_row(OURS, [], |row| row.get::<_, i64>(0))? != 4 {
        return Err(Error::Engine("it is no database of applyd".into()));
    }
    let schema = migrate::version(connection)?;
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({MOST_FINDINGS})"))?;
    let findings: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    if findings != ["ok"] {
        return Err(Error::Engine(format!("it is damaged: {}", findings.join("; "))));
    }
    let tx = Tx::new(On::Sqlite(connection), 0);
    let report = ledger::verify(&tx)?;
    Ok(Contents {
        schema,
        accounts: report.accounts,
        applications: report.applications,
        last_event_seq: event::reach(&tx)?,
        taken: meta::backup(&tx)?,
        violations: report.violations,
    })
}

/// Brings what lies in the log of a database into its file, if nobody else has it open; `None`: it is too damaged for
/// that, or the log is not its own, and both are best left as they are.
///
/// # Errors
/// [`Error::InUse`], and the file's.
pub fn alone(database: &Path) -> Result<Option<Alone>, Error> {
    if has_stray_log(database) {
        return Ok(None);
    }
    let taken = existing(database).map_err(|error| (None, error)).and_then(|connection| {
        // Refused while anyone else is there, unlike a mere checkpoint.
        connection
            .query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
            .and_then(|()| connection.execute_batch("BEGIN EXCLUSIVE"))
            .map_err(|error| (error.sqlite_error_code(), error.into()))?;
        Ok(connection)
    });
    match taken {
        Ok(connection) => Ok(Some(Alone { _connection: connection })),
        Err((Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _)) => {
            Err(Error::InUse(format!("another process has {} open", database.display())))
        }
        Err((Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt), _)) => Ok(None),
        Err((_, error)) => Err(Error::opening(database.display())(error)),
    }
}

/// Whether a log lies beside a file that has none of its own, as where a file was copied into the place of another.
/// SQLite would replay it all the same, and mix the two.
#[must_use]
pub fn has_stray_log(database: &Path) -> bool {
    // In this order: a database first says that it has a log, and then makes it.
    let has_log = log_of(database).metadata().is_ok_and(|log| log.len() > 0);
    // Beside an empty file SQLite itself throws the log away.
    let has_content = database.metadata().is_ok_and(|database| database.len() > 0);
    has_log && has_content && !says_it_has_a_log(database).unwrap_or(false)
}

/// Refuses a database with a log that is not its own.
pub(crate) fn refuse_stray_log(database: &Path) -> Result<(), Error> {
    if !has_stray_log(database) {
        return Ok(());
    }
    Err(Error::Engine(format!(
        "{} is the log of another database, left from before this file was put there; `applyd restore` puts a backup \
         in place without it",
        log_of(database).display()
    )))
}

/// The log beside a database.
#[must_use]
pub fn log_of(database: &Path) -> PathBuf {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// Read before the engine opens it: closing a file frees all locks that its process has on it.
fn says_it_has_a_log(database: &Path) -> io::Result<bool> {
    let mut head = [0; HEAD_BYTES];
    File::open(database)?.read_exact(&mut head)?;
    Ok(head.starts_with(MAGIC) && head[WRITE_VERSION_AT] == WITH_LOG)
}

/// Opens what is there, and makes nothing.
fn existing(database: &Path) -> Result<Connection, Error> {
    let open = || -> Result<Connection, Error> {
        if !database.exists() {
            return Err(Error::Engine("there is no such file".into()));
        }
        refuse_stray_log(database)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(database, flags)?;
        connection.busy_timeout(BUSY_WAIT)?;
        Ok(connection)
    };
    open().map_err(Error::opening(database.display()))
}
