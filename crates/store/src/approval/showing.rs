//! What is to be shown to a person, and what was.

use applyd_core::connects::Cost;
use applyd_core::ids::{AccountId, QueueId, ShowingId};
use applyd_core::job_ref::JobKey;
use applyd_core::outcome::{Code, Ending};
use applyd_core::state::{By, Event, Refused, State};
use applyd_core::terms::Terms;
use applyd_core::time::{PREVIEW_MARGIN_MS, Timing};
use serde_json::json;

use crate::account::{self, Channel};
use crate::application::{self, Application};
use crate::queue::{Beside, Next, advance};
use crate::tx::{Row, values};
use crate::{Error, Tx, budget, freelancer, meta};

/// A wish to look at a preview is forgotten after this: whoever had it has left.
const ASKED_FOR_MS: i64 = 60_000;

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
         AND open_asked_at > ?2 AND account_id = ?1 AND opened_until IS NULL ORDER BY open_asked_at, id LIMIT 1",
        values![account.as_str(), tx.now() - ASKED_FOR_MS],
        read,
    )
}

/// Accounts with such an application.
pub(crate) fn waiting_to_open(tx: &Tx<'_>, after: &str, most: i64) -> Result<Vec<AccountId>, Error> {
    let read = |row: &Row<'_>| row.parsed(0, AccountId::parse);
    if meta::verify_only(tx)?.is_some() {
        return tx.all(
            "SELECT DISTINCT account_id FROM application WHERE state = 'awaiting_approval' AND negative_reads = 0
             AND not_before <= ?1 AND account_id > ?3 ORDER BY account_id LIMIT ?2",
            values![tx.now(), most, after],
            read,
        );
    }
    tx.all(
        "SELECT DISTINCT account_id FROM application WHERE state = 'awaiting_approval' AND open_asked_at IS NOT NULL
         AND open_asked_at > ?1 AND opened_until IS NULL AND account_id > ?3 ORDER BY account_id LIMIT ?2",
        values![tx.now() - ASKED_FOR_MS, most, after],
        read,
    )
}

/// The wish is fulfilled, or will not be.
fn answer(tx: &Tx<'_>, id: &QueueId) -> Result<(), Error> {
    tx.execute("UPDATE application SET open_asked_at = NULL WHERE id = ?1", values![id.as_str()])?;
    Ok(())
}

/// Whether somebody has asked for a preview that is not there yet.
///
/// # Errors
/// The store's.
pub fn is_asked(tx: &Tx<'_>, id: &QueueId) -> Result<bool, Error> {
    let wish = tx.one(
        "SELECT 1 FROM application WHERE id = ?1 AND open_asked_at IS NOT NULL AND open_asked_at > ?2",
        values![id.as_str(), tx.now() - ASKED_FOR_MS],
        |row| row.int(0),
    )?;
    Ok(wish.is_some())
}

/// Whether whoever wanted to look has not left since.
fn is_wanted(tx: &Tx<'_>, id: &QueueId) -> Result<bool, Error> {
    let wish = tx.one(
        "SELECT 1 FROM application WHERE id = ?1 AND open_asked_at IS NOT NULL",
        values![id.as_str()],
        |row| row.int(0),
    )?;
    Ok(wish.is_some())
}

/// Shows a preview; one that the limits of Connects forbid ends the application instead, and one that nobody wants to
/// see any more is closed.
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
    if !is_wanted(tx, id)? {
        return advance(
            tx,
            id,
            Event::HandBack { delay_ms: 0 },
            by,
            timing,
            Beside { title, ..Beside::default() },
        );
    }
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
        answer(tx, id)?;
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
        answer(tx, id)?;
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

const SHOWN: &str = "s.id, s.at, s.failure, s.sha256, s.preview_id, s.preview_expires_at, s.cost_connects,
  s.balance_connects, s.agency, s.terms, s.remarks";

