//! All that is known of one application, for the people of its account.

use applyd_core::delivery::State;
use applyd_core::ids::{AccountId, EventId, KeyId, QueueId, WebhookId};
use applyd_core::ledger::Kind;
use applyd_wire::EventType;
use serde_json::Value;

use crate::application::{self, Application};
use crate::approval::{self, Showing};
use crate::tx::values;
use crate::{Error, Tx};

/// Of each kind; far more than any application has.
const MOST: i64 = 1000;

/// What a person can look through.
#[derive(Debug, Clone)]
pub struct Dossier {
    /// Where it stands.
    pub application: Application,
    /// As it arrived; of an erased one without what was written.
    pub request: Value,
    /// The job's title, if it was read.
    pub title: Option<String>,
    /// The name of the key that asked for it.
    pub key: Option<String>,
    /// What happened, oldest first; being accepted has no step of its own.
    pub steps: Vec<Step>,
    /// What was sent, if anything was about to be.
    pub sent: Option<Sent>,
    /// What was last shown to a person.
    pub shown: Option<Showing>,
    /// What people and keys decided, oldest first.
    pub decisions: Vec<Decision>,
    /// Its credit.
    pub credits: Vec<Entry>,
    /// Its events' deliveries, oldest first.
    pub deliveries: Vec<Delivery>,
}

/// One line of what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Unix milliseconds.
    pub at: i64,
    /// What.
    pub event: String,
    /// Who: `worker`, `caller`, `reconciler`, `sweeper` or `person`.
    pub by: String,
    /// In words.
    pub detail: Option<String>,
    /// What was read and what it said: the evidence.
    pub facts: Vec<Value>,
}

/// The intent beyond which something may have been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Of the durable intent, Unix milliseconds.
    pub at: i64,
    /// What the site answered to be the proposal's id.
    pub proposal: Option<String>,
    /// What it was to cost, with the boost.
    pub connects: Option<i64>,
}

/// What somebody decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Unix milliseconds.
    pub at: i64,
    /// `approved`, `declined` or `by_request`.
    pub verdict: String,
    /// A person's name or a key's id.
    pub by: String,
    /// From where.
    pub address: String,
    /// Why.
    pub reason: Option<String>,
    /// What it was to cost.
    pub connects: Option<i64>,
}

/// An entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Unix milliseconds.
    pub at: i64,
    /// Which.
    pub kind: Kind,
    /// Credits.
    pub amount: i64,
}

/// An event on its way to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The event.
    pub event: EventId,
    /// Its type.
    pub kind: EventType,
    /// Where to.
    pub webhook: WebhookId,
    /// Where it stands.
    pub state: State,
    /// Attempts that ended.
    pub attempts: i64,
    /// HTTP status of the last answer.
    pub last_status: Option<i64>,
    /// Why the last attempt failed.
    pub last_failure: Option<String>,
    /// Unix milliseconds.
    pub delivered_at: Option<i64>,
}

/// Of an application of this account.
///
/// # Errors
/// The store's.
pub fn read(tx: &Tx<'_>, account: &AccountId, id: &QueueId) -> Result<Option<Dossier>, Error> {
    let found = application::load(tx, id)?.filter(|found| found.account == *account);
    let Some(application) = found else { return Ok(None) };
    let request = application::request(tx, id)?.unwrap_or_default();
    let title = tx.one(
        "SELECT title FROM stored_job WHERE account_id = ?1 AND job_key = ?2",
        values![account.as_str(), application.job.as_str()],
        |row| row.opt_text(0),
    )?;
    let key = match application.key.as_ref().map(KeyId::as_str) {
        Some(key) => tx.one("SELECT name FROM api_key WHERE id = ?1", values![key], |row| row.text(0))?,
        None => None,
    };
    Ok(Some(Dossier {
        request: serde_json::from_str(&request).unwrap_or_default(),
        title: title.flatten(),
        key,
        steps: steps(tx, id)?,
        sent: sent(tx, id)?,
        shown: approval::last_shown(tx, id)?,
        decisions: decisions(tx, id)?,
        credits: credits(tx, id)?,
        deliveries: deliveries(tx, id)?,
        application,
    }))
}

fn steps(tx: &Tx<'_>, id: &QueueId) -> Result<Vec<Step>, Error> {
    tx.all(
        "SELECT at, event, actor, detail, facts FROM timeline WHERE application_id = ?1 ORDER BY seq LIMIT ?2",
        values![id.as_str(), MOST],
        |row| {
            let facts = row.opt_text(4)?.and_then(|facts| serde_json::from_str(&facts).ok());
            Ok(Step {
                at: row.int(0)?,
                event: row.text(1)?,
                by: row.text(2)?,
                detail: row.opt_text(3)?,
                facts: facts.unwrap_or_default(),
            })
        },
    )
}

fn sent(tx: &Tx<'_>, id: &QueueId) -> Result<Option<Sent>, Error> {
    tx.one(
        "SELECT at, proposal_id, connects FROM intent WHERE application_id = ?1",
        values![id.as_str()],
        |row| Ok(Sent { at: row.int(0)?, proposal: row.opt_text(1)?, connects: row.opt_int(2)? }),
    )
}

fn decisions(tx: &Tx<'_>, id: &QueueId) -> Result<Vec<Decision>, Error> {
    tx.all(
        "SELECT at, verdict, decided_by, address, reason, connects FROM decision WHERE application_id = ?1
         ORDER BY seq LIMIT ?2",
        values![id.as_str(), MOST],
        |row| {
            Ok(Decision {
                at: row.int(0)?,
                verdict: row.text(1)?,
                by: row.text(2)?,
                address: row.text(3)?,
                reason: row.opt_text(4)?,
                connects: row.opt_int(5)?,
            })
        },
    )
}

fn credits(tx: &Tx<'_>, id: &QueueId) -> Result<Vec<Entry>, Error> {
    // Each from its own index.
    let hold = "SELECT at, kind, amount, seq FROM ledger_entry WHERE application_id = ?1 AND kind = 'hold'";
    let settled = "SELECT at, kind, amount, seq FROM ledger_entry WHERE application_id = ?1
        AND (kind = 'capture' OR kind = 'release' OR kind = 'write_off')";
    tx.all(&format!("{hold} UNION ALL {settled} ORDER BY 4 LIMIT ?2"), values![id.as_str(), MOST], |row| {
        Ok(Entry { at: row.int(0)?, kind: row.parsed(1, Kind::parse)?, amount: row.int(2)? })
    })
}

fn deliveries(tx: &Tx<'_>, id: &QueueId) -> Result<Vec<Delivery>, Error> {
    tx.all(
        "SELECT d.event_id, e.type, d.webhook_id, d.state, d.attempts, d.last_status, d.last_failure, d.delivered_at
         FROM event e JOIN delivery d ON d.event_id = e.id WHERE e.application_id = ?1 ORDER BY d.seq LIMIT ?2",
        values![id.as_str(), MOST],
        |row| {
            Ok(Delivery {
                event: row.parsed(0, EventId::parse)?,
                kind: row.parsed(1, EventType::parse)?,
                webhook: row.parsed(2, WebhookId::parse)?,
                state: row.parsed(3, State::parse)?,
                attempts: row.int(4)?,
                last_status: row.opt_int(5)?,
                last_failure: row.opt_text(6)?,
                delivered_at: row.opt_int(7)?,
            })
        },
    )
}
