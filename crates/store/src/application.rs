//! One application: its row, read and written back.

use applyd_core::approval::{Approval, Policy};
use applyd_core::ids::{AccountId, KeyId, QueueId};
use applyd_core::job_ref::JobKey;
use applyd_core::outcome::Code;
use applyd_core::state::{Closed, Intent, Progress, State, due_at};
use applyd_wire::{ApplicationStatus, StatusAnswer};

use crate::account::Channel;
use crate::tx::{Row, values};
use crate::{Error, Tx};

/// An application as stored, without its request.
#[derive(Debug, Clone)]
pub struct Application {
    /// Its id.
    pub id: QueueId,
    /// Whose.
    pub account: AccountId,
    /// Where it is submitted.
    pub channel: Channel,
    /// Which job.
    pub job: JobKey,
    /// The job's UUID within the account.
    pub processed_job_id: String,
    /// The key that asked for it; `None`: accepted before keys were kept with it.
    pub key: Option<KeyId>,
    /// Most Connects where the request names no ceiling.
    pub ceiling_connects: Option<i64>,
    /// From then on the site refuses its last preview.
    pub preview_expires_at: Option<i64>,
    /// Unix milliseconds.
    pub accepted_at: i64,
    /// Raised by each change.
    pub version: i64,
    /// What changes.
    pub progress: Progress,
    /// This very step was its end, or corrected an unknown one; never of what was only read.
    pub has_ended: bool,
}

/// What a status answer needs, and whether time has overtaken it.
#[derive(Debug, Clone)]
pub struct Status {
    /// The eight keys.
    pub answer: StatusAnswer,
    /// Raised by each change.
    pub version: i64,
    /// When time alone brings the next change.
    pub due_at: Option<i64>,
}

const COLUMNS: &str = "a.id, a.account_id, a.channel, a.job_key, a.processed_job_id, a.accepted_at, a.version,
  a.state, a.epoch, a.worker, a.lease_until, a.attempts, a.lost_leases, a.logins_renewed, a.not_before, a.blocked,
  a.cutoff, a.deadline, a.processed_at, a.applied_at, a.submitted_at, a.permit_closed_at, a.negative_reads,
  a.look_at, a.code, a.message, i.worker, i.epoch, i.at, i.answer_by, i.closed, i.terms_sha256, a.key_id,
  a.ceiling_connects, a.policy, a.approve_by, a.opened_until, a.approval_sha256, a.approval_expires_at,
  a.preview_expires_at";

fn read(row: &Row<'_>) -> Result<Application, Error> {
    let intent = match row.opt_text(26)? {
        None => None,
        Some(worker) => Some(Intent {
            worker,
            epoch: row.int(27)?,
            at: row.int(28)?,
            answer_by: row.int(29)?,
            closed: row.parsed(30, Closed::parse)?,
            terms_sha256: row.text(31)?,
        }),
    };
    let approval = match row.opt_text(37)? {
        None => None,
        Some(sha256) => Some(Approval { sha256, expires_at: row.int(38)? }),
    };
    let progress = Progress {
        policy: row.parsed(34, Policy::parse)?,
        state: row.parsed(7, State::parse)?,
        epoch: row.int(8)?,
        worker: row.opt_text(9)?,
        lease_until: row.opt_int(10)?,
        attempts: row.int(11)?,
        lost_leases: row.int(12)?,
        logins_renewed: row.int(13)?,
        not_before: row.int(14)?,
        blocked: row.opt_parsed(15, Code::parse)?,
        cutoff: row.int(16)?,
        deadline: row.int(17)?,
        approve_by: row.int(35)?,
        opened_until: row.opt_int(36)?,
        approval,
        processed_at: row.opt_int(18)?,
        applied_at: row.opt_int(19)?,
        submitted_at: row.opt_int(20)?,
        permit_closed_at: row.opt_int(21)?,
        negative_reads: row.int(22)?,
        look_at: row.opt_int(23)?,
        intent,
        code: row.opt_parsed(24, Code::parse)?,
        message: row.opt_text(25)?,
    };
    Ok(Application {
        id: row.parsed(0, QueueId::parse)?,
        account: row.parsed(1, AccountId::parse)?,
        channel: row.parsed(2, Channel::parse)?,
        job: row.parsed(3, JobKey::parse)?,
        processed_job_id: row.text(4)?,
        key: row.opt_parsed(32, KeyId::parse)?,
        ceiling_connects: row.opt_int(33)?,
        preview_expires_at: row.opt_int(39)?,
        accepted_at: row.int(5)?,
        version: row.int(6)?,
        progress,
        has_ended: false,
    })
}

