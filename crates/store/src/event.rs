//! The outbox: one event per terminal transition and correction, written in its transaction.

use applyd_core::ids::{AccountId, EventId, QueueId};
use applyd_wire::{EventType, StatusAnswer};

use crate::tx::values;
use crate::{Error, Tx};

/// Appends an event whose data is the status as it is from now on.
pub(crate) fn append(
    tx: &Tx<'_>,
    id: &EventId,
    account: &AccountId,
    kind: EventType,
    answer: &StatusAnswer,
) -> Result<(), Error> {
    let data = serde_json::to_string(answer).map_err(|error| Error::Damaged(error.to_string()))?;
    tx.execute(
        "INSERT INTO event (id, account_id, application_id, type, at, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        values![id.as_str(), account.as_str(), &answer.queue_id, kind.as_str(), tx.now(), &data],
    )?;
    Ok(())
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
