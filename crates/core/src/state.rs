//! The state machine of one application: a pure function from what is and what happens to what will be.
//!
//! Source: submission-protocol.md §3; `T…` names its transitions. Drawn in `docs/states.md`.

mod advance;
mod approve;
mod fence;
mod overdue;
#[cfg(test)]
mod tests;
mod unread;

use applyd_wire::{ApplicationStatus, EventType};

use crate::approval::{Approval, Policy};
use crate::outcome::{Code, Ending};
use crate::time::{APPROVAL_MS, DESK_MS, Timing};

pub use advance::{By, Event, Refused, Step, advance};
pub use overdue::{Dead, due_at, is_kept_back, overdue};
pub use unread::advance_unread;

/// Where an application stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Accepted, waits for a person's approval.
    AwaitingApproval,
    /// Accepted or approved, waits for a worker.
    Queued,
    /// A worker reads and prepares.
    Leased,
    /// The preview was compared, a fresh connection is open.
    Armed,
    /// The intent is durable: the one send may happen.
    Intent,
    /// The site said yes; an independent read may still agree.
    Submitted,
    /// The answer is missing: only reads from here.
    Verifying,
    /// The deadline passed while verifying; reads go on.
    Unknown,
    /// Ended: submitted.
    Applied,
    /// Ended: the job is gone.
    NotAvailable,
    /// Ended: may not apply.
    NotEligible,
    /// Ended: too few Connects.
    NotEnoughConnects,
    /// Ended: login refused, no intent ever.
    LoggedOut,
    /// Ended, for the reason in its code.
    Failed,
}

/// All states, for reading one back and for walking them in tests.
pub const STATES: [State; 14] = [
    State::AwaitingApproval,
    State::Queued,
    State::Leased,
    State::Armed,
    State::Intent,
    State::Submitted,
    State::Verifying,
    State::Unknown,
    State::Applied,
    State::NotAvailable,
    State::NotEligible,
    State::NotEnoughConnects,
    State::LoggedOut,
    State::Failed,
];

impl State {
    /// The name in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting_approval",
            Self::Queued => "queued",
            Self::Leased => "leased",
            Self::Armed => "armed",
            Self::Intent => "intent",
            Self::Submitted => "submitted",
            Self::Verifying => "verifying",
            Self::Unknown => "unknown",
            Self::Applied => "applied",
            Self::NotAvailable => "not_available",
            Self::NotEligible => "not_eligible",
            Self::NotEnoughConnects => "not_enough_connects",
            Self::LoggedOut => "logged_out",
            Self::Failed => "failed",
        }
    }

    /// The state of a stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        STATES.into_iter().find(|state| state.as_str() == name)
    }

    /// What a poller sees.
    #[must_use]
    pub fn status(self) -> ApplicationStatus {
        match self {
            Self::AwaitingApproval
            | Self::Queued
            | Self::Leased
            | Self::Armed
            | Self::Intent
            | Self::Submitted
            | Self::Verifying => ApplicationStatus::Processing,
            Self::Applied => ApplicationStatus::Applied,
            Self::Unknown | Self::Failed => ApplicationStatus::Failed,
            Self::NotAvailable => ApplicationStatus::NotAvailable,
            Self::NotEligible => ApplicationStatus::NotEligible,
            Self::NotEnoughConnects => ApplicationStatus::NotEnoughConnects,
            Self::LoggedOut => ApplicationStatus::LoggedOut,
        }
    }

    /// Whether polling has ended.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        self.status().is_terminal()
    }

    /// Whether it holds its organisation's one preview slot by its state alone.
    #[must_use]
    pub fn holds_slot(self) -> bool {
        matches!(self, Self::Leased | Self::Armed | Self::Intent | Self::Submitted | Self::Verifying)
    }

    /// The terminal state of a code.
    #[must_use]
    pub fn of(code: Code) -> Self {
        match code {
            Code::JobClosed => Self::NotAvailable,
            Code::NotEligible => Self::NotEligible,
            Code::NotEnoughConnects => Self::NotEnoughConnects,
            Code::LoggedOut => Self::LoggedOut,
            Code::OutcomeUnknown => Self::Unknown,
            _ => Self::Failed,
        }
    }

    /// The event that tells this end; `None` while under way.
    #[must_use]
    pub fn event(self) -> Option<EventType> {
        match self.status() {
            ApplicationStatus::Processing => None,
            ApplicationStatus::Applied => Some(EventType::Applied),
            ApplicationStatus::Failed => Some(EventType::Failed),
            ApplicationStatus::NotAvailable => Some(EventType::NotAvailable),
            ApplicationStatus::NotEligible => Some(EventType::NotEligible),
            ApplicationStatus::NotEnoughConnects => Some(EventType::NotEnoughConnects),
            ApplicationStatus::LoggedOut => Some(EventType::LoggedOut),
        }
    }
}

