//! Jobs that were read from a channel, each account's own: contents for a day, ids for good.

use applyd_core::ids::AccountId;
use applyd_core::job_ref::{JobKey, JobRef, Published};
use applyd_core::retention::{expires_at, purged_before, synced_at};

use crate::account::Channel;
use crate::tx::{Row, values};
use crate::{Error, Tx, application};

/// How many one purge erases at most.
pub const PURGED_AT_ONCE: i64 = 500;
/// Longest list of one client's jobs.
const MOST_OF_COMPANY: i64 = 100;

/// A stored job with its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredJob {
    /// Its key.
    pub job: JobKey,
    /// UUID of the job within the account.
    pub processed_job_id: String,
    /// When the channel was read, Unix milliseconds.
    pub synced_at: i64,
    /// Until when it may be shown, Unix milliseconds.
    pub expires_at: i64,
    /// The contents, as the caller gave them.
    pub document: String,
}

/// The contents of a job, just read.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    /// The client's id, if it was told.
    pub company_id: Option<&'a str>,
    /// The job's title.
    pub title: &'a str,
    /// The whole.
    pub document: &'a str,
}

impl StoredJob {
    /// Whether it may be shown now.
    #[must_use]
    pub fn is_fresh(&self, now: i64) -> bool {
        now < self.expires_at
    }
}

const COLUMNS: &str = "job_key, processed_job_id, synced_at, expires_at, document";

fn read(row: &Row<'_>) -> Result<StoredJob, Error> {
    Ok(StoredJob {
        job: row.parsed(0, JobKey::parse)?,
        processed_job_id: row.text(1)?,
        synced_at: row.int(2)?,
        expires_at: row.int(3)?,
        document: row.text(4)?,
    })
}

/// A job whose contents are stored, whether they are fresh or not.
///
/// # Errors
/// The store's.
pub fn find(tx: &Tx<'_>, account: &AccountId, job: &JobKey) -> Result<Option<StoredJob>, Error> {
    tx.one(
        &format!(
            "SELECT {COLUMNS} FROM stored_job WHERE account_id = ?1 AND job_key = ?2 AND document IS NOT NULL"
        ),
        values![account.as_str(), job.as_str()],
        read,
    )
}

/// Stores what was just read, unless what is stored is still fresh: being read again does not prolong it.
/// Answers what is stored then.
///
/// # Errors
/// The store's.
pub fn save(
    tx: &Tx<'_>,
    account: &AccountId,
    channel: Channel,
    job: &JobKey,
    fresh_job_id: &str,
    contents: Contents<'_>,
) -> Result<StoredJob, Error> {
    if let Some(stored) = find(tx, account, job)?.filter(|stored| stored.is_fresh(tx.now())) {
        return Ok(stored);
    }
    let synced_at = synced_at(job, tx.now());
    let stored = StoredJob {
        job: job.clone(),
        processed_job_id: processed_id(tx, account, channel, job, fresh_job_id)?,
        synced_at,
        expires_at: expires_at(synced_at),
        document: contents.document.to_owned(),
    };
    tx.execute(
        "UPDATE stored_job SET synced_at = ?3, expires_at = ?4, company_id = ?5, title = ?6, document = ?7
         WHERE account_id = ?1 AND job_key = ?2",
        values![
            account.as_str(),
            job.as_str(),
            stored.synced_at,
            stored.expires_at,
            contents.company_id,
            contents.title,
            contents.document
        ],
    )?;
    Ok(stored)
}

/// Stores the title that a worker has read for an application; contents that are stored stay as they are.
pub(crate) fn save_title(
    tx: &Tx<'_>,
    account: &AccountId,
    job: &JobKey,
    processed_job_id: &str,
    title: &str,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO stored_job (account_id, job_key, processed_job_id, synced_at, expires_at, title)
         VALUES (?1, ?2, ?3, ?4, ?4, ?5)
         ON CONFLICT (account_id, job_key) DO UPDATE SET title = ?5, synced_at = ?4, expires_at = ?4
         WHERE stored_job.document IS NULL",
        values![account.as_str(), job.as_str(), processed_job_id, tx.now(), title],
    )?;
    Ok(())
}

/// The UUID of a job within this account, given now if it had none.
///
/// # Errors
/// The store's.
pub fn processed_id(
    tx: &Tx<'_>,
    account: &AccountId,
    channel: Channel,
    job: &JobKey,
    fresh_job_id: &str,
) -> Result<String, Error> {
    let known = match known_id(tx, account, channel, job)? {
        Some(known) => Some(known),
        None => application::foremost(tx, account, job)?.map(|foremost| foremost.processed_job_id),
    };
    let id = known.unwrap_or_else(|| fresh_job_id.to_owned());
    tx.execute(
        "INSERT INTO stored_job (account_id, job_key, processed_job_id, synced_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT (account_id, job_key) DO NOTHING",
        values![account.as_str(), job.as_str(), &id, tx.now()],
    )?;
    Ok(id)
}

