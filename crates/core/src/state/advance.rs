//! The transitions.

use applyd_wire::EventType;

use super::fence::fence;
use super::{Closed, Intent, Progress, State, approve, is_kept_back};
use crate::approval::Policy;
use crate::ledger::Kind;
use crate::outcome::{Code, Ending};
use crate::retry::{MOST_ATTEMPTS, MOST_LOST_LEASES};
use crate::time::{DESK_ANSWER_MS, DESK_CLAIM_MS, Timing};

/// Who acts. A worker names the epoch of its lease, the intent's sender the epoch of the intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The owner of the lease of this epoch.
    Worker(i64),
    /// The sender of the intent of this epoch.
    Sender(i64),
    /// The sweeper, or the same step inside a read.
    Sweeper,
    /// The caller whose application it is.
    Caller,
    /// A named person: approves, declines, or says what the site shows.
    Person,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A worker makes its preview, because a person wants to look at it.
    Open {
        /// Incarnation.
        worker: String,
    },
    /// The preview can be looked at.
    Show {
        /// As long as it counts, Unix milliseconds.
        until: i64,
    },
    /// A2: a person approves what was shown.
    Approve {
        /// Of what was shown.
        sha256: String,
        /// When the preview counts no more.
        expires_at: i64,
    },
    /// A4, T5: the approval counts no more; where nobody can give another one, it ends so.
    Void(Ending),
    /// A4: what the server would write needs a person's approval.
    AskPerson,
    /// T2: a worker takes it from the queue.
    Claim {
        /// Incarnation.
        worker: String,
    },
    /// A worker takes it for a read: SUBMITTED, VERIFYING or UNKNOWN.
    Look {
        /// Incarnation.
        worker: String,
    },
    /// T3.
    Heartbeat,
    /// T4: a passing fault.
    Retry {
        /// Before the next try.
        delay_ms: i64,
    },
    /// T4: the worker is gone.
    LeaseLost,
    /// T4, or the end of a look or an opening: handed back untouched; counts nothing.
    HandBack {
        /// Before the next try.
        delay_ms: i64,
    },
    /// T4: login or policy; ends with this code at the cutoff.
    Block {
        /// `LoggedOut` or `PolicyPending`.
        code: Code,
        /// The login was renewed: if it is refused once more, then for good.
        renewed: bool,
        /// Before the next try.
        delay_ms: i64,
    },
    /// T5, T6: ends before any intent.
    End(Ending),
    /// T7.
    Arm {
        /// Of what would be sent.
        terms_sha256: String,
    },
    /// T8.
    Cross {
        /// Of what is sent.
        terms_sha256: String,
    },
    /// T9, T13, T17: a success answer that reached the sender.
    Accepted,
    /// T11, T18: a definite refusal that reached the sender, or its proof that no byte left.
    Declined(Ending),
    /// Verify-only start: the store lost an intent that the witness or the site still knows.
    Recover {
        /// Incarnation of the sender, known to be dead.
        worker: String,
        /// When the intent was recorded.
        at: i64,
        /// Of what was to be sent, if known.
        terms_sha256: String,
        /// Whether there is time and a free slot to verify before the caller is told.
        in_time: bool,
    },
    /// T12: no definite answer. The sender's own word closes the permit.
    Doubt,
    /// The permit is closed by proof.
    PermitClosed,
    /// T10, T13, T17: a read shows the proposal.
    Seen {
        /// The site's time.
        site_at: Option<i64>,
    },
    /// A complete read shows nothing. T14, T18 with the last of them; before an intent back to the queue.
    NotSeen {
        /// Whether negative evidence settles on this channel.
        settles: bool,
        /// Before the next read.
        again_ms: i64,
    },
    /// A read did not answer.
    Unreadable {
        /// Before the next read.
        again_ms: i64,
    },
    /// T10, T15, T16, T19: time is up.
    TimeUp,
    /// T20: the caller takes it back.
    Cancel,
}

/// Why an event does not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The application is not where the event needs it.
    State,
    /// Another owner has it: stop.
    Lease,
    /// Too late, or too early.
    Time,
    /// It may have been sent by an intent that the store has lost: the site is read first.
    Unread,
    /// What would be sent is not what was approved, or the approval is over.
    Unapproved,
}

/// A permitted step: what will be, and what goes with it in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What will be.
    pub next: Progress,
    /// The ledger entry.
    pub ledger: Option<Kind>,
    /// The event that is told.
    pub tell: Option<EventType>,
}

