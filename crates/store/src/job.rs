//! A closure on its way through a store's threads, and back to its caller.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::{Error, Tx, fault};

/// What a thread of the store does with a closure, whatever it answers.
pub(crate) trait Job: Send {
    /// Runs it in a transaction, from its beginning; answers whether its changes are to stay.
    fn run(&mut self, tx: &Tx<'_>) -> bool;

    /// Answers the caller: with what the last run gave, or with why that does not hold.
    fn finish(self: Box<Self>, kept: Result<(), Error>);
}

/// A job and since when it waits.
pub(crate) struct Taken {
    pub(crate) job: Box<dyn Job>,
    pub(crate) since: Instant,
}

/// A closure, its last result, and who waits for it.
struct Closure<W, T, E> {
    work: W,
    result: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl Taken {
    /// Makes a job of a closure; what it answers is received.
    pub(crate) fn new<T, E>(
        work: impl Fn(&Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T, E>>)
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (answer, received) = oneshot::channel();
        let job = Box::new(Closure { work, result: None, answer });
        (Self { job, since: Instant::now() }, received)
    }

    pub(crate) fn finish(self, kept: Result<(), Error>) {
        self.job.finish(kept);
    }
}

impl<W, T, E> Job for Closure<W, T, E>
where
    W: Fn(&Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, tx: &Tx<'_>) -> bool {
        // A panic is an error like any other and does not take the thread along.
        let result = catch_unwind(AssertUnwindSafe(|| (self.work)(tx)));
        let result = result.unwrap_or_else(|_| Err(Error::Panicked.into()));
        self.result.insert(result).is_ok() && !fault::is_told("forget")
    }

    fn finish(self: Box<Self>, kept: Result<(), Error>) {
        let result = match kept {
            Ok(()) => self.result.unwrap_or_else(|| Err(Error::Stopped.into())),
            Err(error) => Err(error.into()),
        };
        // A caller that went away does not want the answer.
        let _ = self.answer.send(result);
    }
}
