//! Deliveries of events to endpoints: queued with the event, leased, and settled under the lease's epoch.

use applyd_core::delivery::{Schedule, State, room};
use applyd_core::ids::{AccountId, EventId, WebhookId};
use applyd_core::webhook;
use applyd_wire::{EventBody, EventType};

use crate::tx::{Row, values};
use crate::{Error, Tx, event};

/// What an attempt needs.
#[derive(Debug, Clone)]
pub struct Claimed {
    seq: i64,
    epoch: i64,
    /// The endpoint.
    pub webhook: WebhookId,
    /// Where it is.
    pub url: String,
    /// Its secret, sealed.
    pub secret: Vec<u8>,
    /// The secret before it, sealed, while that one signs too.
    pub previous_secret: Option<Vec<u8>>,
    /// What is to be told.
    pub event: EventBody,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy)]
pub enum Attempt<'a> {
    /// The receiver took it.
    Taken {
        /// Its HTTP status.
        status: u16,
    },
    /// It did not.
    Failed {
        /// Its HTTP status, if it answered.
        status: Option<u16>,
        /// Why, in plain words.
        reason: &'a str,
    },
}

/// What became of an attempt's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is kept.
    Kept,
    /// It is kept, and the endpoint was switched off by it.
    SwitchedOff,
    /// The lease was lost, or the endpoint is gone: nothing has changed.
    Lost,
}

/// A delivery, for its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The event.
    pub event: EventId,
    /// Its type.
    pub kind: EventType,
    /// Where it stands.
    pub state: State,
    /// Attempts that ended.
    pub attempts: i64,
    /// HTTP status of the last answer.
    pub last_status: Option<i64>,
    /// Why the last attempt failed.
    pub last_failure: Option<String>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// When it is attempted next, Unix milliseconds.
    pub due_at: Option<i64>,
    /// Unix milliseconds.
    pub delivered_at: Option<i64>,
}

/// Some deliveries of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Newest first.
    pub deliveries: Vec<Delivery>,
    /// Of all that are kept.
    pub total: i64,
}

/// Queues an event for every endpoint of the account that wants it; answers how many.
pub(crate) fn queue_for_all(
    tx: &Tx<'_>,
    account: &AccountId,
    event: &EventId,
    kind: EventType,
) -> Result<usize, Error> {
    let wanting = crate::webhook::wanting(tx, account, kind)?;
    for webhook in &wanting {
        queue(tx, webhook, event)?;
    }
    Ok(wanting.len())
}

/// A delivery that still waits begins anew instead of having a twin.
fn queue(tx: &Tx<'_>, webhook: &WebhookId, event: &EventId) -> Result<(), Error> {
    let now = tx.now();
    let waits = tx.execute(
        "UPDATE delivery SET attempts = 0, due_at = coalesce(lease_until, ?3)
         WHERE event_id = ?1 AND webhook_id = ?2 AND state = 'pending'",
        values![event.as_str(), webhook.as_str(), now],
    )?;
    if waits == 0 {
        tx.execute(
            "INSERT INTO delivery (webhook_id, event_id, created_at, state, epoch, attempts, due_at)
             VALUES (?1, ?2, ?3, 'pending', 0, 0, ?3)",
            values![webhook.as_str(), event.as_str(), now],
        )?;
    }
    // Where as much is under way as may be, the next claim finds that out.
    tx.execute(
        "UPDATE webhook SET due_at = ?2 WHERE id = ?1 AND disabled_at IS NULL AND (due_at IS NULL OR due_at > ?2)",
        values![webhook.as_str(), now],
    )?;
    Ok(())
}

/// Queues a `webhook.test` for one endpoint, whatever it wants. `None`: the account has no such endpoint that is on.
///
/// # Errors
/// The store's.
pub fn test(tx: &Tx<'_>, account: &AccountId, webhook: &WebhookId) -> Result<Option<EventId>, Error> {
    let found = crate::webhook::find(tx, account, webhook)?;
    if found.is_none_or(|found| found.disabled.is_some()) {
        return Ok(None);
    }
    let id = EventId::new(tx.now(), tx.random());
    event::insert(tx, &id, account, EventType::Test, &webhook::sample(tx.now()))?;
    queue(tx, webhook, &id)?;
    Ok(Some(id))
}

/// Queues an event once more, under its own id, for every endpoint that wants it now; a test goes where it was.
/// Answers how many; `None`: the account has no such event.
///
/// # Errors
/// The store's.
pub fn redeliver(tx: &Tx<'_>, account: &AccountId, event: &EventId) -> Result<Option<usize>, Error> {
    let kind = tx.one(
        "SELECT type FROM event WHERE id = ?1 AND account_id = ?2",
        values![event.as_str(), account.as_str()],
        |row| row.parsed(0, EventType::parse),
    )?;
    match kind {
        None => Ok(None),
        Some(EventType::Test) => {
            let tested = tx.all(
                "SELECT DISTINCT w.id FROM delivery d JOIN webhook w ON w.id = d.webhook_id
                 WHERE d.event_id = ?1 AND w.disabled_at IS NULL LIMIT 1",
                values![event.as_str()],
                |row| row.parsed(0, WebhookId::parse),
            )?;
            tested.iter().try_for_each(|webhook| queue(tx, webhook, event))?;
            Ok(Some(tested.len()))
        }
        Some(kind) => queue_for_all(tx, account, event, kind).map(Some),
    }
}