/// Negative reads that settle.
const ENOUGH_NEGATIVE_READS: i64 = 2;

/// The one place that says what may happen to an application.
///
/// # Errors
/// Why not; nothing has changed then.
pub fn advance(was: &Progress, event: Event, by: By, now: i64, timing: &Timing) -> Result<Step, Refused> {
    use State::{Armed, AwaitingApproval, Intent as Crossed, Leased, Queued, Submitted, Unknown, Verifying};
    fence(was, &event, by, now, timing)?;
    let mut next = was.clone();
    match (was.state, event) {
        (Queued, Event::Claim { worker }) => {
            if now >= was.cutoff || now < was.not_before {
                return Err(Refused::Time);
            }
            own(&mut next, worker, now, timing);
            next.state = Leased;
            next.blocked = None;
            next.processed_at.get_or_insert(now);
        }
        (Submitted | Verifying | Unknown, Event::Look { worker }) => {
            if was.look_at.is_none_or(|at| now < at) || was.lease_until.is_some_and(|until| now < until) {
                return Err(Refused::Time);
            }
            own(&mut next, worker, now, timing);
            // When this read began: what it does not find counts only if that was after the drain.
            next.look_at = Some(now);
        }
        (AwaitingApproval, Event::Open { worker }) => {
            approve::open(&mut next, now)?;
            own(&mut next, worker, now, timing);
        }
        (AwaitingApproval, Event::Show { until }) => approve::show(&mut next, until),
        (AwaitingApproval, Event::HandBack { delay_ms }) => {
            approve::close(&mut next)?;
            next.not_before = now.saturating_add(delay_ms);
        }
        (AwaitingApproval, Event::Approve { sha256, expires_at }) => {
            approve::approve(&mut next, sha256, expires_at, now, timing)?;
        }
        (Queued | Leased | Armed, Event::Void(ending)) if needs_no_intent(ending.code) => {
            approve::void(&mut next, ending);
        }
        (Leased | Armed, Event::AskPerson) => approve::ask_person(&mut next),
        // A person's lease is no worker's: it does not beat.
        (AwaitingApproval | Leased | Armed | Crossed | Submitted | Verifying | Unknown, Event::Heartbeat)
            if was.policy != Policy::Desk =>
        {
            next.lease_until = Some(now + timing.lease_ms);
        }
        (Leased | Armed, Event::Retry { delay_ms }) => {
            next.attempts += 1;
            requeue(&mut next, now, delay_ms);
        }
        (Leased | Armed, Event::LeaseLost) => {
            next.lost_leases += 1;
            requeue(&mut next, now, 0);
        }
        (Leased | Armed, Event::HandBack { delay_ms }) => requeue(&mut next, now, delay_ms),
        (Submitted | Verifying | Unknown, Event::HandBack { delay_ms }) => {
            next.look_at = was.look_at.map(|_| now.saturating_add(delay_ms));
            next.free();
        }
        // Verify-only. It settles nothing, and one after the intent must not count it.
        (Leased, Event::NotSeen { again_ms, .. }) => {
            next.negative_reads = 1;
            requeue(&mut next, now, again_ms);
        }
        (AwaitingApproval, Event::NotSeen { .. }) => {
            next.negative_reads = 1;
            approve::close(&mut next)?;
        }
        (
            AwaitingApproval | Queued | Leased | Armed,
            Event::Recover { worker, at, terms_sha256, in_time },
        ) => {
            next.epoch += 1;
            next.negative_reads = 0;
            next.processed_at.get_or_insert(at);
            let (epoch, closed) = (next.epoch, Closed::Open);
            next.intent = Some(Intent { worker, epoch, at, answer_by: at, terms_sha256, closed });
            next.opened_until = None;
            if in_time {
                next.state = Verifying;
                next.free();
            } else {
                next.end(Ending::of(Code::OutcomeUnknown));
            }
            next.permit_closed_at = Some(now);
            next.look_at = read_from(was, now);
        }
        (Leased | Armed, Event::Block { code, renewed, delay_ms }) if needs_no_intent(code) => {
            next.logins_renewed += i64::from(renewed);
            next.blocked = Some(code);
            requeue(&mut next, now, delay_ms);
        }
        // Nobody has taken it, and nobody will.
        (Queued, Event::Block { code, .. }) if needs_no_intent(code) && is_kept_back(was, now) => {
            next.blocked = Some(code);
        }
        // A login that is down does not end what waits for a person.
        (AwaitingApproval, Event::End(ending)) if ending.code == Code::LoggedOut => {
            return Err(Refused::State);
        }
        (AwaitingApproval | Queued | Leased | Armed, Event::End(ending)) if needs_no_intent(ending.code) => {
            next.epoch += 1;
            next.end(ending);
        }
        // Whoever holds its lease finds another epoch at the gate.
        (AwaitingApproval | Queued | Leased | Armed, Event::Cancel) => {
            next.epoch += 1;
            next.end(Ending::of(Code::Cancelled));
        }
        (Leased, Event::Arm { terms_sha256 }) => {
            if !was.is_approved(&terms_sha256, now) {
                return Err(Refused::Unapproved);
            }
            next.state = Armed;
        }
        (Armed, Event::Cross { terms_sha256 }) => cross(&mut next, terms_sha256, now, timing)?,
        (Crossed, Event::Accepted) => {
            close(&mut next, Closed::Submitted);
            next.state = Submitted;
            next.submitted_at = Some(now);
            next.look_at = read_from(was, now);
        }
        (Verifying | Unknown, Event::Accepted) => applied(&mut next, now),
        (Crossed | Verifying, Event::Declined(ending)) if may_follow_intent(ending.code) => {
            declined(&mut next, ending)
        }
        (Unknown, Event::Declined(ending)) if may_follow_intent(ending.code) => {
            let ending = if ending.code == Code::NotSubmitted {
                ending
            } else {
                Ending::because(Code::NotSubmitted, &ending.message)
            };
            declined(&mut next, ending);
        }
        (Crossed, Event::Doubt) => {
            next.state = Verifying;
            next.epoch += 1;
            next.permit_closed_at = matches!(by, By::Sender(_)).then_some(now);
            next.look_at = next.permit_closed_at.and_then(|at| read_from(was, at));
            next.free();
        }
        // The sweeper doubted first; the sender's own word closes the permit all the same.
        (Verifying | Unknown, Event::PermitClosed | Event::Doubt) if was.permit_closed_at.is_none() => {
            next.permit_closed_at = Some(now);
            next.look_at = read_from(was, now);
        }
        (Submitted, Event::Seen { .. }) => applied(&mut next, now),
        (Verifying | Unknown, Event::Seen { site_at })
            if was.permit_closed_at.is_some() || by == By::Person =>
        {
            applied(&mut next, if was.state == Unknown { site_at.unwrap_or(now).min(now) } else { now });
        }
        (Verifying | Unknown, Event::NotSeen { settles, again_ms }) if was.permit_closed_at.is_some() => {
            not_seen(&mut next, settles, again_ms, now, timing);
        }
        (
            Submitted | Verifying | Unknown,
            Event::NotSeen { again_ms, .. } | Event::Unreadable { again_ms },
        ) if was.state == Submitted || was.permit_closed_at.is_some() => {
            next.look_at = Some(now.saturating_add(again_ms));
            next.free();
        }
        (_, Event::TimeUp) => time_up(&mut next, now)?,
        _ => return Err(Refused::State),
    }
    if matches!(next.state, Queued) && exhausted(&next) {
        next.end(Ending::of(Code::AttemptsExhausted));
    }
    Ok(consequences(was, next))
}

