//! How far each application is in its job's script.

use rusqlite::{Connection, OptionalExtension, params};

use crate::error::Error;

/// The reads of an application that failed so far, and the token of the first.
pub(crate) struct FailedReads {
    pub(crate) count: u32,
    pub(crate) first_token: String,
}

/// What failed of an application's reads of a job.
pub(crate) fn failed_reads(
    connection: &Connection,
    request_id: &str,
    job_id: &str,
) -> Result<Option<FailedReads>, Error> {
    Ok(connection
        .prepare_cached("SELECT failed_reads, token FROM script_reads WHERE request_id = ?1 AND job_id = ?2")?
        .query_row([request_id, job_id], |row| {
            Ok(FailedReads { count: row.get(0)?, first_token: row.get(1)? })
        })
        .optional()?)
}

/// Counts one more failed read.
pub(crate) fn fail_read(
    connection: &Connection,
    request_id: &str,
    job_id: &str,
    token: &str,
) -> Result<(), Error> {
    connection.execute(
        "INSERT INTO script_reads (request_id, job_id, failed_reads, token) VALUES (?1, ?2, 1, ?3)
         ON CONFLICT (request_id, job_id) DO UPDATE SET failed_reads = failed_reads + 1",
        [request_id, job_id, token],
    )?;
    Ok(())
}

/// Makes an organisation unreadable for a while.
pub(crate) fn darken(
    connection: &Connection,
    org_uid: &str,
    job_id: &str,
    until_ms: i64,
) -> Result<(), Error> {
    connection.execute("INSERT INTO darkness VALUES (?1, ?2, ?3)", params![org_uid, job_id, until_ms])?;
    Ok(())
}

/// Whether the organisation's lists, or its view of one job, cannot be read now.
pub(crate) fn is_dark(
    connection: &Connection,
    org_uid: &str,
    job_id: Option<&str>,
    now_ms: i64,
) -> Result<bool, Error> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM darkness
         WHERE org_uid = ?1 AND until_ms > ?3 AND (?2 IS NULL OR job_id = ?2))",
        )?
        .query_row(params![org_uid, job_id, now_ms], |row| row.get(0))?)
}
