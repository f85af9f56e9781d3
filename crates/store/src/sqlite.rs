//! The SQLite engine: one writer thread that commits in groups, two reader threads.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::{Error, backup, migrate};

/// Work for a connection, or why there is no transaction to work in; what it returns is called with what
/// became of the commit.
pub(crate) type Job = Box<dyn FnOnce(Result<&Connection, Error>) -> Finish + Send>;
/// Answers the caller.
pub(crate) type Finish = Box<dyn FnOnce(Result<(), Error>) + Send>;

const QUEUE_JOBS: usize = 4096;
const GROUP_JOBS: usize = 256;
const READERS: usize = 2;
const BUSY_WAIT: Duration = Duration::from_secs(10);
const CACHED_STATEMENTS: usize = 64;
const WRITER_CACHE_KIB: i64 = 16 * 1024;
/// Pages that many commits touch are copied back once for all of them.
const CHECKPOINT_PAGES: i64 = 8192;
const READER_CACHE_KIB: i64 = 1024;

pub(crate) struct Sqlite {
    writes: Option<Sender<Job>>,
    reads: Option<Sender<Job>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Sqlite {
    pub(crate) fn open(path: &Path, now: i64) -> Result<Self, Error> {
        backup::refuse_stray_log(path)?;
        make_private(path)?;
        let writer = connect(path, WRITER_CACHE_KIB)?;
        migrate::up(&writer, now)?;
        let (writes, write_queue) = bounded(QUEUE_JOBS);
        let (reads, read_queue) = bounded(QUEUE_JOBS);
        let mut threads = vec![spawn("store-writer", move || write_all(&writer, &write_queue))?];
        for _ in 0..READERS {
            let (reader, queue) = (connect(path, READER_CACHE_KIB)?, read_queue.clone());
            run(&reader, "PRAGMA query_only = ON")?;
            threads.push(spawn("store-reader", move || read_all(&reader, &queue))?);
        }
        Ok(Self { writes: Some(writes), reads: Some(reads), threads: Mutex::new(threads) })
    }

    pub(crate) fn write(&self, job: Job) -> Result<(), Error> {
        enqueue(self.writes.as_ref(), job)
    }

    pub(crate) fn read(&self, job: Job) -> Result<(), Error> {
        enqueue(self.reads.as_ref(), job)
    }

    /// Runs `work` so that its failure, or panic, undoes only itself and not its group.
    pub(crate) fn in_savepoint<T, E: From<Error>>(
        connection: &Connection,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        run(connection, "SAVEPOINT one")?;
        let result = Self::guarded(connection, work);
        if result.is_err() {
            // A full disk makes the engine itself undo the whole transaction, and the savepoint with it.
            if connection.is_autocommit() {
                return result;
            }
            run(connection, "ROLLBACK TO one")?;
        }
        run(connection, "RELEASE one")?;
        result
    }

    /// Runs `work`; its panic is an error like any other and does not take the thread along.
    pub(crate) fn guarded<T, E: From<Error>>(
        connection: &Connection,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or_else(|_| Err(Error::Panicked.into()))
    }
}

impl Drop for Sqlite {
    /// What was taken in is finished first: an accepted write is never dropped by an orderly end.
    fn drop(&mut self) {
        self.writes = None;
        self.reads = None;
        let threads = self.threads.get_mut().map(std::mem::take).unwrap_or_default();
        let here = std::thread::current().id();
        for thread in threads.into_iter().filter(|thread| thread.thread().id() != here) {
            // A thread that panicked has nothing left to finish.
            let _ = thread.join();
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(work)
        .map_err(|error| Error::Engine(format!("cannot start the thread {name}: {error}")))
}

fn enqueue(queue: Option<&Sender<Job>>, job: Job) -> Result<(), Error> {
    let queue = queue.ok_or(Error::Stopped)?;
    queue.try_send(job).map_err(|error| match error {
        TrySendError::Full(_) => Error::Busy,
        TrySendError::Disconnected(_) => Error::Stopped,
    })
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

fn run(connection: &Connection, sql: &str) -> Result<(), Error> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// Groups form by themselves: whatever came while the last group was being committed is the next one.
fn write_all(connection: &Connection, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let mut finishes = Vec::with_capacity(GROUP_JOBS);
        if let Err(error) = run(connection, "BEGIN IMMEDIATE") {
            tracing::error!(%error, "no transaction could be begun");
            first(Err(error))(Ok(()));
            continue;
        }
        finishes.push(first(Ok(connection)));
        // Without its transaction the group has ended: what came next would be durable and told as failed.
        while finishes.len() < GROUP_JOBS && !connection.is_autocommit() {
            let Ok(job) = queue.try_recv() else { break };
            finishes.push(job(Ok(connection)));
        }
        let committed = run(connection, "COMMIT").inspect_err(|error| {
            tracing::error!(%error, "commit failed, the whole group is undone");
            // Without a transaction there is nothing left to roll back.
            let _ = run(connection, "ROLLBACK");
        });
        for finish in finishes {
            finish(committed.clone());
        }
    }
}

/// Each closure reads one snapshot, however many statements it has.
fn read_all(connection: &Connection, queue: &Receiver<Job>) {
    while let Ok(job) = queue.recv() {
        if let Err(error) = run(connection, "BEGIN") {
            job(Err(error))(Ok(()));
            continue;
        }
        let finish = job(Ok(connection));
        finish(run(connection, "COMMIT"));
    }
}
