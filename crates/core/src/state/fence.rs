//! Who may do what: the first question of every step.

use super::{By, Event, Progress, Refused, State};
use crate::approval::Policy;
use crate::outcome::Code;
use crate::time::Timing;

/// A worker must own the lease, a sender the intent; the sweeper acts on what time alone decides. A caller can
/// only cancel, and nobody else can; so with a person and an approval.
pub(super) fn fence(was: &Progress, event: &Event, by: By, now: i64, timing: &Timing) -> Result<(), Refused> {
    let owners_only = matches!(
        event,
        Event::Show { .. }
            | Event::AskPerson
            | Event::Heartbeat
            | Event::Retry { .. }
            | Event::Arm { .. }
            | Event::Cross { .. }
            | Event::NotSeen { .. }
            | Event::Unreadable { .. }
    );
    let senders_only = matches!(event, Event::Accepted | Event::Declined(_));
    let callers_only = *event == Event::Cancel;
    let persons_only = matches!(event, Event::Approve { .. })
        || matches!(event, Event::End(ending) if ending.code == Code::ApprovalDenied);
    let holds = match by {
        By::Worker(epoch) => {
            let owns = was.epoch == epoch && was.lease_until.is_some_and(|until| now < until);
            owns && !senders_only && !callers_only && !persons_only
        }
        By::Sender(epoch) => {
            let sends = was.intent.as_ref().is_some_and(|intent| intent.epoch == epoch);
            sends && !owners_only && !callers_only && !persons_only
        }
        By::Sweeper => !owners_only && !senders_only && !callers_only && !persons_only,
        By::Caller => callers_only,
        By::Person => {
            persons_only || matches!(event, Event::Seen { .. }) || is_finding(was, event, now, timing)
        }
    };
    if holds { Ok(()) } else { Err(Refused::Lease) }
}

/// T14, T18: a person has looked and found nothing, at a time when nothing can follow any more.
fn is_finding(was: &Progress, event: &Event, now: i64, timing: &Timing) -> bool {
    let is_open = matches!(was.state, State::Verifying | State::Unknown);
    // At the desk the person who says so is the only sender there is.
    let is_drained = was.permit_closed_at.is_some_and(|closed| now >= closed + timing.drain_ms);
    is_open
        && (is_drained || was.policy == Policy::Desk)
        && matches!(event, Event::Declined(ending) if ending.code == Code::NotSubmitted)
}
