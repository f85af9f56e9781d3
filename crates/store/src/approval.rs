//! Waiting for a person: what is to be shown, what was shown, and what was decided about it.

use applyd_core::approval::{Approval, Policy, Subject, resolved};
use applyd_core::connects::Cost;
use applyd_core::ids::{AccountId, KeyId, QueueId, ShowingId};
use applyd_core::outcome::{Code, Ending};
use applyd_core::state::{By, Event, Refused};
use applyd_core::terms::Terms;
use applyd_core::time::{PREVIEW_MARGIN_MS, Timing};
use serde_json::json;

use crate::account::{self, Channel};
use crate::application::{self, Application};
use crate::freelancer::Chosen;
use crate::queue::{Beside, Next, advance};
use crate::tx::{Row, values};
use crate::{Error, Tx, budget, grant, meta};

/// A wish to look at a preview is forgotten after this: whoever had it has left.
const ASKED_FOR_MS: i64 = 60_000;
const MOST_WAITING: i64 = 1000;
/// What was shown of a task that is long over.
const ERASED: &str = "it is erased";

/// A preview as a worker made it for a person.
#[derive(Debug, Clone)]
pub struct Shown {
    /// What it would cost, and what there is, in Connects.
    pub cost: Cost,
    /// Of the organisation.
    pub balance_connects: i64,
    /// The preview's id at the site.
    pub preview_id: String,
    /// From then on the site refuses it.
    pub preview_expires_at: i64,
    /// The channel's identity that would submit.
    pub agency: String,
    /// What an approval of it is bound to.
    pub sha256: String,
    /// What would be sent.
    pub terms: Terms,
    /// What people should know of it.
    pub remarks: Vec<String>,
    /// The site's ids of the answers about the preview; kept in the audit alone.
    pub trace_ids: Vec<String>,
}

/// What was shown of an application, or why nothing could be.
#[derive(Debug, Clone)]
pub struct Showing {
    /// Its id.
    pub id: ShowingId,
    /// When, Unix milliseconds.
    pub at: i64,
    /// What, or the sentence that says why not.
    pub content: Result<Shown, String>,
}

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

/// A person wants to look at an application; `false` where it does not wait for one.
///
/// # Errors
/// The store's.
pub fn ask(tx: &Tx<'_>, id: &QueueId) -> Result<bool, Error> {
    let asked = tx.execute(
        "UPDATE application SET open_asked_at = ?2 WHERE id = ?1 AND state = 'awaiting_approval'",
        values![id.as_str(), tx.now()],
    )?;
    Ok(asked == 1)
}

/// The next application of an account whose preview a person wants to see; in the verify-only mode the next that the
/// site was not read for.
pub(crate) fn to_open(tx: &Tx<'_>, account: &AccountId) -> Result<Option<Next>, Error> {
    let read = |row: &Row<'_>| {
        let (id, channel) = (row.parsed(0, QueueId::parse)?, row.parsed(1, Channel::parse)?);
        Ok(Next { id, channel, is_looked_at: true })
    };
    if meta::verify_only(tx)?.is_some() {
        return tx.one(
            "SELECT id, channel FROM application WHERE account_id = ?1 AND state = 'awaiting_approval' AND opened_until IS NULL
             AND negative_reads = 0 AND not_before <= ?2 ORDER BY id LIMIT 1",
            values![account.as_str(), tx.now()],
            read,
        );
    }
    tx.one(
        "SELECT id, channel FROM application WHERE state = 'awaiting_approval' AND open_asked_at IS NOT NULL
         AND open_asked_at > ?2 AND account_id = ?1 AND opened_until IS NULL ORDER BY open_asked_at LIMIT 1",
        values![account.as_str(), tx.now() - ASKED_FOR_MS],
        read,
    )
}