impl Application {
    /// What a poller sees of it.
    #[must_use]
    pub fn answer(&self) -> StatusAnswer {
        answer(
            self.progress.state,
            StatusAnswer {
                job_id: self.job.as_str().to_owned(),
                processed_job_id: self.processed_job_id.clone(),
                application_status: ApplicationStatus::Processing,
                application_status_message: String::new(),
                queue_id: self.id.as_str().to_owned(),
                applied_at: self.progress.applied_at,
                processed_at: self.progress.processed_at,
                error_message: self.progress.message.clone(),
            },
            self.channel,
        )
    }

    /// The same with what the status cache needs.
    #[must_use]
    pub fn status(&self) -> Status {
        Status { answer: self.answer(), version: self.version, due_at: due_at(&self.progress) }
    }
}

/// Fills in status and message: the rest stands as stored.
fn answer(state: State, stored: StatusAnswer, channel: Channel) -> StatusAnswer {
    let status = state.status();
    let message = match (status, channel) {
        (ApplicationStatus::Processing, _) if state == State::AwaitingApproval => {
            "Waiting for approval by a person"
        }
        (ApplicationStatus::Processing, Channel::Desk) => "Waiting for a person to submit",
        (ApplicationStatus::Processing, _) => "Application is being submitted",
        (ApplicationStatus::Applied, _) => "Successfully applied via auto-apply",
        (ApplicationStatus::Failed, _) => "Application failed",
        (ApplicationStatus::NotAvailable, _) => "Job is no longer available",
        (ApplicationStatus::NotEligible, _) => "Agency profile does not meet the job requirements",
        (ApplicationStatus::NotEnoughConnects, _) => "Not enough Connects for this job",
        (ApplicationStatus::LoggedOut, _) => "Account connection was lost, nothing was submitted",
    };
    StatusAnswer { application_status: status, application_status_message: message.to_owned(), ..stored }
}

/// One application.
///
/// # Errors
/// The store's.
pub fn load(tx: &Tx<'_>, id: &QueueId) -> Result<Option<Application>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM application a LEFT JOIN intent i ON i.application_id = a.id WHERE a.id = ?1"
    );
    tx.one(&sql, values![id.as_str()], read)
}

/// The request as it arrived.
///
/// # Errors
/// The store's.
pub fn request(tx: &Tx<'_>, id: &QueueId) -> Result<Option<String>, Error> {
    tx.one("SELECT request FROM application WHERE id = ?1", values![id.as_str()], |row| row.text(0))
}

/// What [`read_status`] reads.
pub(crate) const STATUS_COLUMNS: &str =
    "id, channel, job_key, processed_job_id, state, processed_at, applied_at, message, version, due_at";

pub(crate) fn read_status(row: &Row<'_>) -> Result<Status, Error> {
    let stored = StatusAnswer {
        queue_id: row.text(0)?,
        job_id: row.text(2)?,
        processed_job_id: row.text(3)?,
        application_status: ApplicationStatus::Processing,
        application_status_message: String::new(),
        processed_at: row.opt_int(5)?,
        applied_at: row.opt_int(6)?,
        error_message: row.opt_text(7)?,
    };
    let state = row.parsed(4, State::parse)?;
    Ok(Status {
        answer: answer(state, stored, row.parsed(1, Channel::parse)?),
        version: row.int(8)?,
        due_at: row.opt_int(9)?,
    })
}

/// The status of an application of this account.
///
/// # Errors
/// The store's.
pub fn status(tx: &Tx<'_>, account: &AccountId, id: &QueueId) -> Result<Option<Status>, Error> {
    tx.one(
        &format!("SELECT {STATUS_COLUMNS} FROM application WHERE id = ?1 AND account_id = ?2"),
        values![id.as_str(), account.as_str()],
        read_status,
    )
}

/// The status of the newest application of this account for a job.
///
/// # Errors
/// The store's.
pub fn status_of_job(tx: &Tx<'_>, account: &AccountId, job: &JobKey) -> Result<Option<Status>, Error> {
    let of_job = values![account.as_str(), job.as_str()];
    let barring = tx.one(
        &format!(
            "SELECT {STATUS_COLUMNS} FROM application WHERE account_id = ?1 AND job_key = ?2 AND {BARS}"
        ),
        of_job,
        read_status,
    )?;
    let ended = tx.one(
        &format!(
            "SELECT {STATUS_COLUMNS} FROM application WHERE account_id = ?1 AND job_key = ?2 AND {ENDED}
             ORDER BY id DESC LIMIT 1"
        ),
        of_job,
        read_status,
    )?;
    // Ids grow with time.
    Ok([barring, ended].into_iter().flatten().max_by(|a, b| a.answer.queue_id.cmp(&b.answer.queue_id)))
}

