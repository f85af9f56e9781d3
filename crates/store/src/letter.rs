//! Which letters were written by the server: an approver is told. The text itself is not kept.

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::job_ref::JobKey;
use applyd_core::terms::{folded, sha256_hex};
use serde_json::json;

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
    let Some(model) = model(tx, account, letter)? else { return Ok(()) };
    let detail = format!("the cover letter was written by {model}");
    let facts = json!({"act": "letter_generated", "model": model});
    timeline::remark(tx, id, "letter_generated", &detail, facts)
}

/// What an approver must know of a letter beside its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// What wrote it, where that was the server; white space may differ.
    pub model: Option<String>,
    /// The last application to another job of the account that it was sent with.
    pub sent_with: Option<QueueId>,
}

/// Where a letter for a job comes from.
///
/// # Errors
/// The store's.
pub fn origin(tx: &Tx<'_>, account: &AccountId, job: &JobKey, letter: &str) -> Result<Origin, Error> {
    let sent_with = tx.one(
        "SELECT i.application_id FROM intent i JOIN application a ON a.id = i.application_id
         WHERE i.account_id = ?1 AND i.letter_sha256 = ?2 AND a.job_key <> ?3
           AND (i.closed = 'open' OR i.closed = 'submitted') ORDER BY i.at DESC LIMIT 1",
        values![account.as_str(), &sha256(letter), job.as_str()],
        |row| row.parsed(0, QueueId::parse),
    )?;
    Ok(Origin { model: model(tx, account, letter)?, sent_with })
}

impl Origin {
    /// The same in sentences.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let model = self.model.as_ref().map(|model| {
            format!("the cover letter was written by {model}, not by a person: read it before you approve it")
        });
        let sent_with = self.sent_with.as_ref().map(|id| {
            format!("warning: the same cover letter was sent for another job ({id}); write one for this job")
        });
        [model, sent_with].into_iter().flatten().collect()
    }
}

fn model(tx: &Tx<'_>, account: &AccountId, letter: &str) -> Result<Option<String>, Error> {
    tx.one(
        "SELECT model FROM letter WHERE account_id = ?1 AND sha256 = ?2 AND at > ?3",
        values![account.as_str(), &sha256(letter), tx.now() - KEPT_MS],
        |row| row.text(0),
    )
}

/// SHA-256 of a letter, whatever its white space.
#[must_use]
pub fn sha256(letter: &str) -> String {
    sha256_hex(folded(letter).as_bytes())
}
