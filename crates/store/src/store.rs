//! The seam: closures go in, results come out after the commit.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

use crate::sqlite::{Job, Sqlite};
use crate::{Error, Tx};

/// A handle on the store; cheap to clone.
#[derive(Clone)]
pub struct Store {
    engine: Arc<Sqlite>,
    clock: Clock,
}

/// Where the store's time comes from, Unix milliseconds.
#[derive(Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// Set by a test.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// Now.
    #[must_use]
    pub fn now(&self) -> i64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            Self::Manual(now) => now.load(Ordering::SeqCst),
        }
    }
}

impl Store {
    /// Opens or makes an SQLite database and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened, is no database, or is of a newer applyd.
    pub fn open_sqlite(path: &Path, clock: Clock) -> Result<Self, Error> {
        let engine = Sqlite::open(path, clock.now()).map_err(Error::opening(path))?;
        Ok(Self { engine: Arc::new(engine), clock })
    }

    /// The store's clock, Unix milliseconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Runs `work` in a transaction; its result is answered after the commit. An `Err` undoes it.
    /// It may be run again from its beginning, where an engine undid it for another's sake.
    ///
    /// # Errors
    /// The closure's own, or the store's: then nothing is durable, but for a lost commit's answer.
    pub async fn write<T, E>(&self, work: impl Fn(&Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = self.write_job(work);
        self.engine.write(job)?;
        answer.await.unwrap_or_else(|_| Err(Error::Stopped.into()))
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
        let (job, answer) = self.write_job(work);
        self.engine.write(job)?;
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
        let (job, answer) = self.read_job(work);
        self.engine.read(job)?;
        answer.await.unwrap_or_else(|_| Err(Error::Stopped.into()))
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
        let (job, answer) = self.read_job(work);
        self.engine.read(job)?;
        answer.blocking_recv().unwrap_or_else(|_| Err(Error::Stopped.into()))
    }

    fn write_job<T, E>(
        &self,
        work: impl Fn(&Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> (Job, oneshot::Receiver<Result<T, E>>)
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (send, answer) = oneshot::channel();
        let clock = self.clock.clone();
        let job: Job = Box::new(move |connection| {
            let result = connection.map_err(E::from).and_then(|connection| {
                Sqlite::in_savepoint(connection, |connection| work(&Tx::new(connection, clock.now())))
            });
            Box::new(move |committed| {
                // A caller that went away does not want the answer.
                let _ = send.send(match committed {
                    Ok(()) => result,
                    Err(error) => Err(error.into()),
                });
            })
        });
        (job, answer)
    }

    fn read_job<T, E>(
        &self,
        work: impl Fn(&Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> (Job, oneshot::Receiver<Result<T, E>>)
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (send, answer) = oneshot::channel();
        let clock = self.clock.clone();
        let job: Job = Box::new(move |connection| {
            let result = connection.map_err(E::from).and_then(|connection| {
                Sqlite::guarded(connection, |connection| work(&Tx::new(connection, clock.now())))
            });
            Box::new(move |_| {
                // As above; a snapshot that could not be ended has been read all the same.
                let _ = send.send(result);
            })
        });
        (job, answer)
    }
}
