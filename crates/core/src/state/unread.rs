//! Verify-only: the store may have lost intents, so that what it shows as never sent may be at the site.

use super::{By, Event, Progress, Refused, Step, advance};
use crate::ledger::Kind;

/// Stands for the sender of an intent that nothing tells of. No process that lives has this name.
const NOBODY: &str = "nobody";

/// [`advance`], while what has no intent may have lost it. Nothing ends as never sent for want of one: an end that
/// would give the credit back becomes an open intent, held until reads settle it. Its sender is dead, because only
/// one living process serves a store, and that one sends nothing now.
///
/// # Errors
/// Why not; nothing has changed then.
pub fn advance_unread(
    was: &Progress,
    event: Event,
    by: By,
    accepted_at: i64,
    now: i64,
    timing: &crate::time::Timing,
) -> Result<Step, Refused> {
    let step = advance(was, event.clone(), by, now, timing)?;
    let ends_unsent = step.ledger == Some(Kind::Release) && step.next.intent.is_none();
    match event {
        _ if !ends_unsent => Ok(step),
        Event::Cancel => Err(Refused::Unread),
        // No end by time: the start knows that this one had ended, because a later one took its job.
        Event::End(_) if by == By::Sweeper => Ok(step),
        _ => {
            let in_time = was.state.holds_slot() && now < was.deadline;
            let (worker, terms_sha256) = (NOBODY.into(), String::new());
            let lost = Event::Recover { worker, at: accepted_at, terms_sha256, in_time };
            // Whoever would have ended it: that the store has lost something is not their doing.
            advance(was, lost, By::Sweeper, now, timing)
        }
    }
}
