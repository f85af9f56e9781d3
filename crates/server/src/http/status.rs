//! `GET /api/auto-apply-v2/status`: uphunt-api.md §2.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::job_ref::JobRef;
use applyd_core::refusal::Refusal;
use applyd_store::Error;
use applyd_store::api_key::Holder;
use applyd_store::application::{self, Status};
use applyd_store::{queue, stored_job};
use applyd_wire::{ErrorAnswer, StatusAnswer};
use axum::extract::{RawQuery, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::Response;

use super::App;
use super::account::Caller;
use super::answer::ready;
use super::refused::Refused;
use super::unless::Unless;
use super::wait;
use crate::status_cache::Answer;

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
        ("queueId" = Option<String>, Query, example = "queue_01JD8Z0R7N5Q3T9V2X4B6C8D0F",
            description = "The id that apply answered; this or `jobId`, not both"),
        ("jobId" = Option<String>, Query, description = "Ciphertext, URL or UUID of the job; the newest application counts"),
        ("wait" = Option<u32>, Query, maximum = 60, description = "Hold the answer for up to so many seconds, until the status is an end or, with `If-None-Match`, until it differs"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer"),
    ),
    responses(
        (status = 200, description = "Always these eight keys", body = StatusAnswer,
            headers(("ETag" = String, description = "Strong: changes with any of the eight values"))),
        (status = 304, description = "As the `ETag` in `If-None-Match` says"),
        (status = 400, description = "Neither id, or both", body = ErrorAnswer),
        (status = 404, description = "No such application of this account", body = ErrorAnswer),
        (status = 422, description = "`wait` is no whole number from 0 to 60", body = ErrorAnswer),
    ),
)]
pub(crate) async fn status(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    unless: Unless,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let (asked, wait) = asked(query.as_deref().unwrap_or_default())?;
    let found = match asked {
        Asked::Queue(id) => current(&app, &holder.account, &id).await?.map(|answer| (id, answer)),
        Asked::Job(job) => of_job(&app, &holder, job).await?,
        Asked::Nothing => None,
    };
    let (id, answer) = found.ok_or(Refused::UnknownApplication)?;
    // Most do not wait, and need no room for it.
    let answer = if wait.is_zero() {
        answer
    } else {
        Box::pin(wait::hold(&app, &holder.account, &id, answer, wait, &unless)).await?
    };
    Ok(told(answer, &unless))
}

fn told(answer: Answer, unless: &Unless) -> Response {
    let mut response = if unless.has(&answer.etag) {
        let mut unchanged = Response::default();
        *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
        unchanged
    } else {
        ready(StatusCode::OK, answer.body)
    };
    response.headers_mut().insert(header::ETAG, answer.etag);
    response
}

fn asked(query: &str) -> Result<(Asked, Duration), Refusal> {
    let (mut queue, mut job, mut wait) = (None, None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let asked: &mut Option<Cow<'_, str>> = match &*name {
            "queueId" => &mut queue,
            "jobId" => &mut job,
            "wait" => &mut wait,
            _ => continue,
        };
        asked.get_or_insert(value);
    }
    let asked = match (queue, job) {
        (Some(id), None) => QueueId::parse(&id).map_or(Asked::Nothing, Asked::Queue),
        (None, Some(job)) => JobRef::parse(&job).map_or(Asked::Nothing, Asked::Job),
        _ => return Err(Refusal::shape("queueId", "Provide either queueId or jobId, not both")),
    };
    Ok((asked, wait.map_or(Ok(Duration::ZERO), |text| wait::parse(&text))?))
}

/// The status of an account's application as it is now.
pub(crate) async fn current(
    app: &Arc<App>,
    account: &AccountId,
    id: &QueueId,
) -> Result<Option<Answer>, Error> {
    if let Some(ready) = app.news.answers.get(account, id, app.store.now()) {
        return Ok(Some(ready));
    }
    let (asker, asked) = (account.clone(), id.clone());
    let found = app.store.read(move |tx| application::status(tx, &asker, &asked)).await?;
    match found {
        Some(status) => Ok(Some(finalised(app, account, id, status).await?)),
        None => Ok(None),
    }
}

async fn of_job(app: &Arc<App>, holder: &Holder, job: JobRef) -> Result<Option<(QueueId, Answer)>, Error> {
    let (asker, channel) = (holder.account.clone(), holder.channel);
    let found = app
        .store
        .read(move |tx| match stored_job::resolve(tx, &asker, channel, &job)? {
            Some(key) => application::status_of_job(tx, &asker, &key),
            None => Ok(None),
        })
        .await?;
    let Some(status) = found else { return Ok(None) };
    let Some(id) = QueueId::parse(&status.answer.queue_id) else { return Ok(None) };
    let answer = finalised(app, &holder.account, &id, status).await?;
    Ok(Some((id, answer)))
}

/// What time has overtaken is ended here too, so that a reader needs no living worker or sweeper.
async fn finalised(
    app: &Arc<App>,
    account: &AccountId,
    id: &QueueId,
    status: Status,
) -> Result<Answer, Error> {
    if status.due_at.is_some_and(|due| due <= app.store.now()) {
        let (timing, leases, overdue) = (app.timing, Arc::clone(&app.leases), id.clone());
        let asker = account.clone();
        let (changed, current) = app
            .store
            .write(move |tx| {
                let changed =
                    queue::catch_up(tx, &overdue, &timing, |progress| leases.dead(&overdue, progress))?;
                // Where nothing was left to do, another was quicker: what was read is not how it stands.
                Ok::<_, Error>((changed, application::status(tx, &asker, &overdue)?))
            })
            .await?;
        if let Some(application) = changed {
            app.wakes.wake(account);
            return Ok(app.news.publish(&application));
        }
        return Ok(app.news.answers.put(account, id, &current.unwrap_or(status)));
    }
    Ok(app.news.answers.put(account, id, &status))
}
