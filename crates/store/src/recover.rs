//! After the store lost its tail: what the witness still knows is brought back, to be verified by reading.

use applyd_core::approval::Policy;
use applyd_core::ids::{AccountId, QueueId};
use applyd_core::job_ref::JobKey;
use applyd_core::ledger::Kind;
use applyd_core::outcome::{Code, Ending};
use applyd_core::state::{By, Event, Progress};
use applyd_core::time::Timing;

use crate::account::{self, Channel};
use crate::application::{self, Application};
use crate::intent::Login;
use crate::queue::{Beside, advance};
use crate::tx::values;
use crate::{Error, Tx, ledger};

/// An intent that was recorded outside of the store.
#[derive(Debug, Clone)]
pub struct Witnessed {
    /// The application.
    pub id: QueueId,
    /// Whose.
    pub account: AccountId,
    /// Its channel.
    pub channel: Channel,
    /// Which job.
    pub job: JobKey,
    /// The job's UUID within the account.
    pub processed_job_id: String,
    /// When the application was accepted.
    pub accepted_at: i64,
    /// When the intent was recorded.
    pub at: i64,
    /// The sender's incarnation.
    pub worker: String,
    /// SHA-256 of the terms that were to be sent.
    pub terms_sha256: String,
    /// The request as it arrived.
    pub request: String,
    /// Whose login sent; none where the witness is older than that.
    pub login: Option<Login>,
}

/// What the store knew of a witnessed intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It has it.
    Yes,
    /// It had lost it; it is brought back.
    Recovered,
    /// It cannot take it back: the sentence says why.
    No(&'static str),
}

/// Whether the store holds any application.
///
/// # Errors
/// The store's.
pub fn is_empty(tx: &Tx<'_>) -> Result<bool, Error> {
    Ok(tx.one("SELECT 1 FROM application LIMIT 1", values![], |row| row.int(0))?.is_none())
}

/// Whether the store has lost this intent.
///
/// # Errors
/// The store's.
pub fn is_lost(tx: &Tx<'_>, id: &QueueId) -> Result<bool, Error> {
    let known =
        tx.one("SELECT 1 FROM intent WHERE application_id = ?1", values![id.as_str()], |row| row.int(0))?;
    Ok(known.is_none())
}

/// Brings back an intent that the store has lost, with its application and its credit.
///
/// # Errors
/// The store's.
pub fn recover(tx: &Tx<'_>, witnessed: &Witnessed, timing: &Timing) -> Result<Known, Error> {
    let found = match application::load(tx, &witnessed.id)? {
        Some(found) if found.progress.intent.is_some() => return Ok(Known::Yes),
        Some(found) if found.progress.state.is_terminal() => {
            return Ok(Known::No("its application has ended without it"));
        }
        Some(found) => found,
        None => match bring_back(tx, witnessed, timing)? {
            Ok(application) => application,
            Err(why) => return Ok(Known::No(why)),
        },
    };
    let slot_is_free = application::in_slot(tx, &found.account)?.is_none_or(|keeper| keeper == found.id);
    let in_time = slot_is_free && tx.now() < found.progress.deadline;
    let event = Event::Recover {
        worker: witnessed.worker.clone(),
        at: witnessed.at,
        terms_sha256: witnessed.terms_sha256.clone(),
        in_time,
    };
    let note = Some("the store had lost this intent; the witness kept it");
    let beside = Beside { note, login: witnessed.login.as_ref(), ..Beside::default() };
    match advance(tx, &found.id, event, By::Sweeper, timing, beside)? {
        Ok(_) => Ok(Known::Recovered),
        Err(_) => Ok(Known::No("its application cannot take it")),
    }
}

/// Of an application with an intent: nothing is left to approve, but a person's own submission stays one.
fn policy(channel: Channel) -> Policy {
    if channel == Channel::Desk { Policy::Desk } else { Policy::None }
}

/// The application as it was accepted, in a store that does not have it.
fn bring_back(
    tx: &Tx<'_>,
    witnessed: &Witnessed,
    timing: &Timing,
) -> Result<Result<Application, &'static str>, Error> {
    let Some(account) = account::find(tx, witnessed.account.as_str())? else {
        return Ok(Err("its account does not exist"));
    };
    let foremost = application::foremost(tx, &account.id, &witnessed.job)?;
    if let Some(barring) = foremost.filter(|foremost| foremost.bars) {
        // A later application for the job means that this one had ended without an intent.
        let end = Event::End(Ending::because(
            Code::NotSubmitted,
            "the store was set back, a later application exists",
        ));
        if advance(tx, &barring.id, end, By::Sweeper, timing, Beside::default())?.is_err() {
            return Ok(Err("another application holds its job"));
        }
    }
    let application = Application {
        id: witnessed.id.clone(),
        account: account.id,
        channel: witnessed.channel,
        job: witnessed.job.clone(),
        processed_job_id: witnessed.processed_job_id.clone(),
        accepted_at: witnessed.accepted_at,
        version: 1,
        key: None,
        ceiling_connects: None,
        preview_expires_at: None,
        progress: Progress::accepted(witnessed.accepted_at, policy(witnessed.channel), timing),
        has_ended: false,
    };
    if !ledger::transfer(tx, &application.account, Some(&application.id), Kind::Hold, 1)? {
        // The credit was there when it was accepted; the grant that brought it is lost with the tail.
        ledger::transfer(tx, &application.account, None, Kind::Grant, 1)?;
        ledger::transfer(tx, &application.account, Some(&application.id), Kind::Hold, 1)?;
    }
    application::insert(tx, &application, &witnessed.request)?;
    Ok(Ok(application))
}