/// The job that this account knows by a UUID.
///
/// # Errors
/// The store's.
pub fn job_of_uuid(tx: &Tx<'_>, account: &AccountId, uuid: &str) -> Result<Option<JobKey>, Error> {
    tx.one(
        "SELECT job_key FROM application WHERE account_id = ?1 AND processed_job_id = ?2 LIMIT 1",
        values![account.as_str(), uuid],
        |row| row.parsed(0, JobKey::parse),
    )
}

/// The condition of the index `application_job_guard`, word for word, so that the index serves it.
pub(crate) const BARS: &str = "((state <> 'failed' AND state <> 'not_available' AND state <> 'not_eligible'
    AND state <> 'not_enough_connects' AND state <> 'logged_out')
  OR (code = 'unresolved' AND guard_cleared_at IS NULL))";
/// The condition of the index `application_ended`, likewise.
pub(crate) const ENDED: &str = "(state = 'failed' OR state = 'not_available' OR state = 'not_eligible'
    OR state = 'not_enough_connects' OR state = 'logged_out')";
/// The condition of the index `application_slot`, likewise.
const HOLDS_SLOT: &str = "channel <> 'desk' AND (state = 'leased' OR state = 'armed' OR state = 'intent'
    OR state = 'submitted' OR state = 'verifying'
    OR (opened_until IS NOT NULL AND (state = 'awaiting_approval' OR state = 'queued')))";

/// The application that holds its account's slot, if one does.
pub(crate) fn in_slot(tx: &Tx<'_>, account: &AccountId) -> Result<Option<QueueId>, Error> {
    tx.one(
        &format!("SELECT id FROM application WHERE account_id = ?1 AND {HOLDS_SLOT}"),
        values![account.as_str()],
        |row| row.parsed(0, QueueId::parse),
    )
}

/// How many of an account a new one would have before it: what is queued, and what holds the slot.
pub(crate) fn ahead(tx: &Tx<'_>, account: &AccountId) -> Result<i64, Error> {
    let queued = tx.one(
        // Not by the account, which may have any number, but by what is queued: that is only read from its index.
        "SELECT count(*) FROM application WHERE coalesce(account_id, '') = ?1 AND state = 'queued' AND channel <> 'desk'",
        values![account.as_str()],
        |row| row.int(0),
    )?;
    Ok(queued.unwrap_or(0) + i64::from(in_slot(tx, account)?.is_some()))
}

