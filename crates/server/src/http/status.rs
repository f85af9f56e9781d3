//! `GET /api/auto-apply-v2/status`: uphunt-api.md §2.

use std::sync::Arc;

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::job_ref::JobRef;
use applyd_core::refusal::Refusal;
use applyd_store::Error;
use applyd_store::api_key::Holder;
use applyd_store::application::{self, Status};
use applyd_store::queue;
use applyd_wire::{ErrorAnswer, StatusAnswer};
use axum::extract::{RawQuery, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;

use super::App;
use super::account::Caller;
use super::answer::ready;
use super::query::first;
use super::refused::Refused;

/// What is asked for.
enum Asked {
    Queue(QueueId),
    Job(JobRef),
    /// An id that cannot be one: answered as an unknown one.
    Nothing,
}

/// Tells how an application stands.
///
/// Settling usually takes 30 to 90 seconds and never more than 280, unless a person is waited for.
#[utoipa::path(
    get, path = "/api/auto-apply-v2/status", tag = "applications",
    params(
        ("queueId" = Option<String>, Query, description = "The id that apply answered; this or `jobId`, not both"),
        ("jobId" = Option<String>, Query, description = "Ciphertext, URL or UUID of the job; the newest application counts"),
    ),
    responses(
        (status = 200, description = "Always these eight keys", body = StatusAnswer),
        (status = 400, description = "Neither id, or both", body = ErrorAnswer),
        (status = 404, description = "No such application of this account", body = ErrorAnswer),
    ),
)]
pub(crate) async fn status(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let asked = asked(query.as_deref().unwrap_or_default())?;
    let body = match asked {
        Asked::Queue(id) => match app.cache.get(&holder.account, &id, app.store.now()) {
            Some(body) => Some(body),
            None => of_queue(&app, &holder.account, id).await?,
        },
        Asked::Job(job) => of_job(&app, &holder, job).await?,
        Asked::Nothing => None,
    };
    let body = body.ok_or(Refused::UnknownApplication)?;
    Ok(ready(StatusCode::OK, body))
}

fn asked(query: &str) -> Result<Asked, Refusal> {
    match (first(query, "queueId"), first(query, "jobId")) {
        (Some(id), None) => Ok(QueueId::parse(&id).map_or(Asked::Nothing, Asked::Queue)),
        (None, Some(job)) => Ok(JobRef::parse(&job).map_or(Asked::Nothing, Asked::Job)),
        _ => Err(Refusal::shape("queueId", "Provide either queueId or jobId, not both")),
    }
}

async fn of_queue(app: &Arc<App>, account: &AccountId, id: QueueId) -> Result<Option<Bytes>, Error> {
    let asker = account.clone();
    let found = app.store.read(move |tx| application::status(tx, &asker, &id)).await?;
    finalised(app, account, found).await
}

async fn of_job(app: &Arc<App>, holder: &Holder, job: JobRef) -> Result<Option<Bytes>, Error> {
    let (asker, channel) = (holder.account.clone(), holder.channel);
    let found = app
        .store
        .read(move |tx| match queue::resolve(tx, &asker, channel, &job)? {
            Some(key) => application::status_of_job(tx, &asker, &key),
            None => Ok(None),
        })
        .await?;
    finalised(app, &holder.account, found).await
}

/// What time has overtaken is ended here too, so that a reader needs no living worker or sweeper.
async fn finalised(
    app: &Arc<App>,
    account: &AccountId,
    found: Option<Status>,
) -> Result<Option<Bytes>, Error> {
    let Some(status) = found else { return Ok(None) };
    let Some(id) = QueueId::parse(&status.answer.queue_id) else { return Ok(None) };
    if status.due_at.is_some_and(|due| due <= app.store.now()) {
        let (timing, leases, overdue) = (app.timing, Arc::clone(&app.leases), id.clone());
        let now = app
            .store
            .write(move |tx| {
                queue::catch_up(tx, &overdue, &timing, |progress| leases.dead(&overdue, progress))
            })
            .await?;
        if let Some(application) = now {
            app.wakes.wake(account);
            return Ok(Some(app.cache.publish(&application)));
        }
    }
    Ok(Some(app.cache.put(account, &id, &status)))
}
