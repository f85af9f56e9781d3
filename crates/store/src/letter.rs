//! Which letters were written by the server: an approver is told. The text itself is not kept.

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::terms::{folded, sha256_hex};

use crate::tx::values;
use crate::{Error, Tx, timeline};

const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// Removed with each new one, so that the table never grows and no write is long.
const MOST_PURGED: i64 = 10;

/// Remembers that `model` wrote this letter, for 30 days.
///
/// # Errors
/// The store's.
pub fn remember(tx: &Tx<'_>, account: &AccountId, letter: &str, model: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO letter (account_id, sha256, model, at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (account_id, sha256) DO UPDATE SET model = excluded.model, at = excluded.at",
        values![account.as_str(), &sha256(letter), model, tx.now()],
    )?;
    tx.execute(
        "DELETE FROM letter WHERE (account_id, sha256) IN
         (SELECT account_id, sha256 FROM letter WHERE at <= ?1 ORDER BY at LIMIT ?2)",
        values![tx.now() - KEPT_MS, MOST_PURGED],
    )?;
    Ok(())
}

/// Notes with an application that the server wrote its letter, if it did; white space may differ.
///
/// # Errors
/// The store's.
pub fn disclose(tx: &Tx<'_>, account: &AccountId, id: &QueueId, letter: &str) -> Result<(), Error> {
    let model = tx.one(
        "SELECT model FROM letter WHERE account_id = ?1 AND sha256 = ?2 AND at > ?3",
        values![account.as_str(), &sha256(letter), tx.now() - KEPT_MS],
        |row| row.text(0),
    )?;
    let Some(model) = model else { return Ok(()) };
    timeline::remark(tx, id, "letter_generated", &format!("the cover letter was written by {model}"))
}

fn sha256(letter: &str) -> String {
    sha256_hex(folded(letter).as_bytes())
}
