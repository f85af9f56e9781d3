//! Text settings for generated letters, by account and name.

use applyd_core::ids::AccountId;

use crate::tx::values;
use crate::{Error, Tx};

/// Most feeds an account has.
pub const MOST_FEEDS: i64 = 100;

/// A feed in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Unique in the account.
    pub name: String,
    /// What letters go by.
    pub text: String,
    /// Written at, Unix milliseconds.
    pub updated_at: i64,
}

/// Writes a feed, in the place of the account's earlier one of that name; `false` when the account is full.
///
/// # Errors
/// The store's.
pub fn set(tx: &Tx<'_>, account: &AccountId, name: &str, text: &str) -> Result<bool, Error> {
    let others = tx.one(
        "SELECT count(*) FROM feed WHERE account_id = ?1 AND name <> ?2",
        values![account.as_str(), name],
        |row| row.int(0),
    )?;
    if others.is_some_and(|others| others >= MOST_FEEDS) {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO feed (account_id, name, text, updated_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (account_id, name) DO UPDATE SET text = excluded.text, updated_at = excluded.updated_at",
        values![account.as_str(), name, text, tx.now()],
    )?;
    Ok(true)
}

/// The text of an account's feed.
///
/// # Errors
/// The store's.
pub fn text(tx: &Tx<'_>, account: &AccountId, name: &str) -> Result<Option<String>, Error> {
    tx.one(
        "SELECT text FROM feed WHERE account_id = ?1 AND name = ?2",
        values![account.as_str(), name],
        |row| row.text(0),
    )
}

/// An account's feeds by name; there are at most 100.
///
/// # Errors
/// The store's.
pub fn list(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<Feed>, Error> {
    tx.all(
        "SELECT name, text, updated_at FROM feed WHERE account_id = ?1 ORDER BY name LIMIT ?2",
        values![account.as_str(), MOST_FEEDS],
        |row| Ok(Feed { name: row.text(0)?, text: row.text(1)?, updated_at: row.int(2)? }),
    )
}

/// Removes a feed; `false` when there is none of that name.
///
/// # Errors
/// The store's.
pub fn delete(tx: &Tx<'_>, account: &AccountId, name: &str) -> Result<bool, Error> {
    let gone =
        tx.execute("DELETE FROM feed WHERE account_id = ?1 AND name = ?2", values![account.as_str(), name])?;
    Ok(gone == 1)
}
