//! Waiting for a person: what was decided about what was shown.

mod showing;

use applyd_core::approval::{Approval, Policy, Subject, resolved};
use applyd_core::ids::{AccountId, KeyId, QueueId, ShowingId};
use applyd_core::outcome::{Code, Ending};
use applyd_core::state::{By, Event, Refused};
use applyd_core::terms::{Terms, folded};
use applyd_core::time::{PREVIEW_MARGIN_MS, Timing};

use crate::account::{self, Channel};
use crate::application::{self, Application};
use crate::freelancer::Chosen;
use crate::queue::{Beside, advance};
use crate::tx::{Row, values};
use crate::{Error, Tx, budget, grant, pause};

pub use showing::{
    About, Showing, Shown, about, ask, close, fail, in_the_way, is_asked, last_shown, show, shown_before,
};
pub(crate) use showing::{to_open, waiting_to_open};

const MOST_WAITING: i64 = 1000;

/// Who decides, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    /// As the audit names them.
    pub name: &'a str,
    /// An address, or the command line.
    pub address: &'a str,
}

/// What became of an approval.
#[derive(Debug, Clone)]
pub enum Approved {
    /// It is queued.
    Queued(Box<Application>),
    /// Written down; another person must approve the same too.
    NeedsAnother,
    /// This person has approved it already.
    Again,
    /// Nothing of this hash is shown now.
    NotShown,
    /// A limit of Connects stands against it.
    OverBudget(String),
}

/// An application that waits for a person.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its id.
    pub id: QueueId,
    /// Whose.
    pub account: AccountId,
    /// The account's name.
    pub account_name: String,
    /// Canonical key of the job.
    pub job: String,
    /// Accepted, Unix milliseconds.
    pub accepted_at: i64,
    /// Ends by then without an approval.
    pub approve_by: i64,
}

/// The channel's identity that applies: the organisation, or on the sandbox the account, which finds its own.
fn agency(tx: &Tx<'_>, application: &Application, profile: &Chosen) -> Result<String, Error> {
    let (account, channel) = (&application.account, application.channel);
    if channel != Channel::Upwork {
        return Ok(account.as_str().to_owned());
    }
    Ok(grant::load(tx, &profile.grantee(channel, account))?
        .and_then(|grant| grant.org_uid)
        .unwrap_or_default())
}

/// The caller's own call as an approval of what it names.
pub(crate) fn by_request(
    tx: &Tx<'_>,
    application: &Application,
    profile: &Chosen,
    asked: &Terms,
) -> Result<Approval, Error> {
    let agency = agency(tx, application, profile)?;
    let terms = resolved(asked, profile.rate, application.ceiling_connects);
    let subject = Subject {
        channel: application.channel.as_str(),
        agency: &agency,
        job: application.job.as_str(),
        profile: &profile.id,
        terms: &terms,
    };
    Ok(Approval { sha256: subject.sha256(), expires_at: application.progress.cutoff })
}

/// Keeps the decision that a key has made by its own call.
pub(crate) fn note_by_request(tx: &Tx<'_>, application: &Application) -> Result<(), Error> {
    let sha256 = application.progress.approval.as_ref().map(|given| given.sha256.as_str());
    let key = application.key.as_ref().map_or("", KeyId::as_str);
    let by = Person { name: key, address: "api" };
    decide(tx, &application.id, None, sha256, "by_request", by, None)
}

/// Whether a key's own decision still holds: the key stands, and its calls still count as decisions.
///
/// # Errors
/// The store's.
pub fn still_decides(tx: &Tx<'_>, id: &QueueId) -> Result<bool, Error> {
    let Some(application) = application::load(tx, id)? else { return Ok(false) };
    if application.progress.policy != Policy::ByRequest {
        return Ok(true);
    }
    let Some(key) = &application.key else { return Ok(false) };
    let stands = tx.one(
        "SELECT 1 FROM api_key WHERE id = ?1 AND by_request_connects IS NOT NULL
         AND (expires_at IS NULL OR expires_at > ?2)",
        values![key.as_str(), tx.now()],
        |row| row.int(0),
    )?;
    Ok(stands.is_some())
}

/// A2: a person approves what was shown: this preview at this cost, and no later one although its terms be the same.
///
/// # Errors
/// The store's.
pub fn approve(
    tx: &Tx<'_>,
    id: &QueueId,
    seen: &ShowingId,
    person: Person<'_>,
    timing: &Timing,
) -> Result<Approved, Error> {
    let Some(found) = application::load(tx, id)? else { return Ok(Approved::NotShown) };
    let is_open = found.progress.opened_until.is_some_and(|until| tx.now() < until);
    let Some(Showing { id: showing, content: Ok(shown), .. }) = last_shown(tx, id)? else {
        return Ok(Approved::NotShown);
    };
    if !is_open || found.progress.worker.is_some() || showing != *seen {
        return Ok(Approved::NotShown);
    }
    if let Err(limit) = budget::check(tx, &found, shown.cost)? {
        return Ok(Approved::OverBudget(limit));
    }
    let mut names = approvers(tx, &showing)?;
    let is_new = !names.iter().any(|name| is_same(name, person.name));
    if is_new {
        names.push(person.name.to_owned());
    }
    let (shown_as, sha256) = (Some((&showing, &shown)), shown.sha256.as_str());
    if (names.len() as i64) < account::approvers(tx, &found.account)? {
        if !is_new {
            return Ok(Approved::Again);
        }
        decide(tx, id, shown_as, Some(sha256), "approved", person, None)?;
        return Ok(Approved::NeedsAnother);
    }
    let expires_at = shown.preview_expires_at - PREVIEW_MARGIN_MS;
    let event = Event::Approve { sha256: sha256.to_owned(), expires_at };
    let note = format!("by {}", names.join(" and "));
    let beside = Beside { note: Some(&note), ..Beside::default() };
    match advance(tx, id, event, By::Person, timing, beside)? {
        Ok(application) => {
            decide(tx, id, shown_as, Some(sha256), "approved", person, None)?;
            pause::tell(tx, id, &application.account, application.channel)?;
            Ok(Approved::Queued(Box::new(application)))
        }
        Err(_) => Ok(Approved::NotShown),
    }
}

