//! What the model's state is made of.

use std::borrow::Cow;
use std::collections::BTreeSet;

use applyd_core::approval::Policy;
use applyd_core::ledger::Kind;
use applyd_core::outcome::Code;
use applyd_core::state::{By, Closed, Dead, Event, Intent, Progress, State, Step, advance, overdue};
use applyd_core::time::{GIVE_UP_MS, Timing};

/// One tick, and the unit of all limits below. A success is final after two (`CONFIRM_WAIT_MS`).
pub(crate) const TICK_MS: i64 = 10_000;
/// The last tick is a day later than all others: the time to give up.
pub(crate) const LAST_TICK: u8 = 6;
/// One past its deadline the second application has no more to show than the first had.
pub(crate) const LAST_TICK_OF_SECOND: u8 = 4;
pub(crate) const DRAIN_TICKS: u8 = 2;
/// All incarnations that are gone.
const DEAD: &str = "dead";
/// Of both workers together.
pub(crate) const MOST_CRASHES: u8 = 2;

/// A lease of one tick leaves heartbeats nothing to do; their rules are in the unit tests.
pub(crate) const TIMING: Timing = Timing {
    intent_cutoff_ms: 2 * TICK_MS,
    deadline_ms: 3 * TICK_MS,
    answer_by_ms: TICK_MS,
    lease_ms: TICK_MS,
    drain_ms: DRAIN_TICKS as i64 * TICK_MS,
    read_spacing_ms: TICK_MS,
    ..Timing::DEFAULT
};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) clock: u8,
    pub(crate) crashes: u8,
    /// Verify-only: set back to before any intent, so that nobody knows what was sent.
    pub(crate) restored: bool,
    /// In the order they were accepted; the second only after a clean end of the first.
    pub(crate) applications: Vec<Application>,
    pub(crate) workers: [Worker; 2],
    pub(crate) flaws: Flaws,
}

/// What a step broke that no later state shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Flaws {
    pub(crate) sent_without_intent: bool,
    pub(crate) settled_twice: bool,
    pub(crate) revived: bool,
    pub(crate) stuck: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Application {
    pub(crate) progress: Progress,
    pub(crate) credit: Credit,
    /// Under way to the site.
    pub(crate) requests: Vec<Request>,
    /// Requests ever sent.
    pub(crate) sent: u8,
    /// Proposals at the site.
    pub(crate) accepted: u8,
    /// An intent existed at some time.
    pub(crate) crossed: bool,
    /// Its sender died after the site had accepted.
    pub(crate) orphaned: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Credit {
    Held,
    Captured,
    Released,
    WrittenOff,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    /// The worker that waits for its answer.
    pub(crate) sender: usize,
    /// When its connection was cut; it arrives within the drain or never.
    pub(crate) cut: Option<u8>,
}

/// A process; its view of the world may be long out of date.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Worker {
    pub(crate) task: Option<Task>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Task {
    pub(crate) application: usize,
    pub(crate) epoch: i64,
    pub(crate) job: Job,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Job {
    Prepare,
    Armed,
    /// Holds the permit.
    MaySend,
    Waiting,
    ToldYes,
    ToldNo,
    /// What the read showed, not yet recorded.
    Saw(bool),
    /// The same of one without an intent.
    SawUnsent(bool),
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            clock: 0,
            crashes: 0,
            restored: false,
            applications: vec![Application::accepted(0)],
            workers: [Worker { task: None }, Worker { task: None }],
            flaws: Flaws::default(),
        }
    }

    /// Set back to the queue or to a lease, with the one request of the lost history never sent, under way, or at
    /// the site.
    pub(crate) fn restored() -> Vec<Self> {
        let queued = Self { restored: true, ..Self::new() };
        let mut leased = queued.clone();
        let claim = Event::Claim { worker: DEAD.into() };
        let step = advance(&queued.applications[0].progress, claim, By::Sweeper, 0, &TIMING);
        leased.commit(0, step.unwrap());
        let mut all = Vec::new();
        for unsent in [queued, leased] {
            let mut sent = unsent.clone();
            sent.applications[0].sent = 1;
            let (mut under_way, mut there) = (sent.clone(), sent);
            under_way.applications[0].requests.push(Request { sender: 0, cut: Some(0) });
            there.applications[0].accepted = 1;
            all.extend([unsent, under_way, there]);
        }
        all
    }

    pub(crate) fn now(&self) -> i64 {
        let day = if self.clock == LAST_TICK { GIVE_UP_MS } else { 0 };
        i64::from(self.clock) * TICK_MS + day
    }

    /// The incarnation of a worker that lives; a crash turns it into [`DEAD`] wherever it stands.
    pub(crate) fn name(worker: usize) -> String {
        worker.to_string()
    }

    /// Whether the process that answers for an application is gone.
    pub(crate) fn dead(&self, application: usize) -> Dead {
        match self.applications[application].progress.responsible() {
            Some(DEAD) => Dead::Proven,
            _ => Dead::No,
        }
    }

    /// The process of a worker is gone; the next one under its number is another incarnation.
    pub(crate) fn bury(&mut self, worker: usize) {
        let name = Self::name(worker);
        self.names().filter(|at| **at == name).for_each(|at| DEAD.clone_into(at));
    }

    fn names(&mut self) -> impl Iterator<Item = &mut String> {
        self.applications.iter_mut().flat_map(|a| {
            let sender = a.progress.intent.as_mut().map(|intent| &mut intent.worker);
            a.progress.worker.as_mut().into_iter().chain(sender)
        })
    }

    /// Makes one state of those that differ only in which worker is which, or in the numbers of epochs.
    pub(crate) fn unify(&mut self) {
        if self.workers[0].task < self.workers[1].task {
            self.workers.swap(0, 1);
            let (first, second) = (Self::name(0), Self::name(1));
            for at in self.names().filter(|at| **at != DEAD) {
                *at = if *at == first { second.clone() } else { first.clone() };
            }
            let requests = self.applications.iter_mut().flat_map(|a| &mut a.requests);
            requests.for_each(|request| request.sender = 1 - request.sender);
        }
        self.renumber();
    }

    /// Whether some process still holds the permit.
    pub(crate) fn may_send(&self, application: usize) -> bool {
        let holds = |task: &Task| task.application == application && task.job == Job::MaySend;
        self.workers.iter().filter_map(|worker| worker.task.as_ref()).any(holds)
    }

    /// Whether its caller cancelled while a worker was at this job and does not know it yet.
    pub(crate) fn cancelled_under(&self, application: &Application, job: Job) -> bool {
        let holds = |task: &Task| self.applications[task.application] == *application && task.job == job;
        application.progress.code == Some(Code::Cancelled)
            && self.workers.iter().filter_map(|worker| worker.task.as_ref()).any(holds)
    }

    /// Counts time from the second acceptance on, when nothing of the first asks for the time any more. Which
    /// clean end that was is all the same to the rules, too.
    pub(crate) fn rebase(&mut self) {
        for a in &mut self.applications {
            if !a.ended() || !a.requests.is_empty() {
                return;
            }
            a.progress.state = State::Failed;
            a.progress.code = None;
            a.progress.message = Some(String::new());
            a.progress.look_at = None;
            if let Some(intent) = &mut a.progress.intent {
                let epoch = intent.epoch;
                *intent = Intent {
                    worker: DEAD.into(),
                    epoch,
                    at: 0,
                    answer_by: 0,
                    closed: Closed::Absent,
                    terms_sha256: String::new(),
                };
            }
            a.sent = 0;
        }
        self.clock = 0;
    }

    /// Numbers the epochs that anybody still knows from 0 on: rules ask only whether two are equal.
    fn renumber(&mut self) {
        for (index, a) in self.applications.iter_mut().enumerate() {
            let tasks = self.workers.iter_mut().filter_map(|worker| worker.task.as_mut());
            let tasks = tasks.filter(|task| task.application == index).map(|task| &mut task.epoch);
            let intent = a.progress.intent.as_mut().map(|intent| &mut intent.epoch);
            let mut epochs: Vec<&mut i64> = tasks.chain(intent).chain([&mut a.progress.epoch]).collect();
            let known: BTreeSet<i64> = epochs.iter().map(|epoch| **epoch).collect();
            for epoch in &mut epochs {
                **epoch = known.range(..**epoch).count() as i64;
            }
        }
    }

    /// Writes a step, with its credit, as one transaction.
    pub(crate) fn commit(&mut self, application: usize, step: Step) {
        let a = &mut self.applications[application];
        let (was, next) = (a.progress.state, step.next.state);
        let corrected = was == State::Unknown && matches!(next, State::Applied | State::Failed);
        self.flaws.revived |= was.is_terminal() && was != next && !corrected;
        if let Some(kind) = step.ledger {
            self.flaws.settled_twice |= a.credit != Credit::Held;
            a.credit = match kind {
                Kind::Capture => Credit::Captured,
                Kind::WriteOff => Credit::WrittenOff,
                _ => Credit::Released,
            };
        }
        a.crossed |= step.next.intent.is_some();
        a.progress = step.next;
        if self.restored
            && let Some(intent) = &mut a.progress.intent
        {
            DEAD.clone_into(&mut intent.worker);
        }
        a.progress.forget();
    }
}