/// Accounts with such an application.
pub(crate) fn waiting_to_open(tx: &Tx<'_>, most: i64) -> Result<Vec<AccountId>, Error> {
    let read = |row: &Row<'_>| row.parsed(0, AccountId::parse);
    if meta::verify_only(tx)?.is_some() {
        return tx.all(
            "SELECT DISTINCT account_id FROM application WHERE state = 'awaiting_approval' AND negative_reads = 0
             AND not_before <= ?1 LIMIT ?2",
            values![tx.now(), most],
            read,
        );
    }
    tx.all(
        "SELECT DISTINCT account_id FROM application WHERE state = 'awaiting_approval' AND open_asked_at IS NOT NULL
         AND open_asked_at > ?1 AND opened_until IS NULL LIMIT ?2",
        values![tx.now() - ASKED_FOR_MS, most],
        read,
    )
}

/// The wish is fulfilled, or will not be.
pub(crate) fn answer(tx: &Tx<'_>, id: &QueueId) -> Result<(), Error> {
    tx.execute("UPDATE application SET open_asked_at = NULL WHERE id = ?1", values![id.as_str()])?;
    Ok(())
}

/// Shows a preview; one that the limits of Connects forbid ends the application instead.
///
/// # Errors
/// The store's.
pub fn show(
    tx: &Tx<'_>,
    id: &QueueId,
    by: By,
    timing: &Timing,
    shown: &Shown,
    title: Option<&str>,
) -> Result<Result<Application, Refused>, Error> {
    let Some(found) = application::load(tx, id)? else { return Ok(Err(Refused::State)) };
    if let Err(limit) = budget::check(tx, &found, shown.cost)? {
        let end = Event::End(Ending::because(Code::ConnectsCap, &limit));
        return advance(tx, id, end, by, timing, Beside { title, ..Beside::default() });
    }
    let total = shown.cost.total();
    let note = format!("preview {}: {total} of {} Connects", shown.preview_id, shown.balance_connects);
    let preview = Some((shown.preview_id.as_str(), shown.preview_expires_at));
    let facts = json!({"act": "shown", "sha256": shown.sha256, "previewId": shown.preview_id, "cost": shown.cost.base,
        "boost": shown.cost.boost, "balance": shown.balance_connects, "traceIds": shown.trace_ids});
    let beside = Beside { note: Some(&note), preview, title, facts: Some(&facts), ..Beside::default() };
    let until = shown.preview_expires_at - PREVIEW_MARGIN_MS;
    let moved = advance(tx, id, Event::Show { until }, by, timing, beside)?;
    if moved.is_ok() {
        keep(tx, id, Ok(shown))?;
    }
    Ok(moved)
}

/// The preview could not be made; the person may try again.
///
/// # Errors
/// The store's.
pub fn fail(
    tx: &Tx<'_>,
    id: &QueueId,
    by: By,
    timing: &Timing,
    reason: &str,
) -> Result<Result<Application, Refused>, Error> {
    let beside = Beside { note: Some(reason), ..Beside::default() };
    let moved = advance(tx, id, Event::HandBack { delay_ms: 0 }, by, timing, beside)?;
    if moved.is_ok() {
        keep(tx, id, Err(reason))?;
    }
    Ok(moved)
}

fn keep(tx: &Tx<'_>, id: &QueueId, content: Result<&Shown, &str>) -> Result<(), Error> {
    let showing = ShowingId::new(tx.now(), tx.random());
    let shown = content.ok();
    let terms = shown.map(|shown| serde_json::to_string(&shown.terms)).transpose();
    let terms = terms.map_err(|error| Error::Damaged(error.to_string()))?;
    let remarks = shown.map(|shown| shown.remarks.join("\n"));
    tx.execute(
        "INSERT INTO showing (id, application_id, at, failure, sha256, preview_id, preview_expires_at, cost_connects,
           balance_connects, agency, terms, remarks)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        values![
            showing.as_str(),
            id.as_str(),
            tx.now(),
            content.err(),
            shown.map(|shown| shown.sha256.as_str()),
            shown.map(|shown| shown.preview_id.as_str()),
            shown.map(|shown| shown.preview_expires_at),
            shown.map(|shown| shown.cost.base),
            shown.map(|shown| shown.balance_connects),
            shown.map(|shown| shown.agency.as_str()),
            terms.as_deref(),
            remarks.as_deref()
        ],
    )?;
    tx.execute(
        "UPDATE application SET showing_id = ?2 WHERE id = ?1",
        values![id.as_str(), showing.as_str()],
    )?;
    Ok(())
}

