//! Waiting for a person: A1 to A4, and the preview that is kept open for one.

use super::{Progress, Refused, State};
use crate::approval::{Approval, Policy};
use crate::outcome::Ending;
use crate::time::{OPENING_MS, Timing};

impl Progress {
    /// Whether what would be sent is what was approved, by whoever has to.
    pub(super) fn is_approved(&self, sha256: &str, now: i64) -> bool {
        match self.policy {
            Policy::None | Policy::Desk => true,
            // It ends with the cutoff, which is asked of everything.
            Policy::ByRequest => self.approval.as_ref().is_some_and(|given| given.sha256 == sha256),
            Policy::Required => {
                self.approval.as_ref().is_some_and(|given| given.sha256 == sha256 && now < given.expires_at)
            }
        }
    }

    /// From when on the approval of a person counts no more. The caller's own is bound by the cutoff alone.
    pub(super) fn approval_ends_at(&self) -> Option<i64> {
        let waits = matches!(self.state, State::Queued | State::Leased | State::Armed);
        let given = self.approval.as_ref().filter(|_| waits && self.policy == Policy::Required);
        given.map(|given| given.expires_at)
    }
}

/// A worker makes its preview for a person.
pub(super) fn open(next: &mut Progress, now: i64) -> Result<(), Refused> {
    if now >= next.deadline || next.opened_until.is_some() {
        return Err(Refused::Time);
    }
    next.opened_until = Some(now + OPENING_MS);
    Ok(())
}

/// The preview is there to be looked at, for as long as it counts and the slot is kept.
pub(super) fn show(next: &mut Progress, until: i64) {
    next.opened_until = next.opened_until.map(|opened_until| opened_until.min(until));
    next.free();
}

/// Nobody looks any more; the slot is free.
pub(super) fn close(next: &mut Progress) -> Result<(), Refused> {
    if next.opened_until.take().is_none() {
        return Err(Refused::State);
    }
    next.free();
    Ok(())
}

/// A2: the submission clock starts. The slot stays its own, as the preview that was approved stands in it.
pub(super) fn approve(
    next: &mut Progress,
    sha256: String,
    expires_at: i64,
    now: i64,
    timing: &Timing,
) -> Result<(), Refused> {
    let is_shown = next.worker.is_none() && next.opened_until.is_some_and(|until| now < until);
    if !is_shown || now >= next.deadline || now >= expires_at {
        return Err(Refused::Time);
    }
    next.state = State::Queued;
    next.not_before = now;
    next.cutoff = now + timing.intent_cutoff_ms;
    next.deadline = now + timing.deadline_ms;
    // A new clock, and tries of its own.
    (next.attempts, next.lost_leases, next.logins_renewed) = (0, 0, 0);
    let expires_at = expires_at.min(next.cutoff);
    next.opened_until = Some(expires_at);
    next.approval = Some(Approval { sha256, expires_at });
    Ok(())
}

/// The approval counts no more: A4 where a person gave it, else the end.
pub(super) fn void(next: &mut Progress, ending: Ending) {
    next.epoch += 1;
    match next.policy {
        Policy::Required => await_approval(next),
        Policy::None | Policy::ByRequest | Policy::Desk => next.end(ending),
    }
}

/// A4: the caller's own decision covers only what the caller wrote.
pub(super) fn ask_person(next: &mut Progress) {
    next.epoch += 1;
    next.policy = Policy::Required;
    await_approval(next);
}

/// The day in which somebody must approve is not extended.
fn await_approval(next: &mut Progress) {
    next.state = State::AwaitingApproval;
    next.cutoff = next.approve_by;
    next.deadline = next.approve_by;
    next.blocked = None;
    next.opened_until = None;
    next.approval = None;
    next.free();
}
