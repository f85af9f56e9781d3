//! The PostgreSQL engine: one writer thread a node that commits in groups, some reader threads.
//!
//! Nodes share the database and nothing else. A group is one SERIALIZABLE transaction, run again from its beginning
//! where it was undone for another's sake; how a lost answer to a COMMIT is found out stands in `doubt`.

mod doubt;
mod hints;
mod server;
mod session;
mod value;
mod waiting;

use std::cell::RefCell;
use std::sync::mpsc;
use std::time::Duration;

use crossbeam_channel::Receiver;
use tokio::sync::watch;

use crate::job::Taken;
use crate::store::machine_now;
use crate::threads::{Threads, spawn};
use crate::tx::On;
use crate::{Clock, Error, Tx, migrate};

use hints::Bell;
pub(crate) use server::Server;
pub(crate) use session::Session;
pub(crate) use session::Trouble;
pub(crate) use value::{Whole, get};
use waiting::Waiting;

const GROUP_JOBS: usize = 64;
const READERS: usize = 4;
const PURGE_AFTER_GROUPS: u64 = 4096;
const RECONNECT_EVERY: Duration = Duration::from_millis(200);

/// The clock is read after the snapshot was wanted; nobody holds a lock while its node is frozen for longer than this
/// says. A small table is read by its index: a look at the whole of it would conflict with each change of it, and a
/// plan made while it was small would stay.
const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE; \
     SET LOCAL idle_in_transaction_session_timeout = '5s'; SET LOCAL enable_seqscan = off; SET LOCAL jit = off; ";
/// So long a lock is waited for. Jobs that share a transaction take locks in any order, and may wait in a circle,
/// which the server itself looks for after a second only.
const WAIT_ALONE: &str = "SET LOCAL lock_timeout = '5s'; ";
const WAIT_TOGETHER: &str = "SET LOCAL lock_timeout = '200ms'; ";
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; \
     SET LOCAL idle_in_transaction_session_timeout = '60s'; SET LOCAL enable_seqscan = off; SET LOCAL jit = off; ";
const NOW: &str = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT); ";

/// Reaches the server, sees that its schema is today's, and starts the threads.
pub(crate) fn open(server: &Server, clock: &Clock) -> Result<(Threads, watch::Receiver<()>), Error> {
    let mut readers = Vec::with_capacity(READERS);
    for _ in 0..READERS {
        let (session, clock) = (Session::new(server.clone()), clock.clone());
        readers.push(move |queue: &Receiver<Taken>| Connection::new(session, clock).read_all(queue));
    }
    let (session, clock) = (Session::new(server.clone()), clock.clone());
    let (bell, heard) = hints::start(server)?;
    let (tell, told) = mpsc::sync_channel(1);
    let threads = Threads::start(
        move |queue| {
            let mut writer = Connection::new(session, clock);
            // A connection is made and used on its own thread only: it has a runtime inside.
            let _ = tell.send(writer.look_at_schema());
            writer.write_all(queue, &bell);
        },
        readers,
    )?;
    told.recv().unwrap_or(Err(Error::Stopped))?;
    Ok((threads, heard))
}

/// Brings the schema up to date; answers from which version to which.
pub(crate) fn migrate(server: &Server) -> Result<(i64, i64), Error> {
    let mut session = Session::new(server.clone());
    // A thread of its own: a connection has a runtime inside, and the caller may stand in one.
    let migrated = spawn("migration", move || {
        let begun = session.begin(&format!("BEGIN; {NOW}")).map_err(Trouble::into_error)?;
        let now = begun.first().and_then(|now| now.parse().ok()).unwrap_or_default();
        let versions = migrate::postgres(&mut session, now)?;
        session.run("COMMIT").map_err(Trouble::into_error)?;
        Ok(versions)
    })?;
    migrated.join().unwrap_or(Err(Error::Panicked))
}

/// A session and the clock it is asked for.
struct Connection {
    session: RefCell<Session>,
    clock: Clock,
}

/// What became of one try of a group.
enum Tried {
    /// Committed; each job's own failure, if any.
    Committed(Vec<Result<(), Error>>),
    /// Undone for another's sake.
    Conflict(Error),
    /// Undone with its connection.
    Lost(Error),
    /// Undone for good.
    Refused(Error),
    /// The answer to its COMMIT is missing, or says that it may not last; what holds if it was made.
    InDoubt(Vec<Result<(), Error>>),
}

impl From<Trouble> for Tried {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Conflict(error) | Trouble::Taken(error) => Self::Conflict(error),
            Trouble::Lost(error) => Self::Lost(error),
            Trouble::Failed(error) => Self::Refused(error),
        }
    }
}

impl Connection {
    fn new(session: Session, clock: Clock) -> Self {
        Self { session: RefCell::new(session), clock }
    }

    fn look_at_schema(&mut self) -> Result<(), Error> {
        let session = self.session.get_mut();
        session.begin("BEGIN READ ONLY").map_err(Trouble::into_error)?;
        let checked = migrate::check_postgres(session);
        session.run("ROLLBACK").map_err(Trouble::into_error)?;
        checked
    }

