//! The seam: closures go in, results come out after the commit.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{oneshot, watch};

use crate::job::Taken;
use crate::postgres::Server;
use crate::threads::Threads;
use crate::{Database, Error, Tx, month, postgres, sqlite};

/// So long a caller waits; what it asked for may still be done after that.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// A handle on the store; cheap to clone.
#[derive(Clone)]
pub struct Store {
    threads: Arc<Threads>,
    clock: Clock,
    /// Rung by what other nodes commit; nothing rings where there are none.
    heard: watch::Receiver<()>,
    server: Option<Server>,
}

/// Where the store's time comes from, Unix milliseconds.
#[derive(Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// The clock of a database that many machines share: the machine's and how far that is ahead, as last heard.
    Shared(Arc<AtomicI64>),
    /// Set by a test.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// Now.
    #[must_use]
    pub fn now(&self) -> i64 {
        match self {
            Self::System => machine_now(),
            Self::Shared(ahead) => machine_now().saturating_add(ahead.load(Ordering::Relaxed)),
            Self::Manual(now) => now.load(Ordering::SeqCst),
        }
    }

    /// Takes over what a shared database says it is, asked at this time of the machine. It was so at some moment
    /// between: an answer that was slow to come must not set the clock back.
    pub(crate) fn heard(&self, asked: i64, now: i64) {
        let Self::Shared(ahead) = self else { return };
        let (least, most) = (now.saturating_sub(machine_now()), now.saturating_sub(asked));
        let kept = ahead.load(Ordering::Relaxed);
        ahead.store(kept.min(most).max(least), Ordering::Relaxed);
    }
}

/// Unix milliseconds.
pub(crate) fn machine_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl Store {
    /// Opens a database: SQLite's file is made if it is missing and its schema is brought up to date.
    ///
    /// # Errors
    /// When it cannot be opened or reached, is no database, is of a newer applyd, or (PostgreSQL) of an older one.
    pub fn open(database: &Database, clock: Clock) -> Result<Self, Error> {
        match database {
            Database::Sqlite(path) => Self::open_sqlite(path, clock),
            Database::Postgres(server) => {
                let clock = match clock {
                    Clock::System => Clock::Shared(Arc::default()),
                    clock => clock,
                };
                let (threads, heard) = postgres::open(server, &clock).map_err(Error::opening(server))?;
                Ok(Self { threads: Arc::new(threads), clock, heard, server: Some(Server::clone(server)) })
            }
        }
    }

    /// Brings the schema of a database up to date, as a command; answers from which version to which.
    ///
    /// # Errors
    /// When it cannot be opened or reached, or is of a newer applyd.
    pub fn migrate(database: &Database) -> Result<(i64, i64), Error> {
        match database {
            Database::Sqlite(path) => sqlite::bring_up(path).map_err(Error::opening(path.display())),
            Database::Postgres(server) => {
                let versions = postgres::migrate(server).map_err(Error::opening(server))?;
                month::prepare(server, machine_now())?;
                Ok(versions)
            }
        }
    }

    /// Opens or makes an SQLite database and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened, is no database, or is of a newer applyd.
    pub fn open_sqlite(path: &Path, clock: Clock) -> Result<Self, Error> {
        let threads = sqlite::open(path, &clock).map_err(Error::opening(path.display()))?;
        Ok(Self { threads: Arc::new(threads), clock, heard: watch::channel(()).1, server: None })
    }

    /// Sees that the months to come have their places, where history lies by the month; it waits for the database.
    ///
    /// # Errors
    /// When it cannot be reached. What finds no place of its own is kept all the same.
    pub fn prepare_months(&self) -> Result<(), Error> {
        self.server.as_ref().map_or(Ok(()), |server| month::prepare(server, self.now()))
    }

    /// The store's clock, Unix milliseconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Hints that another node may have committed something; one may be lost.
    #[must_use]
    pub fn hints(&self) -> Hints {
        Hints(self.heard.clone())
    }

    /// Runs `work` in a transaction; its result is answered after the commit. An `Err` undoes it.
    /// It may be run again from its beginning, where an engine undid it for another's sake.
    ///
    /// # Errors
    /// The closure's own, or the store's: then nothing is durable, but for [`Error::Unknown`].
    pub async fn write<T, E>(&self, work: impl Fn(&Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = Taken::new(work);
        self.threads.write(job)?;
        answered(answer).await
    }

    /// The same for a thread without a runtime.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_blocking<T, E>(
        &self,
        work: impl Fn(&Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = Taken::new(work);
        self.threads.write(job)?;
        answer.blocking_recv().unwrap_or_else(|_| Err(Error::Stopped.into()))
    }

    /// Runs `work` on a reader, on one snapshot of the store; it must not change anything.
    ///
    /// # Errors
    /// The closure's own, or the store's.
    pub async fn read<T, E>(&self, work: impl Fn(&Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = Taken::new(work);
        self.threads.read(job)?;
        answered(answer).await
    }

    /// The same for a thread without a runtime.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_blocking<T, E>(&self, work: impl Fn(&Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = Taken::new(work);
        self.threads.read(job)?;
        answer.blocking_recv().unwrap_or_else(|_| Err(Error::Stopped.into()))
    }
}

/// Hears hints; what rang before it was made is not heard.
pub struct Hints(watch::Receiver<()>);

impl Hints {
    /// Waits for the next hint; for ever where none can come.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits for an answer, but not for ever: a database that hangs in a commit may still make it.
async fn answered<T, E: From<Error>>(answer: oneshot::Receiver<Result<T, E>>) -> Result<T, E> {
    match tokio::time::timeout(ANSWER_WAIT, answer).await {
        Ok(answer) => answer.unwrap_or_else(|_| Err(Error::Stopped.into())),
        Err(_) => Err(Error::Unknown.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(ahead: i64) -> Clock {
        Clock::Shared(Arc::new(AtomicI64::new(ahead)))
    }

    #[test]
    fn a_slow_answer_does_not_set_a_shared_clock_back_and_a_true_difference_is_taken_over() {
        let near = |clock: &Clock, ahead: i64| (clock.now() - machine_now() - ahead).abs() < 100;
        let asked = machine_now() - 3_000;
        let clock = shared(0);
        // Answered at once, and three seconds on the way.
        clock.heard(asked, asked);
        assert!(near(&clock, 0));
        // Three seconds in the queue, and answered at once.
        clock.heard(asked, asked + 3_000);
        assert!(near(&clock, 0));
        for ahead in [60_000, -60_000] {
            clock.heard(machine_now(), machine_now() + ahead);
            assert!(near(&clock, ahead));
        }
    }
}