/// What was last shown of an application.
///
/// # Errors
/// The store's.
pub fn last_shown(tx: &Tx<'_>, id: &QueueId) -> Result<Option<Showing>, Error> {
    tx.one(
        "SELECT s.id, s.at, s.failure, s.sha256, s.preview_id, s.preview_expires_at, s.cost_connects,
           s.balance_connects, s.agency, s.terms, s.remarks
         FROM application a JOIN showing s ON s.id = a.showing_id WHERE a.id = ?1",
        values![id.as_str()],
        |row| {
            let content = match row.opt_text(2)? {
                Some(failure) => Err(failure),
                None if row.opt_text(9)?.is_none() => Err(ERASED.to_owned()),
                None => Ok(read_shown(row)?),
            };
            Ok(Showing { id: row.parsed(0, ShowingId::parse)?, at: row.int(1)?, content })
        },
    )
}

fn read_shown(row: &Row<'_>) -> Result<Shown, Error> {
    let terms: Terms = row.parsed(9, |text| serde_json::from_str(text).ok())?;
    Ok(Shown {
        cost: Cost { base: row.int(6)?, boost: terms.boost_connects },
        balance_connects: row.int(7)?,
        preview_id: row.text(4)?,
        preview_expires_at: row.int(5)?,
        agency: row.text(8)?,
        sha256: row.text(3)?,
        terms,
        remarks: row.opt_text(10)?.unwrap_or_default().lines().map(str::to_owned).collect(),
        trace_ids: Vec::new(),
    })
}

/// A2: a person approves what was shown under this hash.
///
/// # Errors
/// The store's.
pub fn approve(
    tx: &Tx<'_>,
    id: &QueueId,
    sha256: &str,
    person: Person<'_>,
    timing: &Timing,
) -> Result<Approved, Error> {
    let Some(found) = application::load(tx, id)? else { return Ok(Approved::NotShown) };
    let is_open = found.progress.opened_until.is_some_and(|until| tx.now() < until);
    let Some(Showing { id: showing, content: Ok(shown), .. }) = last_shown(tx, id)? else {
        return Ok(Approved::NotShown);
    };
    if !is_open || found.progress.worker.is_some() || shown.sha256 != sha256 {
        return Ok(Approved::NotShown);
    }
    if let Err(limit) = budget::check(tx, &found, shown.cost)? {
        return Ok(Approved::OverBudget(limit));
    }
    let before = approvers(tx, &showing)?;
    if before.iter().any(|name| name == person.name) {
        return Ok(Approved::Again);
    }
    let needed = account::approvers(tx, &found.account)?;
    let shown_as = Some((&showing, &shown));
    if (before.len() as i64) + 1 < needed {
        decide(tx, id, shown_as, Some(sha256), "approved", person, None)?;
        return Ok(Approved::NeedsAnother);
    }
    let expires_at = shown.preview_expires_at - PREVIEW_MARGIN_MS;
    let event = Event::Approve { sha256: sha256.to_owned(), expires_at };
    let names: Vec<&str> = before.iter().map(String::as_str).chain([person.name]).collect();
    let note = format!("by {}", names.join(" and "));
    let beside = Beside { note: Some(&note), ..Beside::default() };
    match advance(tx, id, event, By::Person, timing, beside)? {
        Ok(application) => {
            decide(tx, id, shown_as, Some(sha256), "approved", person, None)?;
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

/// Who has approved what was shown.
fn approvers(tx: &Tx<'_>, showing: &ShowingId) -> Result<Vec<String>, Error> {
    tx.all(
        "SELECT DISTINCT d.decided_by FROM showing s JOIN decision d ON d.application_id = s.application_id
         AND d.showing_id = s.id WHERE s.id = ?1 AND d.verdict = 'approved' ORDER BY d.seq LIMIT 2",
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
        _ if is_by_request => Policy::ByRequest,
        Channel::Upwork => Policy::Required,
        Channel::Sandbox => account.unwrap_or(Policy::None),
    }
}