/// A3: a person says no. A refusal by the rule is no error: nothing has changed then.
///
/// # Errors
/// The store's.
pub fn decline(
    tx: &Tx<'_>,
    id: &QueueId,
    person: Person<'_>,
    reason: &str,
    timing: &Timing,
) -> Result<Result<Application, Refused>, Error> {
    let end = Event::End(Ending::because(Code::ApprovalDenied, reason));
    let note = format!("by {}: {reason}", person.name);
    let beside = Beside { note: Some(&note), ..Beside::default() };
    let moved = advance(tx, id, end, By::Person, timing, beside)?;
    if moved.is_ok() {
        let shown = last_shown(tx, id)?;
        let shown = shown.as_ref().and_then(|showing| Some((&showing.id, showing.content.as_ref().ok()?)));
        let sha256 = shown.map(|(_, shown)| shown.sha256.as_str());
        decide(tx, id, shown, sha256, "declined", person, Some(reason))?;
    }
    Ok(moved)
}

/// One person, however the name is written.
fn is_same(name: &str, other: &str) -> bool {
    folded(name).to_lowercase() == folded(other).to_lowercase()
}

/// Who has approved what was shown.
fn approvers(tx: &Tx<'_>, showing: &ShowingId) -> Result<Vec<String>, Error> {
    tx.all(
        "SELECT d.decided_by FROM showing s JOIN decision d ON d.application_id = s.application_id
         AND d.showing_id = s.id WHERE s.id = ?1 AND d.verdict = 'approved'
         GROUP BY d.decided_by ORDER BY min(d.seq) LIMIT 2",
        values![showing.as_str()],
        |row| row.text(0),
    )
}

/// A person at the desk approves by the declaration.
pub(crate) fn note_declared(tx: &Tx<'_>, id: &QueueId, sha256: &str, name: &str) -> Result<(), Error> {
    decide(tx, id, None, Some(sha256), "approved", Person { name, address: "desk" }, None)
}

fn decide(
    tx: &Tx<'_>,
    id: &QueueId,
    shown: Option<(&ShowingId, &Shown)>,
    sha256: Option<&str>,
    verdict: &str,
    by: Person<'_>,
    reason: Option<&str>,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO decision (application_id, showing_id, sha256, preview_id, connects, verdict, decided_by, address,
           reason, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        values![
            id.as_str(),
            shown.map(|(showing, _)| showing.as_str()),
            sha256,
            shown.map(|(_, shown)| shown.preview_id.as_str()),
            shown.map(|(_, shown)| shown.cost.total()),
            verdict,
            by.name,
            by.address,
            reason,
            tx.now()
        ],
    )?;
    Ok(())
}

/// Applications that wait for a person, of one account or of all, the oldest first, up to 1000.
///
/// # Errors
/// The store's.
pub fn waiting(tx: &Tx<'_>, account: Option<&AccountId>) -> Result<Vec<Waiting>, Error> {
    let read = |row: &Row<'_>| {
        Ok(Waiting {
            id: row.parsed(0, QueueId::parse)?,
            account: row.parsed(1, AccountId::parse)?,
            account_name: row.text(2)?,
            job: row.text(3)?,
            accepted_at: row.int(4)?,
            approve_by: row.int(5)?,
        })
    };
    let waiting = "SELECT p.id, p.account_id, a.name, p.job_key, p.accepted_at, p.approve_by
         FROM application p JOIN account a ON a.id = p.account_id WHERE p.state = 'awaiting_approval'";
    match account {
        Some(account) => tx.all(
            &format!("{waiting} AND p.account_id = ?1 ORDER BY p.id LIMIT ?2"),
            values![account.as_str(), MOST_WAITING],
            read,
        ),
        // Not in the order of the primary key, which has all that ever was: what waits is sorted.
        None => {
            tx.all(&format!("{waiting} ORDER BY coalesce(p.id, '') LIMIT ?1"), values![MOST_WAITING], read)
        }
    }
}

/// The policy of a new application: the channel's, unless the account or the key says otherwise.
#[must_use]
pub fn policy_of(channel: Channel, account: Option<Policy>, is_by_request: bool) -> Policy {
    match channel {
        Channel::Desk => Policy::Desk,
        // What the operator has said of the account holds for each of its keys.
        _ if account == Some(Policy::Required) => Policy::Required,
        _ if is_by_request => Policy::ByRequest,
        Channel::Upwork => Policy::Required,
        Channel::Sandbox => account.unwrap_or(Policy::None),
    }
}