/// How an intent was closed, or that it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Closed {
    /// Nobody knows yet.
    Open,
    /// The site has it.
    Submitted,
    /// The site said a definite no.
    Refused,
    /// Nothing reached the site.
    Absent,
}

impl Closed {
    /// The name in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Submitted => "submitted",
            Self::Refused => "refused",
            Self::Absent => "absent",
        }
    }

    /// The value of a stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Open, Self::Submitted, Self::Refused, Self::Absent].into_iter().find(|c| c.as_str() == name)
    }
}

/// The one intent of an application.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Intent {
    /// Incarnation of the worker that may send.
    pub worker: String,
    /// The epoch whose worker may send.
    pub epoch: i64,
    /// When it was recorded.
    pub at: i64,
    /// After this the sender does not wait any longer.
    pub answer_by: i64,
    /// Of the terms that it sends, as lower-case hex.
    pub terms_sha256: String,
    /// What became of it.
    pub closed: Closed,
}

/// All that changes while an application is on its way. Times are Unix milliseconds of the store's clock.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Progress {
    /// Who must approve it.
    pub policy: Policy,
    /// Where it stands.
    pub state: State,
    /// Raised by each new owner; every write of a worker names it.
    pub epoch: i64,
    /// Incarnation of the worker that owns it.
    pub worker: Option<String>,
    /// Until when.
    pub lease_until: Option<i64>,
    /// Passing faults so far.
    pub attempts: i64,
    /// Leases lost so far.
    pub lost_leases: i64,
    /// Times that the login was renewed for it; a login refused after that is refused for good.
    pub logins_renewed: i64,
    /// Not taken before.
    pub not_before: i64,
    /// What it waits for; it ends with this code at the cutoff.
    pub blocked: Option<Code>,
    /// No intent later.
    pub cutoff: i64,
    /// Ended by then.
    pub deadline: i64,
    /// Ended by then, if nobody has approved it.
    pub approve_by: i64,
    /// A person looks at its preview, or has approved it: the preview slot is its own until then.
    pub opened_until: Option<i64>,
    /// The approval in force.
    pub approval: Option<Approval>,
    /// First taken up.
    pub processed_at: Option<i64>,
    /// Success established.
    pub applied_at: Option<i64>,
    /// The site's yes.
    pub submitted_at: Option<i64>,
    /// No byte can follow after this; `None` while nobody has proven it.
    pub permit_closed_at: Option<i64>,
    /// Reads that answered completely and found nothing, after the drain. Before an intent: whether one did.
    pub negative_reads: i64,
    /// The next read is due.
    pub look_at: Option<i64>,
    /// The one intent.
    pub intent: Option<Intent>,
    /// Why it ended.
    pub code: Option<Code>,
    /// What callers read about it.
    pub message: Option<String>,
}

impl Progress {
    /// T1, A1: accepted now.
    #[must_use]
    pub fn accepted(now: i64, policy: Policy, timing: &Timing) -> Self {
        let approve_by = now + APPROVAL_MS;
        let (state, cutoff, deadline) = match policy {
            Policy::Required => (State::AwaitingApproval, approve_by, approve_by),
            Policy::Desk => (State::Queued, now + DESK_MS, now + DESK_MS),
            Policy::None | Policy::ByRequest => {
                (State::Queued, now + timing.intent_cutoff_ms, now + timing.deadline_ms)
            }
        };
        Self {
            policy,
            state,
            epoch: 0,
            worker: None,
            lease_until: None,
            attempts: 0,
            lost_leases: 0,
            logins_renewed: 0,
            not_before: now,
            blocked: None,
            cutoff,
            deadline,
            approve_by,
            opened_until: None,
            approval: None,
            processed_at: None,
            applied_at: None,
            submitted_at: None,
            permit_closed_at: None,
            negative_reads: 0,
            look_at: None,
            intent: None,
            code: None,
            message: None,
        }
    }

    /// Puts it into the terminal state of an ending, owned by nobody.
    fn end(&mut self, ending: Ending) {
        self.state = State::of(ending.code);
        self.code = Some(ending.code);
        self.message = Some(ending.message);
        self.opened_until = None;
        self.free();
    }

    /// The incarnation whose death is asked about: the intent's sender once there is one, else the owner.
    #[must_use]
    pub fn responsible(&self) -> Option<&str> {
        self.intent.as_ref().map(|intent| intent.worker.as_str()).or(self.worker.as_deref())
    }

    /// Whether it holds its organisation's one preview slot. People at the desk do not need it.
    #[must_use]
    pub fn holds_slot(&self) -> bool {
        let is_kept_open =
            self.opened_until.is_some() && matches!(self.state, State::AwaitingApproval | State::Queued);
        self.policy != Policy::Desk && (self.state.holds_slot() || is_kept_open)
    }

    fn free(&mut self) {
        self.worker = None;
        self.lease_until = None;
    }
}
