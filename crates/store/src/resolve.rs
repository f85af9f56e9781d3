//! A person has looked at the site, and says what became of what nobody knew.

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::outcome::{Code, Ending};
use applyd_core::state::{By, Event, State};
use applyd_core::time::Timing;
use applyd_wire::TimelineEntry;
use serde_json::json;

use crate::application::{self, Application};
use crate::queue::{Beside, advance};
use crate::tx::values;
use crate::{Error, Tx, timeline};

/// More than a person looks at.
const MOST_OPEN: i64 = 1000;

/// What a person has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The site has the proposal; its id, if it was read.
    Submitted(Option<String>),
    /// The site does not have it.
    NotSubmitted,
    /// Whatever it was, the job may be applied to again.
    ClearGuard,
}

/// What became of it.
#[derive(Debug, Clone)]
pub enum Resolved {
    /// Settled, with its credit.
    Settled(Box<Application>),
    /// It had ended as unresolved: the finding stands in the timeline, nothing else has changed.
    Noted,
    /// The same, and the job may be applied to again.
    GuardCleared,
    /// There is no such application.
    Unknown,
    /// It is under way, or has ended for certain: there is nothing to resolve.
    NotOpen(Box<Application>),
    /// Only what has ended as unresolved has a guard to clear.
    NotUnresolved(Box<Application>),
    /// Something of it may still be sent; from this time on the finding counts, if it is known.
    TooEarly(Option<i64>),
}

/// Settles what a person has looked at.
///
/// # Errors
/// The store's.
pub fn resolve(
    tx: &Tx<'_>,
    id: &QueueId,
    finding: &Finding,
    name: &str,
    note: &str,
    timing: &Timing,
) -> Result<Resolved, Error> {
    let Some(was) = application::load(tx, id)? else { return Ok(Resolved::Unknown) };
    let detail = format!("by {name}: {note}");
    if was.progress.code == Some(Code::Unresolved) {
        return noted(tx, id, finding, name, &detail);
    }
    if !matches!(was.progress.state, State::Verifying | State::Unknown) {
        return Ok(Resolved::NotOpen(Box::new(was)));
    }
    let (event, proposal) = match finding {
        Finding::Submitted(proposal) => (Event::Seen { site_at: None }, proposal.as_deref()),
        Finding::NotSubmitted => {
            let ending = Ending::because(Code::NotSubmitted, "a person found none there");
            (Event::Declined(ending), None)
        }
        Finding::ClearGuard => return Ok(Resolved::NotUnresolved(Box::new(was))),
    };
    let facts = json!({"act": "looked", "by": name});
    let beside = Beside { note: Some(&detail), proposal, facts: Some(&facts), ..Beside::default() };
    Ok(match advance(tx, id, event, By::Person, timing, beside)? {
        Ok(now) => Resolved::Settled(Box::new(now)),
        Err(_) => Resolved::TooEarly(was.progress.permit_closed_at.map(|closed| closed + timing.drain_ms)),
    })
}

fn noted(tx: &Tx<'_>, id: &QueueId, finding: &Finding, name: &str, detail: &str) -> Result<Resolved, Error> {
    let (word, proposal) = match finding {
        Finding::Submitted(proposal) => ("found", proposal.as_deref()),
        Finding::NotSubmitted => ("not_found", None),
        Finding::ClearGuard => ("guard_cleared", None),
    };
    let detail =
        proposal.map_or_else(|| detail.to_owned(), |proposal| format!("{detail} (proposal {proposal})"));
    let facts = json!({"act": "resolved", "finding": word, "by": name, "proposalId": proposal});
    timeline::testify(tx, id, word, &detail, facts)?;
    if *finding != Finding::ClearGuard {
        return Ok(Resolved::Noted);
    }
    tx.execute("UPDATE application SET guard_cleared_at = ?2 WHERE id = ?1", values![id.as_str(), tx.now()])?;
    Ok(Resolved::GuardCleared)
}

/// What waits for a person's word.
#[derive(Debug, Clone)]
pub struct Open {
    /// As it stands.
    pub application: Application,
    /// The account's name.
    pub account_name: String,
    /// What is known so far.
    pub timeline: Vec<TimelineEntry>,
}

/// All that is being verified or unknown, or has ended unresolved and still bars its job, of one account or of all,
/// oldest first, up to 1000.
///
/// # Errors
/// The store's.
pub fn list(tx: &Tx<'_>, account: Option<&AccountId>) -> Result<Vec<Open>, Error> {
    let found = tx.all(
        "SELECT p.id, a.name FROM application p JOIN account a ON a.id = p.account_id
         WHERE (p.state = 'verifying' OR p.state = 'unknown'
             OR (p.code = 'unresolved' AND p.guard_cleared_at IS NULL))
           AND (?1 = '' OR p.account_id = ?1) ORDER BY p.id LIMIT ?2",
        values![account.map_or("", AccountId::as_str), MOST_OPEN],
        |row| Ok((row.parsed(0, QueueId::parse)?, row.text(1)?)),
    )?;
    let mut open = Vec::with_capacity(found.len());
    for (id, account_name) in found {
        let Some(application) = application::load(tx, &id)? else { continue };
        let timeline = timeline::list(tx, &application.account, &id)?.unwrap_or_default();
        open.push(Open { application, account_name, timeline });
    }
    Ok(open)
}