/// Whether anything can be attempted now.
///
/// # Errors
/// The store's.
pub fn is_due(tx: &Tx<'_>) -> Result<bool, Error> {
    let due = tx.one("SELECT 1 FROM webhook WHERE due_at <= ?1 LIMIT 1", values![tx.now()], |_| Ok(()))?;
    Ok(due.is_some())
}

/// Takes what is due: a few at each endpoint, those first that wait longest.
///
/// # Errors
/// The store's.
pub fn claim(tx: &Tx<'_>, most: usize, lease_ms: i64) -> Result<Vec<Claimed>, Error> {
    let endpoints = tx.all(
        "SELECT id, failing_since FROM webhook WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2",
        values![tx.now(), most as i64],
        |row| Ok((row.parsed(0, WebhookId::parse)?, row.opt_int(1)?.is_some())),
    )?;
    let mut taken = Vec::new();
    for (webhook, is_failing) in endpoints {
        let left = (most - taken.len()) as i64;
        if left == 0 {
            break;
        }
        let room = room(under_way(tx, &webhook)?, is_failing).min(left);
        let due = tx.all(
            "SELECT seq FROM delivery WHERE webhook_id = ?1 AND state = 'pending' AND due_at <= ?2
             ORDER BY due_at, seq LIMIT ?3",
            values![webhook.as_str(), tx.now(), room],
            |row| row.int(0),
        )?;
        for seq in due {
            match take(tx, seq, lease_ms) {
                Ok(claimed) => taken.push(claimed),
                Err(Error::Damaged(what)) => set_aside(tx, seq, &what)?,
                Err(error) => return Err(error),
            }
        }
        plan(tx, &webhook)?;
    }
    Ok(taken)
}

fn take(tx: &Tx<'_>, seq: i64, lease_ms: i64) -> Result<Claimed, Error> {
    tx.execute(
        "UPDATE delivery SET epoch = epoch + 1, lease_until = ?2, due_at = ?2 WHERE seq = ?1",
        values![seq, tx.now() + lease_ms],
    )?;
    let claimed = tx.one(
        &format!(
            "SELECT {}, d.epoch, w.id, w.url, w.secret, w.previous_secret, w.previous_until
             FROM delivery d JOIN webhook w ON w.id = d.webhook_id JOIN event e ON e.id = d.event_id
             WHERE d.seq = ?1",
            "e.id, e.type, e.at, e.data"
        ),
        values![seq],
        |row| {
            let previous_secret = match row.opt_int(9)? {
                Some(until) if tx.now() < until => Some(row.bytes(8)?),
                _ => None,
            };
            Ok(Claimed {
                seq,
                epoch: row.int(4)?,
                webhook: row.parsed(5, WebhookId::parse)?,
                url: row.text(6)?,
                secret: row.bytes(7)?,
                previous_secret,
                event: event::read(row)?,
            })
        },
    )?;
    claimed.ok_or_else(|| Error::Damaged(format!("delivery {seq} has no event")))
}

/// One row that cannot be read must not stop the others.
fn set_aside(tx: &Tx<'_>, seq: i64, what: &str) -> Result<(), Error> {
    tracing::error!(what, "a delivery cannot be read and is given up");
    tx.execute(
        "UPDATE delivery SET state = 'exhausted', due_at = NULL, lease_until = NULL,
         last_failure = 'the event cannot be read' WHERE seq = ?1",
        values![seq],
    )?;
    Ok(())
}

/// Attempts under way at an endpoint.
fn under_way(tx: &Tx<'_>, webhook: &WebhookId) -> Result<i64, Error> {
    let count = tx.one(
        "SELECT count(*) FROM delivery WHERE webhook_id = ?1 AND lease_until > ?2",
        values![webhook.as_str(), tx.now()],
        |row| row.int(0),
    )?;
    Ok(count.unwrap_or(0))
}

/// Sets when something can be attempted at an endpoint next: at its first due delivery, or, where as much is
/// under way as may be, when the first lease there ends. A result that comes before plans anew.
pub(crate) fn plan(tx: &Tx<'_>, webhook: &WebhookId) -> Result<(), Error> {
    let is_failing = tx.one(
        "SELECT failing_since FROM webhook WHERE id = ?1 AND disabled_at IS NULL",
        values![webhook.as_str()],
        |row| Ok(row.opt_int(0)?.is_some()),
    )?;
    let Some(is_failing) = is_failing else { return Ok(()) };
    let next = if room(under_way(tx, webhook)?, is_failing) > 0 {
        "SELECT min(due_at) FROM delivery WHERE webhook_id = ?1 AND state = 'pending'"
    } else {
        "SELECT min(lease_until) FROM delivery WHERE webhook_id = ?1 AND lease_until IS NOT NULL"
    };
    tx.execute(&format!("UPDATE webhook SET due_at = ({next}) WHERE id = ?1"), values![webhook.as_str()])?;
    Ok(())
}