/// The outcome of nothing is not unknown. What a caller cancelled ends by that event alone.
fn needs_no_intent(code: Code) -> bool {
    !matches!(code, Code::OutcomeUnknown | Code::Unresolved | Code::Cancelled)
}

/// `logged_out` promises that no intent ever existed; a lost login behind one is a doubt.
fn may_follow_intent(code: Code) -> bool {
    needs_no_intent(code) && code != Code::LoggedOut
}

fn own(next: &mut Progress, worker: String, now: i64, timing: &Timing) {
    let lease_ms = if next.policy == Policy::Desk { DESK_CLAIM_MS } else { timing.lease_ms };
    next.epoch += 1;
    next.worker = Some(worker);
    next.lease_until = Some(now + lease_ms);
}

/// T8. A person at the desk has no cutoff but the end of the day, and half an hour to record the outcome.
fn cross(next: &mut Progress, terms_sha256: String, now: i64, timing: &Timing) -> Result<(), Refused> {
    let is_desk = next.policy == Policy::Desk;
    let half_left = next.lease_until.is_some_and(|until| until - now >= timing.lease_ms / 2);
    if now > next.cutoff || !(half_left || is_desk) || next.intent.is_some() {
        return Err(Refused::Time);
    }
    if !next.is_approved(&terms_sha256, now) {
        return Err(Refused::Unapproved);
    }
    next.state = State::Intent;
    next.negative_reads = 0;
    next.opened_until = None;
    let answer_by = now + if is_desk { DESK_ANSWER_MS } else { timing.answer_by_ms };
    if is_desk {
        next.deadline = answer_by;
        next.cutoff = next.cutoff.min(answer_by);
        next.lease_until = Some(answer_by);
    }
    let worker = next.worker.clone().unwrap_or_default();
    let (epoch, closed) = (next.epoch, Closed::Open);
    next.intent = Some(Intent { worker, epoch, at: now, answer_by, terms_sha256, closed });
    Ok(())
}

