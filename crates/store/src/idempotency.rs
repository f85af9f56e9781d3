//! First answers, kept for their `Idempotency-Key`.

use applyd_core::ids::AccountId;

use crate::tx::values;
use crate::{Error, Tx};

/// How long a first answer is kept at least, in milliseconds.
pub const KEPT_MS: i64 = 24 * 60 * 60 * 1000;
/// How many one purge forgets at most.
pub const PURGED_AT_ONCE: i64 = 500;

/// The first answer to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// Of the request's path and body.
    pub sha256: String,
    /// HTTP status.
    pub status: i64,
    /// Body, as it was sent.
    pub body: String,
}

/// The first answer to a key, if it is kept.
///
/// # Errors
/// The store's.
pub fn find(tx: &Tx<'_>, account: &AccountId, key: &str) -> Result<Option<Saved>, Error> {
    tx.one(
        "SELECT sha256, status, body FROM idempotency WHERE account_id = ?1 AND key = ?2",
        values![account.as_str(), key],
        |row| Ok(Saved { sha256: row.text(0)?, status: row.int(1)?, body: row.text(2)? }),
    )
}

/// Keeps the first answer to a key.
///
/// # Errors
/// The store's.
pub fn save(tx: &Tx<'_>, account: &AccountId, key: &str, saved: &Saved) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO idempotency (account_id, key, sha256, status, body, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        values![account.as_str(), key, &saved.sha256, saved.status, &saved.body, tx.now()],
    )?;
    Ok(())
}

/// Forgets some answers that are older than they must be kept; answers how many.
///
/// # Errors
/// The store's.
pub fn purge(tx: &Tx<'_>) -> Result<usize, Error> {
    tx.execute(
        "DELETE FROM idempotency WHERE (account_id, key) IN
         (SELECT account_id, key FROM idempotency WHERE at < ?1 ORDER BY at LIMIT ?2)",
        values![tx.now() - KEPT_MS, PURGED_AT_ONCE],
    )
}
