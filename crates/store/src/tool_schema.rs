//! The schemas of the tools that write, as hashes: what the operator goes by, and what was seen last.

use crate::account::Channel;
use crate::tx::values;
use crate::{Error, Tx};

/// What is known of a channel's tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolSchema {
    /// What is submitted with.
    pub pinned_sha256: String,
    /// Since when.
    pub pinned_at: i64,
    /// What was seen last, when that was first seen.
    pub seen_sha256: String,
    /// Since when.
    pub seen_at: i64,
}

impl ToolSchema {
    /// Whether what was seen last is what is submitted with.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.pinned_sha256 == self.seen_sha256
    }
}

/// What is known of a channel; `None` before its tools were seen.
///
/// # Errors
/// The store's.
pub fn load(tx: &Tx<'_>, channel: Channel) -> Result<Option<ToolSchema>, Error> {
    tx.one(
        "SELECT pinned_sha256, pinned_at, seen_sha256, seen_at FROM tool_schema WHERE channel = ?1",
        values![channel.as_str()],
        |row| {
            Ok(ToolSchema {
                pinned_sha256: row.text(0)?,
                pinned_at: row.int(1)?,
                seen_sha256: row.text(2)?,
                seen_at: row.int(3)?,
            })
        },
    )
}

/// Notes what was seen; the first is what is submitted with. Answers whether this is.
///
/// # Errors
/// The store's.
pub fn see(tx: &Tx<'_>, channel: Channel, sha256: &str) -> Result<bool, Error> {
    tx.execute(
        "INSERT INTO tool_schema (channel, pinned_sha256, pinned_at, seen_sha256, seen_at)
         VALUES (?1, ?2, ?3, ?2, ?3)
         ON CONFLICT (channel) DO UPDATE SET seen_sha256 = excluded.seen_sha256, seen_at = excluded.seen_at
         WHERE tool_schema.seen_sha256 <> excluded.seen_sha256",
        values![channel.as_str(), sha256, tx.now()],
    )?;
    Ok(load(tx, channel)?.is_some_and(|known| known.agrees()))
}

/// From now on what was seen last is submitted with; answers that.
///
/// # Errors
/// The store's.
pub fn agree(tx: &Tx<'_>, channel: Channel) -> Result<Option<ToolSchema>, Error> {
    tx.execute(
        "UPDATE tool_schema SET pinned_sha256 = seen_sha256, pinned_at = ?2
         WHERE channel = ?1 AND pinned_sha256 <> seen_sha256",
        values![channel.as_str(), tx.now()],
    )?;
    load(tx, channel)
}

/// What is seen next is submitted with.
///
/// # Errors
/// The store's.
pub fn forget(tx: &Tx<'_>, channel: Channel) -> Result<(), Error> {
    tx.execute("DELETE FROM tool_schema WHERE channel = ?1", values![channel.as_str()])?;
    Ok(())
}