/// When the machine may first read the site; where a person submits, only that person looks.
fn read_from(was: &Progress, at: i64) -> Option<i64> {
    (was.policy != Policy::Desk).then_some(at)
}

fn requeue(next: &mut Progress, now: i64, delay_ms: i64) {
    next.state = State::Queued;
    next.not_before = now.saturating_add(delay_ms);
    next.free();
}

fn exhausted(next: &Progress) -> bool {
    next.attempts >= MOST_ATTEMPTS || next.lost_leases >= MOST_LOST_LEASES
}

fn close(next: &mut Progress, closed: Closed) {
    if let Some(intent) = &mut next.intent {
        intent.closed = closed;
    }
}

fn applied(next: &mut Progress, at: i64) {
    close(next, Closed::Submitted);
    next.state = State::Applied;
    next.applied_at = Some(at);
    next.code = None;
    next.message = None;
    next.look_at = None;
    next.free();
}

fn declined(next: &mut Progress, ending: Ending) {
    let closed = if ending.code == Code::NotSubmitted { Closed::Absent } else { Closed::Refused };
    close(next, closed);
    next.look_at = None;
    next.end(ending);
}

fn not_seen(next: &mut Progress, settles: bool, again_ms: i64, now: i64, timing: &Timing) {
    let begun = next.look_at.unwrap_or(i64::MIN);
    let drained = next.permit_closed_at.is_some_and(|closed| begun >= closed + timing.drain_ms);
    next.negative_reads += i64::from(drained);
    if settles && next.negative_reads >= ENOUGH_NEGATIVE_READS {
        return declined(next, Ending::of(Code::NotSubmitted));
    }
    next.look_at = Some(now.saturating_add(again_ms));
    next.free();
}

fn time_up(next: &mut Progress, now: i64) -> Result<(), Refused> {
    match next.state {
        State::AwaitingApproval if now >= next.deadline => {
            next.epoch += 1;
            next.end(Ending::of(Code::ApprovalExpired));
        }
        State::Queued if next.blocked.is_some() && now >= next.cutoff => {
            let code = next.blocked.unwrap_or(Code::Deadline);
            next.epoch += 1;
            next.end(Ending::of(code));
        }
        State::Queued | State::Leased | State::Armed if now >= next.deadline => {
            next.epoch += 1;
            next.end(Ending::of(Code::Deadline));
        }
        State::Intent | State::Verifying if now >= next.deadline => {
            next.epoch += 1;
            next.end(Ending::of(Code::OutcomeUnknown));
        }
        State::Submitted
            if now >= next.deadline
                || next.submitted_at.is_some_and(|at| now >= at + crate::time::CONFIRM_WAIT_MS) =>
        {
            next.epoch += 1;
            applied(next, now);
        }
        State::Unknown if super::overdue::is_given_up(next, now) => {
            next.epoch += 1;
            next.look_at = None;
            next.end(Ending::of(Code::Unresolved));
        }
        State::AwaitingApproval
        | State::Queued
        | State::Leased
        | State::Armed
        | State::Intent
        | State::Submitted
        | State::Verifying
        | State::Unknown => return Err(Refused::Time),
        _ => return Err(Refused::State),
    }
    Ok(())
}

/// The ledger entry and the event follow from the two states alone.
fn consequences(was: &Progress, next: Progress) -> Step {
    if was.state == next.state {
        return Step { next, ledger: None, tell: None };
    }
    let ledger = match (next.state, next.code) {
        (State::Applied, _) => Some(Kind::Capture),
        (State::Failed, Some(Code::Unresolved)) => Some(Kind::WriteOff),
        (state, _) if state.is_terminal() && state != State::Unknown => Some(Kind::Release),
        _ => None,
    };
    let tell = match was.state {
        State::Unknown => Some(EventType::Corrected),
        _ => next.state.event(),
    };
    Step { next, ledger, tell }
}