    fn write_all(&mut self, queue: &Receiver<Taken>, bell: &Bell) {
        let mut waiting = Waiting::new(GROUP_JOBS);
        let mut groups: u64 = 0;
        while waiting.fill(queue) {
            self.write(&mut waiting);
            if self.session.get_mut().take_told() {
                bell.ring();
            }
            groups += 1;
            if groups.is_multiple_of(PURGE_AFTER_GROUPS)
                && let Err(trouble) = self.session.get_mut().begin(doubt::PURGE)
            {
                let error = trouble.into_error();
                tracing::warn!(%error, "the marks of old groups could not be removed");
                self.session.get_mut().leave();
            }
        }
    }

    /// Tries the next group once; who is not answered by it waits on.
    fn write(&mut self, waiting: &mut Waiting) {
        let id = format!("{:032x}", fastrand::u128(..));
        let taken_is_conflict = !waiting.is_repeated();
        match self.attempt(&id, waiting.group(), taken_is_conflict) {
            Tried::Committed(kept) => waiting.committed(kept),
            Tried::Refused(error) => waiting.refused(&error),
            Tried::Conflict(error) => std::thread::sleep(waiting.met(&error)),
            Tried::Lost(error) => self.lost(waiting, &error),
            Tried::InDoubt(kept) => match doubt::find_out(self.session.get_mut(), &id) {
                Some(true) => waiting.committed(kept),
                Some(false) => {}
                None => waiting.refused(&Error::Unknown),
            },
        }
    }

    fn lost(&mut self, waiting: &mut Waiting, error: &Error) {
        self.session.get_mut().leave();
        if waiting.lost(error) {
            std::thread::sleep(RECONNECT_EVERY);
        }
    }

    fn attempt(&mut self, id: &str, group: &mut [Taken], taken_is_conflict: bool) -> Tried {
        self.attempted(id, group, taken_is_conflict).unwrap_or_else(|trouble| {
            // A transaction that is not there any more needs no rollback.
            let _ = self.session.get_mut().run("ROLLBACK");
            trouble.into()
        })
    }

    fn attempted(
        &mut self,
        id: &str,
        group: &mut [Taken],
        taken_is_conflict: bool,
    ) -> Result<Tried, Trouble> {
        let wait = if group.len() > 1 { WAIT_TOGETHER } else { WAIT_ALONE };
        let begin = format!("{BEGIN_WRITE}{wait}{NOW}{}SAVEPOINT one", doubt::mark(id));
        let asked = machine_now();
        let begun = self.session.get_mut().begin(&begin)?;
        let now = self.heard(asked, &begun)?;
        let mut kept = Vec::with_capacity(group.len());
        for (at, taken) in group.iter_mut().enumerate() {
            if at > 0 {
                self.session.get_mut().run("RELEASE SAVEPOINT one; SAVEPOINT one")?;
            }
            let stays = taken.job.run(&Tx::new(On::Postgres(&self.session), now));
            let session = self.session.get_mut();
            let own = match session.take_trouble() {
                None => Ok(()),
                Some(Trouble::Failed(error)) => Err(error),
                Some(Trouble::Taken(error)) if !taken_is_conflict => Err(error),
                Some(trouble) => return Err(trouble),
            };
            if !stays || own.is_err() {
                session.run("ROLLBACK TO SAVEPOINT one")?;
            }
            // A failure that the closure itself answers is told in its own words.
            kept.push(if stays { own } else { Ok(()) });
        }
        let session = self.session.get_mut();
        session.take_warning();
        match session.run("RELEASE SAVEPOINT one; COMMIT") {
            Ok(_) if session.take_warning() => Ok(Tried::InDoubt(kept)),
            Ok(_) => Ok(Tried::Committed(kept)),
            Err(Trouble::Lost(_)) => Ok(Tried::InDoubt(kept)),
            Err(trouble) => Err(trouble),
        }
    }

    /// The time of a transaction: the database's, which all nodes share, or a test's.
    fn heard(&self, asked: i64, begun: &[String]) -> Result<i64, Trouble> {
        let said = begun.last().and_then(|now| now.parse().ok());
        let now = said.ok_or_else(|| Trouble::Failed(Error::Damaged("the database's clock".into())))?;
        self.clock.heard(asked, now);
        Ok(self.clock.now())
    }

    /// Each closure reads one snapshot, of the primary: what was answered anywhere is seen.
    fn read_all(&mut self, queue: &Receiver<Taken>) {
        let mut waiting = Waiting::new(1);
        while waiting.fill(queue) {
            match self.read(&mut waiting.group()[0]) {
                Ok(()) => waiting.committed(vec![Ok(())]),
                Err(Trouble::Lost(error)) => self.lost(&mut waiting, &error),
                Err(trouble) => waiting.refused(&trouble.into_error()),
            }
            // Nothing hangs on its end: what it gave has been answered.
            if self.session.get_mut().run("COMMIT").is_err() {
                self.session.get_mut().leave();
            }
        }
    }

    fn read(&mut self, taken: &mut Taken) -> Result<(), Trouble> {
        let asked = machine_now();
        let begun = self.session.get_mut().begin(&format!("{BEGIN_READ}{NOW}"))?;
        let now = self.heard(asked, &begun)?;
        let stays = taken.job.run(&Tx::new(On::Postgres(&self.session), now));
        match self.session.get_mut().take_trouble() {
            Some(lost @ Trouble::Lost(_)) => Err(lost),
            Some(trouble) if stays => Err(trouble),
            _ => Ok(()),
        }
    }
}
