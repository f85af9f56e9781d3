//! Facts about the store itself.

use serde_json::{Value, json};

use crate::tx::values;
use crate::{Error, Tx};

const IDENTITY: &str = "identity";
const VERIFY_ONLY: &str = "verify_only";
const BACKUP: &str = "backup";
const MOVED: &str = "moved_to";
const TOUCHED: &str = "touched";

/// When a backup was taken, and from which schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Unix milliseconds; all that was committed before is in it.
    pub at: i64,
    /// The number of its newest migration then.
    pub schema: i64,
}

fn get(tx: &Tx<'_>, name: &str) -> Result<Option<String>, Error> {
    tx.one("SELECT value FROM meta WHERE name = ?1", values![name], |row| row.text(0))
}

fn set(tx: &Tx<'_>, name: &str, value: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        values![name, value],
    )?;
    Ok(())
}

/// The store's identity; a store without one gets `fresh`. A backup has the identity of its original.
///
/// # Errors
/// The store's.
pub fn identity(tx: &Tx<'_>, fresh: &str) -> Result<String, Error> {
    if let Some(identity) = get(tx, IDENTITY)? {
        return Ok(identity);
    }
    set(tx, IDENTITY, fresh)?;
    Ok(fresh.to_owned())
}

/// Why nothing may be submitted now; `None` in normal operation.
///
/// # Errors
/// The store's.
pub fn verify_only(tx: &Tx<'_>) -> Result<Option<String>, Error> {
    Ok(get(tx, VERIFY_ONLY)?.filter(|reason| !reason.is_empty()))
}

/// Starts the verify-only mode for a reason, or ends it with `None`; then what was a backup is the store itself.
///
/// # Errors
/// The store's.
pub fn set_verify_only(tx: &Tx<'_>, reason: Option<&str>) -> Result<(), Error> {
    if reason.is_none() {
        set(tx, BACKUP, "")?;
    }
    set(tx, VERIFY_ONLY, reason.unwrap_or(""))
}

/// Where the store was moved to, if it was: this one is not worked with any more.
///
/// # Errors
/// The store's.
pub(crate) fn moved(tx: &Tx<'_>) -> Result<Option<String>, Error> {
    Ok(get(tx, MOVED)?.filter(|place| !place.is_empty()))
}

/// Marks the store as moved, or with `None` as not.
pub(crate) fn set_moved(tx: &Tx<'_>, place: Option<&str>) -> Result<(), Error> {
    set(tx, MOVED, place.unwrap_or(""))
}

/// Of a store that is a backup: since when it stands still. `None` for one that was never put aside, or that has
/// gone on after it was put back.
///
/// # Errors
/// The store's.
pub fn backup(tx: &Tx<'_>) -> Result<Option<Taken>, Error> {
    let Some(stored) = get(tx, BACKUP)?.filter(|stored| !stored.is_empty()) else { return Ok(None) };
    let member = |name: &str| serde_json::from_str::<Value>(&stored).ok()?[name].as_i64();
    match (member("at"), member("schema")) {
        (Some(at), Some(schema)) => Ok(Some(Taken { at, schema })),
        _ => Err(Error::Damaged("when the backup was taken".into())),
    }
}

/// Marks the store as a backup.
///
/// # Errors
/// The store's.
pub(crate) fn mark_backup(tx: &Tx<'_>, taken: Taken) -> Result<(), Error> {
    set(tx, BACKUP, &json!({"at": taken.at, "schema": taken.schema}).to_string())
}

/// Writes something that says nothing, to see whether writing works. Where nodes share the store that is the mark of the
/// transaction: a row of theirs would be fought for.
///
/// # Errors
/// The store's.
pub fn touch(tx: &Tx<'_>) -> Result<(), Error> {
    if tx.is_marked() {
        return Ok(());
    }
    set(tx, TOUCHED, &tx.now().to_string())
}
