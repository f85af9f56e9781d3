//! Previews: one pending for each organisation, used once.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::error::Error;

/// The terms of a proposal, named as `get_preview` shows them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Terms {
    pub(crate) job_reference: String,
    pub(crate) cover_letter: String,
    pub(crate) charged_amount: Number,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) answers: Vec<Reply>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) boost_connects: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) team_org_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) milestones: Vec<Value>,
}

/// One answer to a screening question.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) question: String,
    pub(crate) answer: String,
}

/// Where a preview stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    Superseded,
    Used,
}

/// A preview.
pub(crate) struct Preview {
    pub(crate) terms: Terms,
    pub(crate) state: State,
    pub(crate) expires_ms: i64,
}

/// Keeps a new preview in the organisation's slot; true if another had to leave it.
pub(crate) fn add(
    connection: &Connection,
    preview_id: &str,
    org_uid: &str,
    terms: &Terms,
    created_ms: i64,
    expires_ms: i64,
) -> Result<bool, Error> {
    let superseded = connection.execute(
        "UPDATE previews SET state = 'superseded' WHERE org_uid = ?1 AND state = 'pending'",
        [org_uid],
    )?;
    connection.execute(
        "INSERT INTO previews VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?6)",
        params![
            preview_id,
            org_uid,
            terms.job_reference,
            serde_json::to_string(terms)?,
            created_ms,
            expires_ms
        ],
    )?;
    Ok(superseded > 0)
}

/// A preview of this organisation.
pub(crate) fn find(
    connection: &Connection,
    preview_id: &str,
    org_uid: &str,
) -> Result<Option<Preview>, Error> {
    let row = connection
        .prepare_cached(
            "SELECT terms, state, expires_ms FROM previews WHERE preview_id = ?1 AND org_uid = ?2",
        )?
        .query_row([preview_id, org_uid], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((terms, state, expires_ms)) = row else { return Ok(None) };
    let state = match state.as_str() {
        "pending" => State::Pending,
        "superseded" => State::Superseded,
        _ => State::Used,
    };
    Ok(Some(Preview { terms: serde_json::from_str(&terms)?, state, expires_ms }))
}

/// Uses a preview up.
pub(crate) fn use_up(connection: &Connection, preview_id: &str) -> Result<(), Error> {
    connection.execute("UPDATE previews SET state = 'used' WHERE preview_id = ?1", [preview_id])?;
    Ok(())
}

/// The job of a preview.
pub(crate) fn job(connection: &Connection, preview_id: &str) -> Result<Option<String>, Error> {
    Ok(connection
        .query_row("SELECT job_id FROM previews WHERE preview_id = ?1", [preview_id], |row| row.get(0))
        .optional()?)
}

/// Makes the organisation's pending preview give way to one that somebody else made.
pub(crate) fn supersede(connection: &Connection, org_uid: &str) -> Result<(), Error> {
    connection.execute(
        "UPDATE previews SET state = 'superseded' WHERE org_uid = ?1 AND state = 'pending'",
        [org_uid],
    )?;
    Ok(())
}

/// Makes the organisation's pending preview too old.
pub(crate) fn expire(connection: &Connection, org_uid: &str) -> Result<(), Error> {
    connection
        .execute("UPDATE previews SET expires_ms = 0 WHERE org_uid = ?1 AND state = 'pending'", [org_uid])?;
    Ok(())
}