/// Keeps what became of an attempt, if its lease still holds. `draw` is an even random number in 0..1.
///
/// # Errors
/// The store's.
pub fn record(
    tx: &Tx<'_>,
    claimed: &Claimed,
    attempt: Attempt<'_>,
    schedule: &Schedule,
    draw: f64,
) -> Result<Recorded, Error> {
    let (seq, epoch, webhook) = (claimed.seq, claimed.epoch, claimed.webhook.as_str());
    let fence = "seq = ?1 AND epoch = ?2 AND lease_until IS NOT NULL";
    let failed = tx.one(
        &format!(
            "SELECT d.attempts, w.failing_since, w.disabled_at FROM delivery d JOIN webhook w ON w.id = d.webhook_id
             WHERE {fence}"
        ),
        values![seq, epoch],
        |row| Ok((row.int(0)? + 1, row.opt_int(1)?, row.opt_int(2)?)),
    )?;
    let Some((attempts, failing_since, disabled_at)) = failed else { return Ok(Recorded::Lost) };
    let mut recorded = Recorded::Kept;
    match attempt {
        Attempt::Taken { status } => {
            tx.execute(
                &format!(
                    "UPDATE delivery SET state = 'delivered', attempts = ?3, due_at = NULL, lease_until = NULL,
                     last_status = ?4, last_failure = NULL, delivered_at = ?5 WHERE {fence}"
                ),
                values![seq, epoch, attempts, i64::from(status), tx.now()],
            )?;
            if failing_since.is_some() {
                tx.execute("UPDATE webhook SET failing_since = NULL WHERE id = ?1", values![webhook])?;
            }
        }
        Attempt::Failed { status, reason } => {
            let retry_at = schedule.retry_in_ms(attempts, draw).map(|wait| tx.now() + wait);
            let state = if retry_at.is_some() { State::Pending } else { State::Exhausted };
            tx.execute(
                &format!(
                    "UPDATE delivery SET state = ?3, attempts = ?4, due_at = ?5, lease_until = NULL,
                     last_status = ?6, last_failure = ?7 WHERE {fence}"
                ),
                values![seq, epoch, state.as_str(), attempts, retry_at, status.map(i64::from), reason],
            )?;
            let since = failing_since.unwrap_or(tx.now());
            if disabled_at.is_none() && schedule.gives_up(since, tx.now()) {
                recorded = Recorded::SwitchedOff;
                tx.execute(
                    "UPDATE webhook SET failing_since = ?2, disabled_at = ?3, disabled_reason = 'failing',
                     due_at = NULL WHERE id = ?1",
                    values![webhook, since, tx.now()],
                )?;
            } else if failing_since.is_none() {
                tx.execute("UPDATE webhook SET failing_since = ?2 WHERE id = ?1", values![webhook, since])?;
            }
        }
    }
    plan(tx, &claimed.webhook)?;
    Ok(recorded)
}

/// Ends all leases, for a server that knows by the serve lock that whoever took them is dead.
///
/// # Errors
/// The store's.
pub fn release(tx: &Tx<'_>) -> Result<usize, Error> {
    tx.execute(
        "UPDATE webhook SET due_at = ?1 WHERE disabled_at IS NULL
         AND id IN (SELECT webhook_id FROM delivery WHERE lease_until IS NOT NULL)",
        values![tx.now()],
    )?;
    tx.execute(
        "UPDATE delivery SET due_at = ?1, lease_until = NULL WHERE lease_until IS NOT NULL",
        values![tx.now()],
    )
}

/// Some deliveries of an endpoint, newest first. The caller has found the endpoint for its account.
///
/// # Errors
/// The store's.
pub fn list(tx: &Tx<'_>, webhook: &WebhookId, most: i64, skip: i64) -> Result<Page, Error> {
    let total =
        tx.one("SELECT count(*) FROM delivery WHERE webhook_id = ?1", values![webhook.as_str()], |row| {
            row.int(0)
        })?;
    let deliveries = tx.all(
        "SELECT d.event_id, e.type, d.state, d.attempts, d.last_status, d.last_failure, d.created_at, d.due_at,
           d.delivered_at
         FROM delivery d JOIN event e ON e.id = d.event_id
         WHERE d.webhook_id = ?1 ORDER BY d.seq DESC LIMIT ?2 OFFSET ?3",
        values![webhook.as_str(), most, skip],
        row_of_list,
    )?;
    Ok(Page { deliveries, total: total.unwrap_or(0) })
}

fn row_of_list(row: &Row<'_>) -> Result<Delivery, Error> {
    Ok(Delivery {
        event: row.parsed(0, EventId::parse)?,
        kind: row.parsed(1, EventType::parse)?,
        state: row.parsed(2, State::parse)?,
        attempts: row.int(3)?,
        last_status: row.opt_int(4)?,
        last_failure: row.opt_text(5)?,
        created_at: row.int(6)?,
        due_at: row.opt_int(7)?,
        delivered_at: row.opt_int(8)?,
    })
}
