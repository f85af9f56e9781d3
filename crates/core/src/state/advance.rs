//! The transitions.

use applyd_wire::EventType;

use super::{Closed, Intent, Progress, State};
use crate::ledger::Kind;
use crate::outcome::{Code, Ending};
use crate::retry::{MOST_ATTEMPTS, MOST_LOST_LEASES};
use crate::time::Timing;

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
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
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
    /// T4, or the end of a look: handed back untouched; counts nothing.
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
    Arm,
    /// T8.
    Cross,
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
    },
    /// A read did not answer.
    Unreadable,
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
    use State::{Armed, Intent as Crossed, Leased, Queued, Submitted, Unknown, Verifying};
    fence(was, &event, by, now)?;
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
        (Leased | Armed | Crossed | Submitted | Verifying | Unknown, Event::Heartbeat) => {
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
            next.look_at = was.look_at.map(|_| now + delay_ms);
            next.free();
        }
        // Verify-only. It settles nothing, and one after the intent must not count it.
        (Leased, Event::NotSeen { .. }) => {
            next.negative_reads = 1;
            requeue(&mut next, now, timing.read_spacing_ms);
        }
        (Queued | Leased | Armed, Event::Recover { worker, at, in_time }) => {
            next.epoch += 1;
            next.negative_reads = 0;
            next.processed_at.get_or_insert(at);
            next.intent = Some(Intent { worker, epoch: next.epoch, at, answer_by: at, closed: Closed::Open });
            if in_time {
                next.state = Verifying;
                next.free();
            } else {
                next.end(Ending::of(Code::OutcomeUnknown));
            }
            next.permit_closed_at = Some(now);
            next.look_at = Some(now);
        }
        (Leased | Armed, Event::Block { code, renewed, delay_ms }) if needs_no_intent(code) => {
            next.logins_renewed += i64::from(renewed);
            next.blocked = Some(code);
            requeue(&mut next, now, delay_ms);
        }
        (Queued | Leased | Armed, Event::End(ending)) if needs_no_intent(ending.code) => {
            next.epoch += 1;
            next.end(ending);
        }
        // Whoever holds its lease finds another epoch at the gate.
        (Queued | Leased | Armed, Event::Cancel) => {
            next.epoch += 1;
            next.end(Ending::of(Code::Cancelled));
        }
        (Leased, Event::Arm) => next.state = Armed,
        (Armed, Event::Cross) => {
            let half_left = was.lease_until.is_some_and(|until| until - now >= timing.lease_ms / 2);
            if now > was.cutoff || !half_left || was.intent.is_some() {
                return Err(Refused::Time);
            }
            next.state = Crossed;
            next.negative_reads = 0;
            next.intent = Some(Intent {
                worker: was.worker.clone().unwrap_or_default(),
                epoch: was.epoch,
                at: now,
                answer_by: now + timing.answer_by_ms,
                closed: Closed::Open,
            });
        }
        (Crossed, Event::Accepted) => {
            close(&mut next, Closed::Submitted);
            next.state = Submitted;
            next.submitted_at = Some(now);
            next.look_at = Some(now);
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
            next.look_at = next.permit_closed_at;
            next.free();
        }
        // The sweeper doubted first; the sender's own word closes the permit all the same.
        (Verifying | Unknown, Event::PermitClosed | Event::Doubt) if was.permit_closed_at.is_none() => {
            next.permit_closed_at = Some(now);
            next.look_at = Some(now);
        }
        (Submitted, Event::Seen { .. }) => applied(&mut next, now),
        (Verifying | Unknown, Event::Seen { site_at }) if was.permit_closed_at.is_some() => {
            applied(&mut next, if was.state == Unknown { site_at.unwrap_or(now).min(now) } else { now });
        }
        (Verifying | Unknown, Event::NotSeen { settles }) if was.permit_closed_at.is_some() => {
            not_seen(&mut next, settles, now, timing);
        }
        (Submitted | Verifying | Unknown, Event::NotSeen { .. } | Event::Unreadable)
            if was.state == Submitted || was.permit_closed_at.is_some() =>
        {
            next.look_at = Some(now + timing.read_spacing_ms);
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

/// A worker must own the lease, a sender the intent; the sweeper acts on what time alone decides. A caller can
/// only cancel, and nobody else can.
fn fence(was: &Progress, event: &Event, by: By, now: i64) -> Result<(), Refused> {
    let owners_only = matches!(
        event,
        Event::Heartbeat
            | Event::Retry { .. }
            | Event::Arm
            | Event::Cross
            | Event::NotSeen { .. }
            | Event::Unreadable
    );
    let senders_only = matches!(event, Event::Accepted | Event::Declined(_));
    let holds = match by {
        By::Worker(epoch) => {
            !senders_only && was.epoch == epoch && was.lease_until.is_some_and(|until| now < until)
        }
        By::Sender(epoch) => !owners_only && was.intent.as_ref().is_some_and(|intent| intent.epoch == epoch),
        By::Sweeper => !owners_only && !senders_only,
        By::Caller => true,
    };
    if holds && (by == By::Caller) == (*event == Event::Cancel) { Ok(()) } else { Err(Refused::Lease) }
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
    next.epoch += 1;
    next.worker = Some(worker);
    next.lease_until = Some(now + timing.lease_ms);
}

fn requeue(next: &mut Progress, now: i64, delay_ms: i64) {
    next.state = State::Queued;
    next.not_before = now + delay_ms;
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

fn not_seen(next: &mut Progress, settles: bool, now: i64, timing: &Timing) {
    let begun = next.look_at.unwrap_or(i64::MIN);
    let drained = next.permit_closed_at.is_some_and(|closed| begun >= closed + timing.drain_ms);
    next.negative_reads += i64::from(drained);
    if settles && next.negative_reads >= ENOUGH_NEGATIVE_READS {
        return declined(next, Ending::of(Code::NotSubmitted));
    }
    next.look_at = Some(now + timing.read_spacing_ms);
    next.free();
}

fn time_up(next: &mut Progress, now: i64) -> Result<(), Refused> {
    match next.state {
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
        State::Queued
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
