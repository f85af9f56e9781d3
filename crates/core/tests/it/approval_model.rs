//! A1 to A4 and T20, walked in every order: what is sent has the approval of a person who saw exactly that.
//!
//! The site, its answers and the reads after an intent are the other model's.

use applyd_core::approval::Policy;
use applyd_core::ledger::Kind;
use applyd_core::outcome::{Code, Ending};
use applyd_core::state::{By, Dead, Event, Progress, State, advance, overdue};
use applyd_core::time::{APPROVAL_MS, Timing};
use stateright::{Checker as _, HasDiscoveries, Model, Property};

const TICK_MS: i64 = 60_000;
/// Then a day later: nobody came.
const TICKS: u8 = 4;
/// A preview lives this long; less than the time that a person may look.
const PREVIEW_TICKS: u8 = 2;
const MOST_EDITS: u8 = 2;
const MOST_CRASHES: u8 = 1;
const TIMING: Timing = Timing {
    intent_cutoff_ms: 2 * TICK_MS,
    deadline_ms: 3 * TICK_MS,
    lease_ms: 2 * TICK_MS,
    ..Timing::DEFAULT
};

/// What is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mutation {
    None,
    /// An approval counts for whatever the terms have become.
    HashIgnored,
    /// An approval counts for ever.
    NeverExpires,
    /// What a caller asked for goes out with answers that nobody has seen.
    PersonNotAsked,
    /// A cancelled application goes on.
    CancelForgotten,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    clock: u8,
    progress: Progress,
    /// Of the terms as they are now: each edit raises it.
    version: u8,
    edits: u8,
    crashes: u8,
    /// The preview that the site holds, and until when it stands.
    preview: Option<(u8, u8)>,
    /// What the worker has in hand.
    worker: Option<Task>,
    /// What a person has said yes to, and may still be sent by that.
    granted: Option<(u8, u8)>,
    /// The server writes a part of it.
    is_filled: bool,
    has_credit_back: bool,
    flawed: bool,
    voided: bool,
    /// An approval was void, and a person gave another.
    again: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Task {
    epoch: i64,
    /// What it would send; none while it reads.
    version: Option<u8>,
    opens: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Action {
    Tick,
    Sweep,
    /// The terms change: an edit, another rate of the profile, another question.
    Edit,
    Open,
    Show,
    Approve,
    Decline,
    Cancel,
    Claim,
    Read,
    Arm,
    Cross,
    Retry,
    Crash,
}

const ALL: [Action; 14] = [
    Action::Tick,
    Action::Sweep,
    Action::Edit,
    Action::Open,
    Action::Show,
    Action::Approve,
    Action::Decline,
    Action::Cancel,
    Action::Claim,
    Action::Read,
    Action::Arm,
    Action::Cross,
    Action::Retry,
    Action::Crash,
];

fn hash(version: u8) -> String {
    format!("v{version}")
}

impl World {
    fn new(policy: Policy, is_filled: bool) -> Self {
        let mut progress = Progress::accepted(0, policy, &TIMING);
        let by_request = policy == Policy::ByRequest;
        if by_request {
            let (sha256, expires_at) = (hash(0), progress.cutoff);
            progress.approval = Some(applyd_core::approval::Approval { sha256, expires_at });
        }
        Self {
            clock: 0,
            progress,
            version: 0,
            edits: 0,
            crashes: 0,
            preview: None,
            worker: None,
            granted: by_request.then_some((0, u8::MAX)),
            is_filled,
            has_credit_back: false,
            flawed: false,
            voided: false,
            again: false,
        }
    }

    fn now(&self) -> i64 {
        if self.clock > TICKS { APPROVAL_MS } else { i64::from(self.clock) * TICK_MS }
    }

    /// Whether the rule allows it; then it is done.
    fn step(&mut self, event: Event, by: By) -> Option<()> {
        let step = advance(&self.progress, event, by, self.now(), &TIMING).ok()?;
        self.flawed |= step.ledger == Some(Kind::Release) && self.has_credit_back;
        self.has_credit_back |= step.ledger == Some(Kind::Release);
        if self.progress.approval.is_some() && step.next.state == State::AwaitingApproval {
            self.granted = None;
            self.voided = true;
        }
        self.progress = step.next;
        Some(())
    }

    fn perform(&mut self, action: Action, mutation: Mutation) -> Option<()> {
        let task = self.worker;
        match action {
            Action::Tick => {
                let late = overdue(&self.progress, self.now(), Dead::No) == Some(Event::TimeUp);
                (self.clock <= TICKS && !late).then_some(())?;
                self.clock += 1;
            }
            Action::Sweep => {
                let event = overdue(&self.progress, self.now(), Dead::No)?;
                if mutation == Mutation::NeverExpires && matches!(event, Event::Void(_)) {
                    return None;
                }
                self.step(event, By::Sweeper)?;
            }
            Action::Edit => {
                let open = !self.progress.state.is_terminal() && self.progress.intent.is_none();
                (open && self.edits < MOST_EDITS).then_some(())?;
                self.version += 1;
                self.edits += 1;
            }
            Action::Open => {
                task.is_none().then_some(())?;
                self.step(Event::Open { worker: "w".into() }, By::Sweeper)?;
                self.worker = Some(Task { epoch: self.progress.epoch, version: None, opens: true });
            }
            Action::Show => {
                let task = task.filter(|task| task.opens)?;
                let until = self.clock + PREVIEW_TICKS;
                self.worker = None;
                self.preview = Some((self.version, until));
                self.step(Event::Show { until: i64::from(until) * TICK_MS }, By::Worker(task.epoch))?;
            }
            Action::Approve => {
                let (version, until) = self.preview?;
                let expires_at = i64::from(until) * TICK_MS;
                self.step(Event::Approve { sha256: hash(version), expires_at }, By::Person)?;
                self.granted = Some((version, until.min(self.clock + 2)));
                self.again |= self.voided;
                if mutation == Mutation::NeverExpires
                    && let Some(given) = &mut self.progress.approval
                {
                    given.expires_at = i64::MAX;
                }
            }
            Action::Decline => self.step(Event::End(Ending::of(Code::ApprovalDenied)), By::Person)?,
            Action::Cancel => {
                let was = self.progress.clone();
                self.step(Event::Cancel, By::Caller)?;
                if mutation == Mutation::CancelForgotten {
                    self.progress = was;
                }
            }
            Action::Claim => {
                task.is_none().then_some(())?;
                self.step(Event::Claim { worker: "w".into() }, By::Sweeper)?;
                self.worker = Some(Task { epoch: self.progress.epoch, version: None, opens: false });
            }
            Action::Read => {
                let task = task.filter(|task| !task.opens && task.version.is_none())?;
                let own = By::Worker(task.epoch);
                let asks = self.is_filled && self.progress.policy == Policy::ByRequest;
                if asks && mutation != Mutation::PersonNotAsked {
                    self.worker = None;
                    return self.step(Event::AskPerson, own);
                }
                self.worker = Some(Task { version: Some(self.version), ..task });
            }
            Action::Arm => self.arm(task?, mutation)?,
            Action::Cross => {
                let task = task?;
                let version = task.version.filter(|_| self.progress.state == State::Armed)?;
                let terms_sha256 = self.told(version, mutation);
                self.worker = None;
                self.step(Event::Cross { terms_sha256 }, By::Worker(task.epoch))?;
                let granted = self.granted.is_some_and(|(of, until)| of == version && self.clock < until);
                let unseen = self.is_filled && self.progress.policy == Policy::ByRequest;
                self.flawed |= !granted || unseen || self.has_credit_back;
            }
            Action::Retry => {
                let task = task.filter(|task| !task.opens && self.progress.attempts < 1)?;
                self.worker = None;
                self.step(Event::Retry { delay_ms: 0 }, By::Worker(task.epoch))?;
            }
            Action::Crash => {
                (task.is_some() && self.crashes < MOST_CRASHES).then_some(())?;
                self.crashes += 1;
                self.worker = None;
            }
        }
        self.forget();
        Some(())
    }

    /// What is not approved makes the approval void, as the worker does it.
    fn arm(&mut self, task: Task, mutation: Mutation) -> Option<()> {
        let own = By::Worker(task.epoch);
        let terms_sha256 = self.told(task.version?, mutation);
        if self.step(Event::Arm { terms_sha256 }, own).is_none() {
            self.worker = None;
            self.step(Event::Void(Ending::of(Code::TermsChanged)), own)?;
        }
        Some(())
    }

    fn told(&self, version: u8, mutation: Mutation) -> String {
        match &self.progress.approval {
            Some(given) if mutation == Mutation::HashIgnored => given.sha256.clone(),
            _ => hash(version),
        }
    }

    /// What no rule asks about any more.
    fn forget(&mut self) {
        self.progress.processed_at = None;
        if self.progress.not_before <= self.now() {
            self.progress.not_before = 0;
        }
        // Whether a worker still holds it is all that its epoch says.
        if let Some(task) = &mut self.worker {
            task.epoch = i64::from(task.epoch == self.progress.epoch);
        }
        self.progress.epoch = 1;
        self.progress.message = self.progress.message.take().map(|_| String::new());
        if self.progress.state.is_terminal() || self.progress.intent.is_some() {
            self.worker = None;
            self.preview = None;
            self.progress.cutoff = 0;
            self.progress.lease_until = None;
        }
    }
}

#[derive(Debug, Clone)]
struct Protocol {
    mutation: Mutation,
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let all = [(Policy::Required, false), (Policy::ByRequest, false), (Policy::ByRequest, true)];
        all.map(|(policy, is_filled)| World::new(policy, is_filled)).to_vec()
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let over = world.progress.state.is_terminal() || world.progress.intent.is_some();
        if !over {
            actions.extend(ALL);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        next.perform(action, self.mutation)?;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        type P = Property<Protocol>;
        vec![
            P::always("I2", |_, world| !world.flawed),
            P::always("I6", |_, world| world.has_credit_back == world.progress.state.is_terminal()),
            P::always("slot", |_, world| !world.progress.state.is_terminal() || !world.progress.holds_slot()),
            P::sometimes("sent", |_, world| world.progress.intent.is_some()),
            P::sometimes("sent after another approval", |_, world| {
                world.again && world.edits > 0 && world.progress.intent.is_some()
            }),
            P::sometimes("asked and sent", |_, world| world.is_filled && world.progress.intent.is_some()),
            P::sometimes("expired", |_, world| world.progress.code == Some(Code::ApprovalExpired)),
            P::sometimes("denied", |_, world| world.progress.code == Some(Code::ApprovalDenied)),
            P::sometimes("changed", |_, world| world.progress.code == Some(Code::TermsChanged)),
            P::sometimes("cancelled", |_, world| world.progress.code == Some(Code::Cancelled)),
        ]
    }
}

fn run(mutation: Mutation, finish: HasDiscoveries) -> impl stateright::Checker<Protocol> {
    Protocol { mutation }.checker().threads(2).finish_when(finish).spawn_bfs().join()
}

#[test]
fn what_is_sent_was_approved_in_every_order_of_events() {
    let checker = run(Mutation::None, HasDiscoveries::AllFailures);
    checker.assert_properties();
    assert!(checker.unique_state_count() > 5_000, "only {} states", checker.unique_state_count());
}

fn caught(mutation: Mutation) {
    let checker = run(mutation, HasDiscoveries::AnyFailures);
    let broken = ["I2", "I6"].into_iter().any(|name| checker.discovery(name).is_some());
    assert!(broken, "{mutation:?} breaks nothing");
}

#[test]
fn an_approval_is_for_one_text_and_for_a_while() {
    caught(Mutation::HashIgnored);
    caught(Mutation::NeverExpires);
}

#[test]
fn what_the_server_writes_is_seen_and_what_was_cancelled_stays_so() {
    caught(Mutation::PersonNotAsked);
    caught(Mutation::CancelForgotten);
}
