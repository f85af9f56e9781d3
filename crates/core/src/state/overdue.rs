//! What time alone brings about: the sweeper's and every reader's question.

use super::{Event, Progress, State};
use crate::approval::Policy;
use crate::outcome::{Code, Ending};
use crate::time::{CONFIRM_WAIT_MS, GIVE_UP_MS};

/// Whether [`Progress::responsible`] is proven dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dead {
    /// Its incarnation is gone; no byte of it can follow.
    Proven,
    /// It may live.
    No,
}

/// The event that is due now, if any. The deadline goes before all else.
#[must_use]
pub fn overdue(was: &Progress, now: i64, worker: Dead) -> Option<Event> {
    // A person at the desk is no process: nobody but that person says that nothing can follow.
    let worker = if was.policy == Policy::Desk { Dead::No } else { worker };
    let lease_over = worker == Dead::Proven || was.lease_until.is_none_or(|until| now >= until);
    let late = now >= was.deadline;
    match was.state {
        State::AwaitingApproval if late => Some(Event::TimeUp),
        State::AwaitingApproval if was.opened_until.is_some_and(|until| now >= until) => {
            Some(Event::HandBack { delay_ms: 0 })
        }
        // Shown, it has no worker; while a worker makes the preview, its lease must hold.
        State::AwaitingApproval if was.worker.is_some() && lease_over => {
            Some(Event::HandBack { delay_ms: 0 })
        }
        State::Queued | State::Leased | State::Armed
            if !late && was.approval_ends_at().is_some_and(|at| now >= at) =>
        {
            Some(Event::Void(Ending::because(Code::TermsChanged, "the approval has expired")))
        }
        State::Queued if late || (was.blocked.is_some() && now >= was.cutoff) => Some(Event::TimeUp),
        State::Leased | State::Armed if late => Some(Event::TimeUp),
        // A person's claim that runs out is nobody's fault.
        State::Leased | State::Armed if lease_over && was.policy == Policy::Desk => {
            Some(Event::HandBack { delay_ms: 0 })
        }
        State::Leased | State::Armed if lease_over => Some(Event::LeaseLost),
        State::Intent if late => Some(Event::TimeUp),
        State::Intent => {
            let unanswered = was.intent.as_ref().is_none_or(|intent| now >= intent.answer_by);
            (unanswered || lease_over).then_some(Event::Doubt)
        }
        State::Verifying if late => Some(Event::TimeUp),
        State::Submitted if late || was.submitted_at.is_none_or(|at| now >= at + CONFIRM_WAIT_MS) => {
            Some(Event::TimeUp)
        }
        State::Unknown if is_given_up(was, now) => Some(Event::TimeUp),
        State::Verifying | State::Unknown if worker == Dead::Proven && was.permit_closed_at.is_none() => {
            Some(Event::PermitClosed)
        }
        // The sender's death says nothing about the reader: only its own lease does.
        State::Submitted | State::Verifying | State::Unknown
            if was.lease_until.is_some_and(|until| now >= until) =>
        {
            Some(Event::HandBack { delay_ms: 0 })
        }
        _ => None,
    }
}

/// Whether it had no turn by the cutoff, so that what kept it back is to be named: a login that was down then.
#[must_use]
pub fn is_kept_back(was: &Progress, now: i64) -> bool {
    was.state == State::Queued && was.blocked.is_none() && was.policy != Policy::Desk && now >= was.cutoff
}

/// A day after the first read was possible; `None` while the permit is open and no read could tell.
fn give_up_at(was: &Progress) -> Option<i64> {
    let intent = was.intent.as_ref()?;
    if was.policy == Policy::Desk {
        return Some(intent.at + GIVE_UP_MS);
    }
    Some(was.permit_closed_at?.max(intent.at) + GIVE_UP_MS)
}

/// A read that found nothing has put off the next one.
fn has_read_after(was: &Progress, at: i64) -> bool {
    was.look_at.is_none_or(|next| next > at)
}

/// Whether the day is over, and a read after it has found nothing either.
pub(super) fn is_given_up(was: &Progress, now: i64) -> bool {
    let is_being_read = was.lease_until.is_some_and(|until| now < until);
    !is_being_read && give_up_at(was).is_some_and(|at| now >= at && has_read_after(was, at))
}

/// When [`overdue`] may first answer something; `None`: never, so the state is final. An open permit is asked
/// about all the time.
#[must_use]
pub fn due_at(was: &Progress) -> Option<i64> {
    let intent_at = was.intent.as_ref().map(|intent| intent.at);
    let first = |times: [Option<i64>; 3]| times.into_iter().flatten().min();
    match was.state {
        State::AwaitingApproval => first([Some(was.deadline), was.opened_until, was.lease_until]),
        State::Queued => first([Some(was.deadline), was.blocked.map(|_| was.cutoff), was.approval_ends_at()]),
        State::Leased | State::Armed => first([Some(was.deadline), was.lease_until, was.approval_ends_at()]),
        State::Intent => {
            let answer_by = was.intent.as_ref().map(|intent| intent.answer_by);
            first([Some(was.deadline), was.lease_until, answer_by])
        }
        State::Submitted => {
            let confirmed = was.submitted_at.map(|at| at + CONFIRM_WAIT_MS);
            first([Some(was.deadline), confirmed, was.lease_until])
        }
        State::Verifying | State::Unknown if was.permit_closed_at.is_none() && was.policy != Policy::Desk => {
            intent_at
        }
        State::Verifying => first([Some(was.deadline), was.lease_until, None]),
        State::Unknown => first([give_up_at(was), was.lease_until, None]),
        _ => None,
    }
}
