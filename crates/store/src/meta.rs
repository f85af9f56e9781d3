//! Facts about the store itself.

use crate::tx::values;
use crate::{Error, Tx};

const IDENTITY: &str = "identity";
const VERIFY_ONLY: &str = "verify_only";
const MOVED: &str = "moved_to";
const TOUCHED: &str = "touched";

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

/// Starts the verify-only mode for a reason, or ends it with `None`.
///
/// # Errors
/// The store's.
pub fn set_verify_only(tx: &Tx<'_>, reason: Option<&str>) -> Result<(), Error> {
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

/// Writes something that says nothing, to see whether writing works.
///
/// # Errors
/// The store's.
pub fn touch(tx: &Tx<'_>) -> Result<(), Error> {
    set(tx, TOUCHED, &tx.now().to_string())
}
