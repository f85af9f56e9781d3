//! Submissions received and proposals stored: what tests compare with.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::previews::Terms;
use crate::error::Error;

/// A stored proposal.
pub(crate) struct Stored {
    pub(crate) number: i64,
    pub(crate) queue_id: Option<String>,
    pub(crate) terms: Terms,
    pub(crate) created_ms: i64,
}

impl Stored {
    pub(crate) fn id(&self) -> String {
        proposal_id(self.number)
    }
}

/// The id of the proposal with this number.
pub(crate) fn proposal_id(number: i64) -> String {
    format!("sbp_{number}")
}

/// Counts a confirm that reached the sandbox under the job of its preview; nothing if the preview is unknown.
pub(crate) fn receive(connection: &Connection, preview_id: &str) -> Result<(), Error> {
    connection.execute(
        "INSERT INTO received (org_uid, job_id, count)
         SELECT org_uid, job_id, 1 FROM previews WHERE preview_id = ?1
         ON CONFLICT (org_uid, job_id) DO UPDATE SET count = count + 1",
        [preview_id],
    )?;
    Ok(())
}

/// Stores a proposal, whatever else is stored for the same job, and gives its number.
pub(crate) fn accept(
    connection: &Connection,
    org_uid: &str,
    queue_id: Option<&str>,
    terms: &Terms,
    created_ms: i64,
) -> Result<i64, Error> {
    connection.execute(
        "INSERT INTO proposals (org_uid, job_id, queue_id, terms, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![org_uid, terms.job_reference, queue_id, serde_json::to_string(terms)?, created_ms],
    )?;
    Ok(connection.last_insert_rowid())
}

/// Lets the proposal of an application show in reads later.
pub(crate) fn postpone(connection: &Connection, queue_id: &str, later_ms: i64) -> Result<(), Error> {
    connection.execute(
        "UPDATE proposals SET created_ms = created_ms + ?2 WHERE queue_id = ?1",
        params![queue_id, later_ms],
    )?;
    Ok(())
}

/// Whether a proposal for the job shows in reads.
pub(crate) fn applied(
    connection: &Connection,
    org_uid: &str,
    job_id: &str,
    shown_until_ms: i64,
) -> Result<bool, Error> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM proposals WHERE org_uid = ?1 AND job_id = ?2 AND created_ms <= ?3)",
        )?
        .query_row(params![org_uid, job_id, shown_until_ms], |row| row.get(0))?)
}

/// Which part of the list is wanted.
#[derive(Clone, Copy)]
pub(crate) struct Page {
    /// The last number of the page before.
    pub(crate) after: Option<i64>,
    pub(crate) limit: u32,
    pub(crate) newest_first: bool,
}

/// A part of the list.
pub(crate) struct Listed {
    pub(crate) rows: Vec<Stored>,
    pub(crate) has_more: bool,
    pub(crate) total: i64,
}

/// One page of the proposals that show in reads.
pub(crate) fn list(
    connection: &Connection,
    org_uid: &str,
    shown_until_ms: i64,
    page: Page,
) -> Result<Listed, Error> {
    let (beyond, order) = if page.newest_first { ("<", "DESC") } else { (">", "ASC") };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT number, queue_id, terms, created_ms FROM proposals
         WHERE org_uid = ?1 AND created_ms <= ?2 AND (?3 IS NULL OR number {beyond} ?3)
         ORDER BY number {order} LIMIT ?4"
    ))?;
    let mut rows = collect(statement.query(params![org_uid, shown_until_ms, page.after, page.limit + 1])?)?;
    let has_more = rows.len() > page.limit as usize;
    rows.truncate(page.limit as usize);
    let total = connection
        .prepare_cached("SELECT COUNT(*) FROM proposals WHERE org_uid = ?1 AND created_ms <= ?2")?
        .query_row(params![org_uid, shown_until_ms], |row| row.get(0))?;
    Ok(Listed { rows, has_more, total })
}

/// One proposal of the organisation, if it shows in reads.
pub(crate) fn find(
    connection: &Connection,
    org_uid: &str,
    number: i64,
    shown_until_ms: i64,
) -> Result<Option<Stored>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT number, queue_id, terms, created_ms FROM proposals
         WHERE number = ?1 AND org_uid = ?2 AND created_ms <= ?3",
    )?;
    Ok(collect(statement.query(params![number, org_uid, shown_until_ms])?)?.pop())
}

/// The count of one (agency, job).
pub(crate) struct Count {
    pub(crate) org_uid: String,
    pub(crate) job_id: String,
    pub(crate) received: i64,
}

/// All counts, of one agency or job if asked so.
pub(crate) fn counts(
    connection: &Connection,
    org_uid: Option<&str>,
    job_id: Option<&str>,
) -> Result<Vec<Count>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT org_uid, job_id, count FROM received
         WHERE (?1 IS NULL OR org_uid = ?1) AND (?2 IS NULL OR job_id = ?2) ORDER BY org_uid, job_id",
    )?;
    let rows = statement.query_map(params![org_uid, job_id], |row| {
        Ok(Count { org_uid: row.get(0)?, job_id: row.get(1)?, received: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// All proposals of one (agency, job), those not yet shown in reads included.
pub(crate) fn of_job(connection: &Connection, org_uid: &str, job_id: &str) -> Result<Vec<Stored>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT number, queue_id, terms, created_ms FROM proposals
         WHERE org_uid = ?1 AND job_id = ?2 ORDER BY number",
    )?;
    collect(statement.query([org_uid, job_id])?)
}

/// Remembers the old ciphertext that a numeric id was made from.
pub(crate) fn remember_old(connection: &Connection, job_id: &str, ciphertext: &str) -> Result<(), Error> {
    connection.execute(
        "INSERT OR IGNORE INTO old_ciphertexts (job_id, ciphertext) VALUES (?1, ?2)",
        [job_id, ciphertext],
    )?;
    Ok(())
}

/// The ciphertext under which a job is reported.
pub(crate) fn ciphertext(connection: &Connection, job_id: &str) -> Result<String, Error> {
    let old = connection
        .prepare_cached("SELECT ciphertext FROM old_ciphertexts WHERE job_id = ?1")?
        .query_row([job_id], |row| row.get(0))
        .optional()?;
    Ok(old.unwrap_or_else(|| format!("~02{job_id}")))
}

fn collect(mut rows: rusqlite::Rows<'_>) -> Result<Vec<Stored>, Error> {
    let mut stored = Vec::new();
    while let Some(row) = rows.next()? {
        stored.push(read(row)?);
    }
    Ok(stored)
}

fn read(row: &Row<'_>) -> Result<Stored, Error> {
    let terms: String = row.get(2)?;
    Ok(Stored {
        number: row.get(0)?,
        queue_id: row.get(1)?,
        terms: serde_json::from_str(&terms)?,
        created_ms: row.get(3)?,
    })
}
