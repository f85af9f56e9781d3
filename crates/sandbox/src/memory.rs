//! The stand-in's own durable memory, one SQLite file.

pub(crate) mod grants;
pub(crate) mod previews;
pub(crate) mod proposals;
pub(crate) mod scripts;

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::error::Error;

/// How long a statement waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS organisations (
    number INTEGER PRIMARY KEY, org_uid TEXT NOT NULL UNIQUE, login_hint TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS clients (
    client_id TEXT PRIMARY KEY, redirect_uris TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS codes (
    code TEXT PRIMARY KEY, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL, challenge TEXT NOT NULL,
    resource TEXT NOT NULL, org_uid TEXT NOT NULL, expires_ms INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS tokens (
    access TEXT PRIMARY KEY, refresh TEXT NOT NULL UNIQUE, grant_id TEXT NOT NULL, client_id TEXT NOT NULL,
    org_uid TEXT NOT NULL, expires_ms INTEGER NOT NULL, refreshed INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX IF NOT EXISTS tokens_by_grant ON tokens (grant_id);
CREATE TABLE IF NOT EXISTS old_ciphertexts (
    job_id TEXT PRIMARY KEY, ciphertext TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS previews (
    preview_id TEXT PRIMARY KEY, org_uid TEXT NOT NULL, job_id TEXT NOT NULL, terms TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'superseded', 'used')),
    created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS one_pending_preview ON previews (org_uid) WHERE state = 'pending';
CREATE TABLE IF NOT EXISTS received (
    org_uid TEXT NOT NULL, job_id TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (org_uid, job_id)) STRICT;
CREATE TABLE IF NOT EXISTS proposals (
    number INTEGER PRIMARY KEY AUTOINCREMENT, org_uid TEXT NOT NULL, job_id TEXT NOT NULL, queue_id TEXT,
    terms TEXT NOT NULL, created_ms INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS proposals_by_job ON proposals (org_uid, job_id);
CREATE INDEX IF NOT EXISTS proposals_by_number ON proposals (org_uid, number);
CREATE TABLE IF NOT EXISTS script_reads (
    request_id TEXT NOT NULL, job_id TEXT NOT NULL, failed_reads INTEGER NOT NULL, token TEXT NOT NULL,
    PRIMARY KEY (request_id, job_id)) STRICT;
CREATE TABLE IF NOT EXISTS darkness (
    org_uid TEXT NOT NULL, job_id TEXT NOT NULL, until_ms INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS darkness_by_org ON darkness (org_uid);
";

/// The one connection; whoever holds the lock is the only one at work.
pub(crate) struct Memory(Arc<Mutex<Connection>>);

impl Memory {
    pub(crate) fn open(database: &Path) -> Result<Self, Error> {
        make_private(database)?;
        let connection = Connection::open(database)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        let journal: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
        if journal != "wal" || synchronous != 2 {
            return Err(Error::NotDurable(format!("journal_mode {journal}, synchronous {synchronous}")));
        }
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Runs a change in one transaction, which is on disk when this returns.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.run(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = change(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })
        .await
    }

    /// Runs a read.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.run(|connection| read(connection)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let connection = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            // A panic inside a transaction rolled it back; the connection is as good as before.
            work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        })
        .await?
    }
}

/// Letters and tokens stand in it: only the owner may read what is made here. The files beside it get its mode from
/// SQLite.
fn make_private(database: &Path) -> Result<(), Error> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(database) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(Error::Unmade(error)),
        _ => Ok(()),
    }
}

/// Opens the file for reading beside a running stand-in; none if there is no file yet.
pub(crate) fn open_to_read(database: &Path) -> Result<Option<Connection>, Error> {
    if !database.exists() {
        return Ok(None);
    }
    let connection = Connection::open_with_flags(
        database,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let has_tables: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'proposals')",
        [],
        |row| row.get(0),
    )?;
    Ok(has_tables.then_some(connection))
}