/// What was last shown of an application.
///
/// # Errors
/// The store's.
pub fn last_shown(tx: &Tx<'_>, id: &QueueId) -> Result<Option<Showing>, Error> {
    tx.one(
        &format!("SELECT {SHOWN} FROM application a JOIN showing s ON s.id = a.showing_id WHERE a.id = ?1"),
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

/// What was shown of an application before that: what has changed since a person last looked.
///
/// # Errors
/// The store's.
pub fn shown_before(tx: &Tx<'_>, id: &QueueId, showing: &ShowingId) -> Result<Option<Shown>, Error> {
    tx.one(
        &format!(
            "SELECT {SHOWN} FROM showing s WHERE s.application_id = ?1 AND s.id < ?2 AND s.terms IS NOT NULL
             ORDER BY s.id DESC LIMIT 1"
        ),
        values![id.as_str(), showing.as_str()],
        read_shown,
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

/// What an approver must know beside the terms.
#[derive(Debug, Clone)]
pub struct About {
    /// The account's name.
    pub account: String,
    /// The job.
    pub job: JobKey,
    /// The job's title, if it was read.
    pub title: Option<String>,
    /// In whose name.
    pub freelancer: Option<String>,
    /// As what: the profile that applies, and its title.
    pub profile: Option<(String, String)>,
    /// It can be approved before this, Unix milliseconds.
    pub open_until: Option<i64>,
}

/// What is about to be submitted, by whom and for what.
///
/// # Errors
/// The store's.
pub fn about(tx: &Tx<'_>, id: &QueueId, profile: Option<&str>) -> Result<Option<About>, Error> {
    let Some(application) = application::load(tx, id)? else { return Ok(None) };
    let account = &application.account;
    let name = account::find(tx, account.as_str())?.map(|found| found.name).unwrap_or_default();
    let chosen = freelancer::profile(tx, account, profile)?.map(|chosen| chosen.id);
    let all = freelancer::list(tx, account)?;
    let applies = all.into_iter().find_map(|of| {
        let profile = of.profiles.iter().find(|profile| Some(&profile.profile_id) == chosen.as_ref())?;
        Some((of.name.clone(), (profile.profile_id.clone(), profile.title.clone())))
    });
    let (freelancer, profile) = applies.unzip();
    let title = tx.one(
        "SELECT title FROM stored_job WHERE account_id = ?1 AND job_key = ?2 AND title IS NOT NULL",
        values![account.as_str(), application.job.as_str()],
        |row| row.text(0),
    )?;
    let open_until = application.progress.opened_until;
    Ok(Some(About { account: name, job: application.job, title, freelancer, profile, open_until }))
}

/// Nobody looks any more: the preview slot is free for others, as soon as no worker makes the preview. `false` where
/// it is not now.
///
/// # Errors
/// The store's.
pub fn close(tx: &Tx<'_>, id: &QueueId, timing: &Timing) -> Result<bool, Error> {
    answer(tx, id)?;
    let Some(found) = application::load(tx, id)? else { return Ok(false) };
    if found.progress.state != State::AwaitingApproval || found.progress.worker.is_some() {
        return Ok(false);
    }
    let event = Event::HandBack { delay_ms: 0 };
    Ok(advance(tx, id, event, By::Sweeper, timing, Beside::default())?.is_ok())
}

/// The application that holds the preview slot of another one's account, and until when at the latest, if it is known.
///
/// # Errors
/// The store's.
pub fn in_the_way(tx: &Tx<'_>, id: &QueueId) -> Result<Option<(QueueId, Option<i64>)>, Error> {
    let Some(found) = application::load(tx, id)? else { return Ok(None) };
    let keeper = application::in_slot(tx, &found.account)?.filter(|keeper| keeper != id);
    let Some(keeper) = keeper else { return Ok(None) };
    let until = application::load(tx, &keeper)?.and_then(|keeper| keeper.progress.opened_until);
    Ok(Some((keeper, until)))
}