impl Application {
    pub(crate) fn accepted(now: i64) -> Self {
        Self {
            progress: Progress::accepted(now, Policy::None, &TIMING),
            credit: Credit::Held,
            requests: Vec::new(),
            sent: 0,
            accepted: 0,
            crossed: false,
            orphaned: false,
        }
    }

    /// Whether nothing may change any more.
    pub(crate) fn ended(&self) -> bool {
        self.progress.state.is_terminal() && self.progress.state != State::Unknown
    }

    /// Whether a caller may try again.
    pub(crate) fn ended_clean(&self) -> bool {
        self.ended() && self.credit == Credit::Released && self.progress.state != State::Applied
    }

    /// Whether a reader finds an end, and a word on it, from the deadline on, with all workers stalled.
    pub(crate) fn ends_in_time(&self, now: i64) -> bool {
        let mut read = Cow::Borrowed(&self.progress);
        while now >= read.deadline
            && let Some(event) = overdue(&read, now, Dead::No)
        {
            let Ok(step) = advance(&read, event, By::Sweeper, now, &TIMING) else { return false };
            read = Cow::Owned(step.next);
        }
        let silent = read.state == State::Applied || !read.state.is_terminal();
        (now < read.deadline || read.state.is_terminal()) && silent == read.message.is_none()
    }
}

/// Drops what no rule asks about any more, so that histories that differ in nothing else are one state.
trait Forget {
    fn forget(&mut self);
}

impl Forget for Progress {
    fn forget(&mut self) {
        self.processed_at = None;
        self.applied_at = None;
        // Nobody approves here; that is the other model.
        self.approve_by = 0;
        self.message = self.message.take().map(|_| String::new());
        if !matches!(self.state, State::Queued | State::Leased | State::Armed) {
            self.attempts = 0;
            self.lost_leases = 0;
            self.logins_renewed = 0;
            self.blocked = None;
            self.not_before = 0;
        }
        if self.state.is_terminal() && self.state != State::Unknown {
            self.cutoff = 0;
            self.deadline = 0;
            self.submitted_at = None;
            self.permit_closed_at = None;
        }
    }
}
