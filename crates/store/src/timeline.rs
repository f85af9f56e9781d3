//! What happened to an application, for people: oldest first, no letter text.

use applyd_core::ids::QueueId;

use crate::tx::values;
use crate::{Error, Tx};

const MOST_ENTRIES: i64 = 1000;

/// One line of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Unix milliseconds.
    pub at: i64,
    /// A word: `claimed`, `armed`, `intent`, …
    pub event: String,
    /// A sentence, if there is more to say.
    pub detail: Option<String>,
}

/// Adds a line.
///
/// # Errors
/// The store's.
pub fn note(tx: &Tx<'_>, id: &QueueId, event: &str, detail: Option<&str>) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO timeline (application_id, at, event, detail) VALUES (?1, ?2, ?3, ?4)",
        values![id.as_str(), tx.now(), event, detail],
    )?;
    Ok(())
}

/// All lines, oldest first, up to 1000.
///
/// # Errors
/// The store's.
pub fn list(tx: &Tx<'_>, id: &QueueId) -> Result<Vec<Entry>, Error> {
    tx.all(
        "SELECT at, event, detail FROM timeline WHERE application_id = ?1 ORDER BY seq LIMIT ?2",
        values![id.as_str(), MOST_ENTRIES],
        |row| Ok(Entry { at: row.int(0)?, event: row.text(1)?, detail: row.opt_text(2)? }),
    )
}
