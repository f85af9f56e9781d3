//! The outbox: one event per terminal transition and correction, written in its transaction.

use applyd_core::ids::{AccountId, EventId, QueueId};
use applyd_core::time::iso;
use applyd_wire::{EventBody, EventType, StatusAnswer};

use crate::tx::{Row, values};
use crate::{Error, Tx, delivery};

/// Events of one account, in the order of their commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Oldest first.
    pub events: Vec<EventBody>,
    /// Whether there are later ones.
    pub has_more: bool,
}

/// How many one purge forgets at most.
pub const PURGED_AT_ONCE: i64 = 200;

/// Appends an event whose data is the status as it is from now on, with its deliveries.
pub(crate) fn append(
    tx: &Tx<'_>,
    id: &EventId,
    account: &AccountId,
    kind: EventType,
    answer: &StatusAnswer,
) -> Result<(), Error> {
    insert(tx, id, account, kind, answer)?;
    delivery::queue_for_all(tx, account, id, kind)?;
    Ok(())
}

/// The event alone.
pub(crate) fn insert(
    tx: &Tx<'_>,
    id: &EventId,
    account: &AccountId,
    kind: EventType,
    answer: &StatusAnswer,
) -> Result<(), Error> {
    let data = serde_json::to_string(answer).map_err(|error| Error::Damaged(error.to_string()))?;
    tx.tell();
    tx.execute(
        "INSERT INTO event (id, account_id, application_id, type, at, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        values![id.as_str(), account.as_str(), &answer.queue_id, kind.as_str(), tx.now(), &data],
    )?;
    Ok(())
}

/// What a read needs to make a body: the one place that makes them.
pub(crate) const COLUMNS: &str = "id, type, at, data";

pub(crate) fn read(row: &Row<'_>) -> Result<EventBody, Error> {
    let id = row.text(0)?;
    Ok(EventBody {
        kind: row.parsed(1, EventType::parse)?,
        timestamp: iso(row.int(2)?),
        data: serde_json::from_str(&row.text(3)?)
            .map_err(|_| Error::Damaged(format!("the data of event {id}")))?,
        id,
    })
}

/// Whose event it is, for the operator.
///
/// # Errors
/// The store's.
pub fn owner(tx: &Tx<'_>, id: &EventId) -> Result<Option<AccountId>, Error> {
    tx.one("SELECT account_id FROM event WHERE id = ?1", values![id.as_str()], |row| {
        row.parsed(0, AccountId::parse)
    })
}

/// An account's events after the one that a cursor names, or from the oldest kept, but for tests; `None`: the
/// account has no such event. A cursor is an event's id, so it tells nothing about other accounts.
///
/// # Errors
/// The store's.
pub fn after(
    tx: &Tx<'_>,
    account: &AccountId,
    cursor: Option<&EventId>,
    most: i64,
) -> Result<Option<Page>, Error> {
    let last = match cursor {
        None => Some(0),
        Some(id) => tx.one(
            "SELECT seq FROM event WHERE id = ?1 AND account_id = ?2",
            values![id.as_str(), account.as_str()],
            |row| row.int(0),
        )?,
    };
    let Some(last) = last else { return Ok(None) };
    let rows = tx.all(
        &format!(
            "SELECT {COLUMNS} FROM event WHERE account_id = ?1 AND seq > ?2 AND type <> ?4
             ORDER BY seq LIMIT ?3"
        ),
        values![account.as_str(), last, most + 1, EventType::Test.as_str()],
        |row| Ok(read(row)),
    )?;
    let most = usize::try_from(most).unwrap_or(0);
    let has_more = rows.len() > most;
    let readable = |row: Result<EventBody, Error>| {
        // One row that cannot be read must not stand in the way of the next.
        row.inspect_err(|error| tracing::error!(%error, "an event is left out")).ok()
    };
    Ok(Some(Page { events: rows.into_iter().take(most).filter_map(readable).collect(), has_more }))
}

/// The account's newest event, but for tests.
///
/// # Errors
/// The store's.
pub fn newest(tx: &Tx<'_>, account: &AccountId) -> Result<Option<EventId>, Error> {
    tx.one(
        "SELECT id FROM event WHERE account_id = ?1 AND type <> ?2 ORDER BY seq DESC LIMIT 1",
        values![account.as_str(), EventType::Test.as_str()],
        |row| row.parsed(0, EventId::parse),
    )
}

/// The place of the newest event of all accounts; 0 where there is none.
///
/// # Errors
/// The store's.
pub fn reach(tx: &Tx<'_>) -> Result<i64, Error> {
    Ok(tx.one("SELECT coalesce(max(seq), 0) FROM event", values![], |row| row.int(0))?.unwrap_or(0))
}

/// An event of whichever account, as stored: a row that cannot be read must not stand in the way of the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its place in the order of commits.
    pub seq: i64,
    /// Whose.
    pub account: String,
    /// Which application's.
    pub application: String,
    /// It tells that the outcome is unknown.
    pub is_unknown: bool,
}

/// Events of all accounts after a place in their order, oldest first.
///
/// # Errors
/// The store's.
pub fn since(tx: &Tx<'_>, seq: i64, most: i64) -> Result<Vec<Told>, Error> {
    tx.all(
        "SELECT seq, account_id, application_id,
           CASE WHEN type = 'application.failed' AND data LIKE '%\"errorMessage\":\"outcome_unknown: %' THEN 1 ELSE 0 END
         FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        values![seq, most],
        |row| {
            let (account, application) = (row.text(1)?, row.text(2)?);
            Ok(Told { seq: row.int(0)?, account, application, is_unknown: row.flag(3)? })
        },
    )
}

/// Types of the events of an application, in order.
///
/// # Errors
/// The store's.
pub fn types(tx: &Tx<'_>, id: &QueueId) -> Result<Vec<String>, Error> {
    tx.all("SELECT type FROM event WHERE application_id = ?1 ORDER BY seq", values![id.as_str()], |row| {
        row.text(0)
    })
}

/// Forgets some events that are older than they must be kept, but for the last of them in each account, with all their deliveries; answers how many.
///
/// # Errors
/// The store's.
pub fn purge(tx: &Tx<'_>, kept_ms: i64) -> Result<usize, Error> {
    // The newest of those that are too old stays for each account: whoever has heard all of them has its id as a
    // cursor, and what comes next follows it. The newest of all stays, so that no place is given out twice.
    const OLD: &str = "SELECT e.id FROM event e
        WHERE e.at < ?1 AND e.seq < (SELECT max(seq) FROM event) AND (e.type = ?3 OR EXISTS (
          SELECT 1 FROM event n
          WHERE n.account_id = e.account_id AND n.seq > e.seq AND n.at < ?1 AND n.type <> ?3))
        ORDER BY e.at, e.seq LIMIT ?2";
    let old = values![tx.now().saturating_sub(kept_ms), PURGED_AT_ONCE, EventType::Test.as_str()];
    tx.execute(&format!("DELETE FROM delivery WHERE event_id IN ({OLD})"), old)?;
    tx.execute(&format!("DELETE FROM event WHERE id IN ({OLD})"), old)
}
