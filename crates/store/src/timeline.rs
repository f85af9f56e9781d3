//! What happened to an application, for people: oldest first, no letter text.

use applyd_core::approval::Policy;
use applyd_core::ids::{AccountId, QueueId};
use applyd_core::state::{By, Event, Progress, State};
use applyd_wire::TimelineEntry;
use serde_json::Value;

use crate::pause::Pause;
use crate::tx::values;
use crate::{Error, Tx};

/// Of one application; far more than any has.
const MOST_ENTRIES: i64 = 1000;

/// A database that has taken over from another may have a clock behind the other's; far more than any has.
const CLOCKS_APART_MS: i64 = 24 * 60 * 60 * 1000;

/// What a step is called, and who took it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    word: &'static str,
    actor: &'static str,
}

impl Line {
    pub(crate) fn of(event: &Event, by: By, policy: Policy) -> Self {
        let (word, actor) = match event {
            Event::Open { .. } => ("opened", "worker"),
            Event::Show { .. } => ("shown", "worker"),
            Event::Approve { .. } => ("approved", "person"),
            Event::Void(_) => ("approval_void", actor(by)),
            Event::AskPerson => ("approval_needed", "worker"),
            Event::Claim { .. } => ("claimed", "worker"),
            Event::Look { .. } => ("looked", "worker"),
            Event::Heartbeat => ("heartbeat", "worker"),
            Event::Retry { .. } => ("retry", "worker"),
            Event::LeaseLost => ("lease_lost", "sweeper"),
            Event::HandBack { .. } => ("handed_back", actor(by)),
            Event::Block { .. } => ("waiting", actor(by)),
            Event::End(_) => ("ended", actor(by)),
            Event::Arm { .. } => ("armed", "worker"),
            Event::Cross { .. } => ("intent", "worker"),
            Event::Accepted | Event::Declined(_) => ("answer", actor(by)),
            Event::Recover { .. } => ("recovered", "reconciler"),
            Event::Doubt => ("no_answer", actor(by)),
            Event::PermitClosed => ("permit_closed", actor(by)),
            Event::Seen { .. } if by == By::Person => ("resolved", "person"),
            Event::Seen { .. } | Event::NotSeen { .. } | Event::Unreadable { .. } => ("read", "reconciler"),
            Event::TimeUp => ("time_up", "sweeper"),
            Event::Cancel => ("cancelled", "caller"),
        };
        // At the desk only people work.
        let actor = if policy == Policy::Desk && actor == "worker" { "person" } else { actor };
        Self { word, actor }
    }
}

fn actor(by: By) -> &'static str {
    match by {
        By::Worker(_) | By::Sender(_) => "worker",
        By::Sweeper => "sweeper",
        By::Caller => "caller",
        By::Person => "person",
    }
}

/// Writes down a step. Heartbeats and empty looks are not worth a line.
pub(crate) fn note(
    tx: &Tx<'_>,
    id: &QueueId,
    line: Line,
    was: &Progress,
    now: &Progress,
    detail: Option<&str>,
    facts: &[Value],
) -> Result<(), Error> {
    if was.state == now.state && detail.is_none() && facts.is_empty() {
        return Ok(());
    }
    let word = match (was.state, now.state, now.code) {
        (before, after, _) if before == after => line.word,
        (State::Unknown, ..) => "corrected",
        (_, State::Applied, _) => "applied",
        (_, _, Some(code)) => code.as_str(),
        _ => line.word,
    };
    let ending = now.message.as_deref().filter(|_| was.state != now.state);
    add(tx, id, word, line.actor, detail.or(ending), facts)
}

/// Writes down what is known of what the caller sent.
pub(crate) fn remark(tx: &Tx<'_>, id: &QueueId, word: &str, detail: &str, facts: Value) -> Result<(), Error> {
    add(tx, id, word, "caller", Some(detail), &[facts])
}

/// Writes down what a person says of an application that does not change by it.
pub(crate) fn testify(
    tx: &Tx<'_>,
    id: &QueueId,
    word: &str,
    detail: &str,
    facts: Value,
) -> Result<(), Error> {
    add(tx, id, word, "person", Some(detail), &[facts])
}

/// Writes down that an application waits because of a pause.
pub(crate) fn tell_paused(tx: &Tx<'_>, id: &QueueId, pause: &Pause) -> Result<(), Error> {
    add(tx, id, "paused", "worker", Some(&pause.to_string()), &[])
}

/// The same for everything in the scope that is under way and was not sent.
pub(crate) fn tell_unsent(tx: &Tx<'_>, pause: &Pause) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO timeline (application_id, at, event, detail, actor)
         SELECT id, ?1, 'paused', ?2, 'worker' FROM application WHERE due_at IS NOT NULL
           AND (state = 'queued' OR state = 'leased' OR state = 'armed')
           AND (?3 = 'all' OR ?3 = 'channel:' || channel OR ?3 = 'account:' || account_id)",
        values![tx.now(), &pause.to_string(), &pause.scope.to_string()],
    )?;
    Ok(())
}

fn add(
    tx: &Tx<'_>,
    id: &QueueId,
    word: &str,
    actor: &str,
    detail: Option<&str>,
    facts: &[Value],
) -> Result<(), Error> {
    let facts = (!facts.is_empty()).then(|| Value::from(facts).to_string());
    tx.execute(
        "INSERT INTO timeline (application_id, at, event, detail, actor, facts) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        values![id.as_str(), tx.now(), word, detail, actor, facts.as_deref()],
    )?;
    Ok(())
}

/// Whether the last line of an application has exactly this detail.
///
/// # Errors
/// The store's.
pub fn ends_with(tx: &Tx<'_>, id: &QueueId, detail: &str) -> Result<bool, Error> {
    let last = tx.one(
        "SELECT detail FROM timeline WHERE application_id = ?1 ORDER BY seq DESC LIMIT 1",
        values![id.as_str()],
        |row| row.opt_text(0),
    )?;
    Ok(last.flatten().as_deref() == Some(detail))
}

/// An account's application from its acceptance on, oldest first, up to 1000 lines; `None`: it has no such one.
///
/// # Errors
/// The store's.
pub fn list(tx: &Tx<'_>, account: &AccountId, id: &QueueId) -> Result<Option<Vec<TimelineEntry>>, Error> {
    let accepted = tx.one(
        "SELECT accepted_at FROM application WHERE id = ?1 AND account_id = ?2",
        values![id.as_str(), account.as_str()],
        |row| row.int(0),
    )?;
    let Some(accepted_at) = accepted else { return Ok(None) };
    // It has no row of its own: accepting is the one step that every caller waits for.
    let accepted =
        TimelineEntry { at: accepted_at, event: "accepted".into(), by: "caller".into(), detail: None };
    let later = tx.all(
        "SELECT at, event, actor, detail FROM timeline WHERE application_id = ?1 AND at >= ?3 ORDER BY seq LIMIT ?2",
        // Nothing is older, and of what lies by the month the months before it need no look.
        values![id.as_str(), MOST_ENTRIES, accepted_at - CLOCKS_APART_MS],
        |row| {
            Ok(TimelineEntry {
                at: row.int(0)?,
                event: row.text(1)?,
                by: row.text(2)?,
                detail: row.opt_text(3)?,
            })
        },
    )?;
    Ok(Some(std::iter::once(accepted).chain(later).collect()))
}
