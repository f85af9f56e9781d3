//! Deliveries of events to endpoints: queued with the event, leased, and settled under the lease's epoch.

mod claim;

use applyd_core::delivery::{Schedule, State, WITHHELD_MS};
use applyd_core::ids::{AccountId, EventId, WebhookId};
use applyd_core::webhook;
use applyd_wire::{EventBody, EventType};

use crate::tx::{Row, values};
use crate::{Error, Tx, event};
pub(crate) use claim::plan;
pub use claim::{claim, is_due};

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
    /// None was made, by the fault of this server: that says nothing about the receiver.
    Withheld {
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
    /// When it is attempted next, Unix milliseconds; `None` too while the endpoint is off.
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
        queue(tx, account, webhook, event)?;
    }
    Ok(wanting.len())
}

/// What was queued before begins anew instead of having a twin; an attempt that is under way does not count for it.
fn queue(tx: &Tx<'_>, account: &AccountId, webhook: &WebhookId, event: &EventId) -> Result<(), Error> {
    let now = tx.now();
    tx.execute(
        "INSERT INTO delivery (webhook_id, event_id, account_id, created_at, state, epoch, attempts, due_at)
         VALUES (?1, ?2, ?3, ?4, 'pending', 0, 0, ?4)
         ON CONFLICT (event_id, webhook_id) DO UPDATE SET state = 'pending', attempts = 0, delivered_at = NULL,
           due_at = coalesce(delivery.lease_until, excluded.due_at),
           again = CASE WHEN delivery.lease_until IS NULL THEN 0 ELSE 1 END",
        values![webhook.as_str(), event.as_str(), account.as_str(), now],
    )?;
    // Where as much is under way as may be, the next claim finds that out.
    tx.execute(
        "UPDATE webhook SET due_at = ?2 WHERE id = ?1 AND disabled_at IS NULL AND (due_at IS NULL OR due_at > ?2)
         AND (held_until IS NULL OR held_until <= ?2)",
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
    queue(tx, account, webhook, &id)?;
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
            tested.iter().try_for_each(|webhook| queue(tx, account, webhook, event))?;
            Ok(Some(tested.len()))
        }
        Some(kind) => queue_for_all(tx, account, event, kind).map(Some),
    }
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
    let (seq, now) = (claimed.seq, tx.now());
    let held = tx.one(
        // The event too: after a purge its number may be another's, whose epochs begin anew.
        "SELECT attempts, again FROM delivery
         WHERE seq = ?1 AND epoch = ?2 AND event_id = ?3 AND lease_until IS NOT NULL",
        values![seq, claimed.epoch, &claimed.event.id],
        |row| Ok((row.int(0)?, row.flag(1)?)),
    )?;
    let Some((attempts, is_again)) = held else { return Ok(Recorded::Lost) };
    let recorded = judge(tx, claimed.webhook.as_str(), attempt, schedule)?;
    if recorded == Recorded::Lost {
        return Ok(recorded);
    }
    let (status, failure) = match attempt {
        Attempt::Taken { status } => (Some(status), None),
        Attempt::Failed { status, reason } => (status, Some(reason)),
        Attempt::Withheld { reason } => (None, Some(reason)),
    };
    let retry_in = schedule.retry_in_ms(attempts + 1, draw);
    let (state, attempts, due_at) = match (attempt, retry_in) {
        (Attempt::Withheld { .. }, _) => (State::Pending, attempts, Some(now + WITHHELD_MS)),
        // What was asked for during this attempt is yet to come.
        _ if is_again => (State::Pending, 0, Some(now)),
        (Attempt::Taken { .. }, _) => (State::Delivered, attempts + 1, None),
        (Attempt::Failed { .. }, Some(wait)) => (State::Pending, attempts + 1, Some(now + wait)),
        (Attempt::Failed { .. }, None) => (State::Exhausted, attempts + 1, None),
    };
    let delivered_at = (state == State::Delivered).then_some(now);
    tx.execute(
        "UPDATE delivery SET state = ?2, attempts = ?3, due_at = ?4, lease_until = NULL, again = 0,
         last_status = ?5, last_failure = ?6, delivered_at = ?7 WHERE seq = ?1",
        values![seq, state.as_str(), attempts, due_at, status.map(i64::from), failure, delivered_at],
    )?;
    plan(tx, &claimed.webhook)?;
    Ok(recorded)
}

/// Keeps what an attempt says about its endpoint.
fn judge(tx: &Tx<'_>, webhook: &str, attempt: Attempt<'_>, schedule: &Schedule) -> Result<Recorded, Error> {
    let now = tx.now();
    let was = tx.one(
        "SELECT failing_since, last_failed_at, disabled_at FROM webhook WHERE id = ?1",
        values![webhook],
        |row| Ok((row.opt_int(0)?, row.opt_int(1)?, row.opt_int(2)?)),
    )?;
    let Some((failing_since, last_failed_at, disabled_at)) = was else { return Ok(Recorded::Lost) };
    match attempt {
        Attempt::Taken { .. } => {
            if failing_since.is_some() {
                tx.execute("UPDATE webhook SET failing_since = NULL WHERE id = ?1", values![webhook])?;
            }
        }
        Attempt::Withheld { .. } => {
            let until = now + WITHHELD_MS;
            tx.execute("UPDATE webhook SET held_until = ?2 WHERE id = ?1", values![webhook, until])?;
        }
        Attempt::Failed { .. } => {
            let since = schedule.failing_since(failing_since.zip(last_failed_at), now);
            tx.execute(
                "UPDATE webhook SET failing_since = ?2, last_failed_at = ?3 WHERE id = ?1",
                values![webhook, since, now],
            )?;
            if disabled_at.is_none() && schedule.gives_up(since, now) {
                tx.execute(
                    "UPDATE webhook SET disabled_at = ?2, disabled_reason = 'failing', due_at = NULL WHERE id = ?1",
                    values![webhook, now],
                )?;
                return Ok(Recorded::SwitchedOff);
            }
        }
    }
    Ok(Recorded::Kept)
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
        "UPDATE delivery SET due_at = ?1, lease_until = NULL, again = 0 WHERE lease_until IS NOT NULL",
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
        "SELECT d.event_id, e.type, d.state, d.attempts, d.last_status, d.last_failure, d.created_at,
           CASE WHEN w.disabled_at IS NULL THEN d.due_at END, d.delivered_at
         FROM delivery d JOIN event e ON e.id = d.event_id JOIN webhook w ON w.id = d.webhook_id
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