/// Whether the one send of the account is ready or under way: its login must not change under it.
pub(crate) fn is_submitting(tx: &Tx<'_>, account: &AccountId) -> Result<bool, Error> {
    let found = tx.one(
        &format!(
            "SELECT 1 FROM application WHERE account_id = ?1 AND {HOLDS_SLOT}
             AND (state = 'armed' OR state = 'intent') LIMIT 1"
        ),
        values![account.as_str()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// How many submissions of an account are about to be made, or of an outcome that reads may still settle.
///
/// # Errors
/// The store's.
pub fn unsettled(tx: &Tx<'_>, account: &AccountId) -> Result<i64, Error> {
    let count = tx.one(
        // Each from its index: what is armed has an end, and few intents stay open.
        "SELECT count(*) FROM (SELECT coalesce(id, '') AS id FROM application
             WHERE due_at IS NOT NULL AND state = 'armed' AND coalesce(account_id, '') = ?1
           UNION SELECT application_id FROM intent WHERE account_id = ?1 AND closed = 'open' AND NOT EXISTS
             (SELECT 1 FROM application a WHERE a.id = application_id AND a.code = 'unresolved')) AS unsettled",
        values![account.as_str()],
        |row| row.int(0),
    )?;
    Ok(count.unwrap_or(0))
}

/// The application that speaks for a job: the one that bars another, else the newest.
pub(crate) struct Foremost {
    pub(crate) id: QueueId,
    pub(crate) state: State,
    pub(crate) processed_job_id: String,
    pub(crate) bars: bool,
}

/// A recovered application may bar its job although a later one has come and ended.
pub(crate) fn foremost(tx: &Tx<'_>, account: &AccountId, job: &JobKey) -> Result<Option<Foremost>, Error> {
    let of_job = values![account.as_str(), job.as_str()];
    let columns =
        "SELECT id, state, processed_job_id FROM application WHERE account_id = ?1 AND job_key = ?2";
    let barring = tx.one(&format!("{columns} AND {BARS}"), of_job, |row| read_foremost(row, true))?;
    match barring {
        Some(barring) => Ok(Some(barring)),
        None => {
            let newest = format!("{columns} AND {ENDED} ORDER BY id DESC LIMIT 1");
            tx.one(&newest, of_job, |row| read_foremost(row, false))
        }
    }
}

fn read_foremost(row: &Row<'_>, bars: bool) -> Result<Foremost, Error> {
    Ok(Foremost {
        id: row.parsed(0, QueueId::parse)?,
        state: row.parsed(1, State::parse)?,
        processed_job_id: row.text(2)?,
        bars,
    })
}

/// A new row, in the state of its progress.
pub(crate) fn insert(tx: &Tx<'_>, new: &Application, request: &str) -> Result<(), Error> {
    let p = &new.progress;
    tx.tell();
    tx.execute(
        "INSERT INTO application (id, account_id, channel, job_key, processed_job_id, accepted_at, version, state,
           epoch, attempts, lost_leases, logins_renewed, not_before, cutoff, deadline, negative_reads, due_at, request,
           key_id, ceiling_connects, policy, approve_by, approval_sha256, approval_expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, 0, ?10, ?11, ?12, 0, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
        values![
            new.id.as_str(),
            new.account.as_str(),
            new.channel.as_str(),
            new.job.as_str(),
            &new.processed_job_id,
            new.accepted_at,
            new.version,
            p.state.as_str(),
            p.epoch,
            p.not_before,
            p.cutoff,
            p.deadline,
            due_at(p),
            request,
            new.key.as_ref().map(KeyId::as_str),
            new.ceiling_connects,
            p.policy.as_str(),
            p.approve_by,
            p.approval.as_ref().map(|given| given.sha256.as_str()),
            p.approval.as_ref().map(|given| given.expires_at)
        ],
    )?;
    Ok(())
}

/// Writes the next progress over the one that was read; `false` when the row is no longer that one.
pub(crate) fn update(tx: &Tx<'_>, was: &Application, next: &Progress) -> Result<bool, Error> {
    let is_over = next.state.is_terminal() && next.state != State::Unknown;
    if next.state == State::Queued {
        tx.tell();
    }
    let changed = tx.execute(
        "UPDATE application SET version = version + 1, state = ?4, epoch = ?5, worker = ?6, lease_until = ?7,
           attempts = ?8, lost_leases = ?9, logins_renewed = ?10, not_before = ?11, blocked = ?12, cutoff = ?13,
           deadline = ?14, processed_at = ?15, applied_at = ?16, submitted_at = ?17, permit_closed_at = ?18,
           negative_reads = ?19, look_at = ?20, due_at = ?21, code = ?22, message = ?23, policy = ?24,
           opened_until = ?25, approval_sha256 = ?26, approval_expires_at = ?27, ended_at = ?28
         WHERE id = ?1 AND state = ?2 AND epoch = ?3",
        values![
            was.id.as_str(),
            was.progress.state.as_str(),
            was.progress.epoch,
            next.state.as_str(),
            next.epoch,
            next.worker.as_deref(),
            next.lease_until,
            next.attempts,
            next.lost_leases,
            next.logins_renewed,
            next.not_before,
            next.blocked.map(Code::as_str),
            next.cutoff,
            next.deadline,
            next.processed_at,
            next.applied_at,
            next.submitted_at,
            next.permit_closed_at,
            next.negative_reads,
            next.look_at,
            due_at(next),
            next.code.map(Code::as_str),
            next.message.as_deref(),
            next.policy.as_str(),
            next.opened_until,
            next.approval.as_ref().map(|given| given.sha256.as_str()),
            next.approval.as_ref().map(|given| given.expires_at),
            is_over.then(|| tx.now())
        ],
    )?;
    Ok(changed == 1)
}

/// For each application that was taken up, how long it had waited, in milliseconds; the last 10,000.
///
/// # Errors
/// The store's.
pub fn pickups_ms(tx: &Tx<'_>) -> Result<Vec<i64>, Error> {
    tx.all(
        "SELECT processed_at - accepted_at FROM application WHERE processed_at IS NOT NULL ORDER BY id DESC LIMIT 10000",
        values![],
        |row| row.int(0),
    )
}