/// The UUID that a job has without an application: published, or given with a read.
pub(crate) fn known_id(
    tx: &Tx<'_>,
    account: &AccountId,
    channel: Channel,
    job: &JobKey,
) -> Result<Option<String>, Error> {
    if let Some(uuid) = job.published_uuid().filter(|_| channel == Channel::Sandbox) {
        return Ok(Some(uuid.hyphenated().to_string()));
    }
    tx.one(
        "SELECT processed_job_id FROM stored_job WHERE account_id = ?1 AND job_key = ?2",
        values![account.as_str(), job.as_str()],
        |row| row.text(0),
    )
}

/// The job that this account was given a UUID for.
pub(crate) fn job_of_uuid(tx: &Tx<'_>, account: &AccountId, uuid: &str) -> Result<Option<JobKey>, Error> {
    tx.one(
        "SELECT job_key FROM stored_job WHERE account_id = ?1 AND processed_job_id = ?2",
        values![account.as_str(), uuid],
        |row| row.parsed(0, JobKey::parse),
    )
}

/// The jobs of a client whose contents are stored, newest read first, fresh or not.
///
/// # Errors
/// The store's.
pub fn of_company(tx: &Tx<'_>, account: &AccountId, company_id: &str) -> Result<Vec<StoredJob>, Error> {
    tx.all(
        &format!(
            "SELECT {COLUMNS} FROM stored_job
             WHERE account_id = ?1 AND company_id = ?2 AND document IS NOT NULL
             ORDER BY synced_at DESC, job_key LIMIT ?3"
        ),
        values![account.as_str(), company_id, MOST_OF_COMPANY],
        read,
    )
}

/// The number of a job that was named by an old ciphertext, if it was looked up.
///
/// # Errors
/// The store's.
pub fn number(tx: &Tx<'_>, account: &AccountId, job: &JobKey) -> Result<Option<JobKey>, Error> {
    tx.one(
        "SELECT numbered_key FROM job_number WHERE account_id = ?1 AND job_key = ?2",
        values![account.as_str(), job.as_str()],
        |row| row.parsed(0, JobKey::parse),
    )
}

/// Keeps the number that a job was found to have.
///
/// # Errors
/// The store's.
pub fn save_number(tx: &Tx<'_>, account: &AccountId, job: &JobKey, numbered: &JobKey) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO job_number (account_id, job_key, numbered_key) VALUES (?1, ?2, ?3)
         ON CONFLICT (account_id, job_key) DO NOTHING",
        values![account.as_str(), job.as_str(), numbered.as_str()],
    )?;
    Ok(())
}

/// The canonical key of a job that this account may name.
///
/// # Errors
/// The store's.
pub fn resolve(
    tx: &Tx<'_>,
    account: &AccountId,
    channel: Channel,
    job: &JobRef,
) -> Result<Option<JobKey>, Error> {
    let key = match job {
        // On `upwork` an old ciphertext goes by the number that it was found to have.
        JobRef::Key(key) if channel == Channel::Upwork && key.numeric().is_none() => {
            Some(number(tx, account, key)?.unwrap_or_else(|| key.clone()))
        }
        JobRef::Key(key) => Some(key.clone()),
        JobRef::Processed(uuid) => match JobKey::of_published_uuid(uuid) {
            Some(key) => Some(key),
            None => {
                let uuid = uuid.hyphenated().to_string();
                match application::job_of_uuid(tx, account, &uuid)? {
                    Some(key) => Some(key),
                    None => job_of_uuid(tx, account, &uuid)?,
                }
            }
        },
    };
    Ok(key.filter(|key| match key.published() {
        Published::Known(_) => channel == Channel::Sandbox,
        Published::Reserved => false,
        Published::Ordinary => true,
    }))
}

/// Erases contents that were kept for as long as they may be; answers of how many jobs.
///
/// # Errors
/// The store's.
pub fn purge(tx: &Tx<'_>) -> Result<usize, Error> {
    tx.execute(
        "UPDATE stored_job SET company_id = NULL, title = NULL, document = NULL WHERE (account_id, job_key) IN
         (SELECT account_id, job_key FROM stored_job WHERE title IS NOT NULL AND synced_at < ?1
          ORDER BY synced_at LIMIT ?2)",
        values![purged_before(tx.now()), PURGED_AT_ONCE],
    )
}
