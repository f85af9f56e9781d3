//! The record that tests judge by.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use rusqlite::Connection;
use serde::Serialize;
use serde_json::{Number, json};
use sha2::{Digest, Sha256};

use crate::chance::hex;
use crate::error::Error;
use crate::job::JobRef;
use crate::memory::open_to_read;
use crate::memory::proposals::{self, Stored};
use crate::oauth::json_response;
use crate::stand_in::StandIn;

/// What reached the stand-in for one (agency, job), and what it stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Submissions {
    /// The `org_uid` of the organisation.
    pub agency: String,
    /// The job's ciphertext, `~01…` if it was named so.
    pub job_id: String,
    /// Confirm requests that reached the stand-in, whatever became of them.
    pub received: u64,
    /// Proposals stored.
    pub accepted: u64,
    /// The proposals stored, oldest first.
    pub proposals: Vec<Proposal>,
}

/// One stored proposal.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proposal {
    /// Its id on the stand-in.
    pub id: String,
    /// The `X-Request-Id` of the confirm; none if it had none.
    pub queue_id: Option<String>,
    /// When it was stored, in milliseconds since 1970.
    pub created_at: i64,
    /// SHA-256 of the stored letter, hexadecimal.
    pub cover_letter_sha256: String,
    /// Hourly rate or fixed price, as it was sent.
    pub price: Number,
    /// How many screening questions were answered.
    pub answers: usize,
    /// The boost; 0 for none.
    pub boost_connects: u32,
}

/// Reads the record straight from the file, also while a stand-in runs on it; a missing file is an empty record.
pub fn submissions(
    database: &Path,
    agency: Option<&str>,
    job: Option<&str>,
) -> Result<Vec<Submissions>, Error> {
    match open_to_read(database)? {
        // One snapshot: a count and its proposals must not come from two moments.
        Some(connection) => read(&*connection.unchecked_transaction()?, agency, job),
        None => Ok(Vec::new()),
    }
}

/// `GET /sandbox/submissions?agency=&jobId=`.
pub(crate) async fn list(
    State(stand_in): State<Arc<StandIn>>,
    Query(mut query): Query<HashMap<String, String>>,
) -> Result<Response, Error> {
    let mut asked = |name: &str| query.remove(name).filter(|value| !value.is_empty());
    let (agency, job) = (asked("agency"), asked("jobId"));
    let submissions =
        stand_in.memory.read(move |memory| read(memory, agency.as_deref(), job.as_deref())).await?;
    Ok(json_response(StatusCode::OK, &json!({"submissions": submissions})))
}

fn read(connection: &Connection, agency: Option<&str>, job: Option<&str>) -> Result<Vec<Submissions>, Error> {
    let job_id = match job {
        None => None,
        Some(named) => match JobRef::parse(named) {
            Some(reference) => Some(reference.id),
            None => return Ok(Vec::new()),
        },
    };
    let mut submissions = Vec::new();
    for count in proposals::counts(connection, agency, job_id.as_deref())? {
        let stored = proposals::of_job(connection, &count.org_uid, &count.job_id)?;
        let proposals: Vec<_> = stored.iter().map(proposal).collect();
        submissions.push(Submissions {
            job_id: proposals::ciphertext(connection, &count.job_id)?,
            agency: count.org_uid,
            received: count.received.unsigned_abs(),
            accepted: proposals.len() as u64,
            proposals,
        });
    }
    Ok(submissions)
}

fn proposal(stored: &Stored) -> Proposal {
    Proposal {
        id: stored.id(),
        queue_id: stored.queue_id.clone(),
        created_at: stored.created_ms,
        cover_letter_sha256: hex(&Sha256::digest(&stored.terms.cover_letter)),
        price: stored.terms.charged_amount.clone(),
        answers: stored.terms.answers.len(),
        boost_connects: stored.terms.boost_connects.unwrap_or(0),
    }
}
