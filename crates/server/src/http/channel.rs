//! Reads of the account's channel while a caller waits.

use std::time::Duration;

use applyd_core::ids::AccountId;
use applyd_core::job_ref::{JobKey, JobRef};
use applyd_core::outcome::{Code, Trouble};
use applyd_store::account::Channel;
use applyd_store::api_key::Holder;
use applyd_store::stored_job::{self, Contents, StoredJob};
use applyd_store::{Error, Tx, freelancer};
use applyd_upwork::JobDocument;

use super::App;
use super::refused::Refused;

/// A little less than the 30 s that SDKs wait.
pub(super) const CALLER_WAIT: Duration = Duration::from_secs(25);

/// Waits for a read as long as a caller can. What is no answer within that, or passes, is a 503.
pub(super) async fn awaited<T>(read: impl Future<Output = Result<T, Trouble>>) -> Result<T, Refused> {
    let read = tokio::time::timeout(CALLER_WAIT, read).await;
    let trouble = match read {
        Ok(Ok(read)) => return Ok(read),
        Ok(Err(trouble)) => trouble,
        Err(_) => Trouble::passing("no answer in time"),
    };
    match &trouble {
        // The account cannot see it.
        Trouble::End(ending) if matches!(ending.code, Code::JobClosed | Code::Refused) => {
            Err(Refused::UnknownJob)
        }
        Trouble::Passing { after_ms: Some(after_ms), .. } => {
            Err(Refused::ChannelBusy { retry_after_s: after_ms.div_euclid(1000) + 1 })
        }
        _ => {
            tracing::warn!(?trouble, "a caller's read of the channel failed");
            Err(Refused::ChannelUnreachable)
        }
    }
}

/// Reads a job from the channel and stores it.
pub(super) async fn fetch(app: &App, holder: &Holder, job: &JobKey) -> Result<Read, Refused> {
    let document = document(app, holder, job).await?;
    save(app, holder, job.clone(), document).await
}

/// Whether a job's key says its number, or needs none on this channel.
pub(super) fn has_number(channel: Channel, job: &JobRef) -> bool {
    match job {
        JobRef::Key(key) => channel != Channel::Upwork || key.numeric().is_some(),
        JobRef::Processed(_) => true,
    }
}

/// A job whose `~01…` id says nothing of its number is looked up for it on `upwork`, once, so that it has one key there.
pub(super) async fn numbered(app: &App, holder: &Holder, job: JobRef) -> Result<JobRef, Refused> {
    if has_number(holder.channel, &job) {
        return Ok(job);
    }
    let JobRef::Key(named) = &job else { return Ok(job) };
    let (account, asked) = (holder.account.clone(), named.clone());
    let known = app.store.read(move |tx| stored_job::number(tx, &account, &asked)).await?;
    if let Some(known) = known {
        return Ok(JobRef::Key(known));
    }
    let document = document(app, holder, named).await?;
    let number = JobKey::from_numeric(&document.job.opening.info.id).ok_or(Refused::ChannelUnreachable)?;
    let (account, asked, found) = (holder.account.clone(), named.clone(), number.clone());
    app.store.write(move |tx| stored_job::save_number(tx, &account, &asked, &found)).await?;
    save(app, holder, number.clone(), document).await?;
    Ok(JobRef::Key(number))
}

async fn document(app: &App, holder: &Holder, job: &JobKey) -> Result<JobDocument, Refused> {
    // The desk has no reads.
    let marketplace = app.marketplaces.of(holder.channel).ok_or(Refused::UnknownJob)?;
    let account = holder.account.clone();
    let reader = app.store.read(move |tx| freelancer::profile(tx, &account, None)).await?;
    // Nobody is linked who could read.
    let reader = reader.ok_or(Refused::ChannelUnreachable)?.grantee(holder.channel, &holder.account);
    awaited(marketplace.read_job(&reader, job)).await
}

async fn save(app: &App, holder: &Holder, job: JobKey, document: JobDocument) -> Result<Read, Refused> {
    let (account, channel) = (holder.account.clone(), holder.channel);
    let fresh_job_id = fresh_job_id();
    let stored = app
        .store
        .write(move |tx| {
            let text = written(&document)?;
            stored_job::save(tx, &account, channel, &job, &fresh_job_id, contents(&document, &text))
        })
        .await?;
    Ok(Read::of(stored)?)
}

/// A stored job, read back.
pub(super) struct Read {
    pub(super) stored: StoredJob,
    pub(super) document: JobDocument,
}

impl Read {
    pub(super) fn of(stored: StoredJob) -> Result<Self, Error> {
        let document = serde_json::from_str(&stored.document).map_err(damaged)?;
        Ok(Self { stored, document })
    }
}

/// What the store keeps beside the whole.
pub(super) fn contents<'a>(document: &'a JobDocument, text: &'a str) -> Contents<'a> {
    Contents {
        company_id: document.buyer.company.company_id.as_deref(),
        title: document.title(),
        document: text,
    }
}

/// The whole as the store keeps it.
pub(super) fn written(document: &JobDocument) -> Result<String, Error> {
    serde_json::to_string(document).map_err(damaged)
}

/// A UUID for a job that the account has not met.
pub(super) fn fresh_job_id() -> String {
    uuid::Builder::from_random_bytes(fastrand::u128(..).to_be_bytes()).into_uuid().to_string()
}

/// A job that may be shown as it is stored.
pub(super) fn fresh(tx: &Tx<'_>, account: &AccountId, job: &JobKey) -> Result<Option<StoredJob>, Error> {
    Ok(stored_job::find(tx, account, job)?.filter(|stored| stored.is_fresh(tx.now())))
}

fn damaged(error: serde_json::Error) -> Error {
    Error::Damaged(format!("a stored job: {error}"))
}
