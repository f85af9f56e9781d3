//! `GET /api/jobs/by-ciphertext`: uphunt-api.md §11.

use std::sync::Arc;

use applyd_core::job_ref::JobRef;
use applyd_core::refusal::Refusal;
use applyd_store::account::Channel;
use applyd_store::api_key::Holder;
use applyd_store::{Error, stored_job};
use applyd_wire::{
    AuthJobDetailsData, AuthJobDetailsResponse, ErrorAnswer, JobAnswer, JobDetailsData, JobDetailsResponse,
};
use axum::extract::{RawQuery, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;

use super::App;
use super::account::Caller;
use super::answer::json;
use super::channel::{Read, fetch, fresh, numbered};
use super::query::find;
use super::refused::Refused;

/// Shows one job.
///
/// It is read from the marketplace when it was not within the last 24 hours. Costs no credit.
#[utoipa::path(
    get, path = "/api/jobs/by-ciphertext", tag = "data",
    params(("cipher" = String, Query, description = "Ciphertext of the job; a URL or the UUID of an answer will do")),
    responses(
        (status = 200, description = "What is unknown is null", body = JobAnswer),
        (status = 400, description = "`cipher` is missing", body = ErrorAnswer),
        (status = 404, description = "No such job, or the account cannot see it", body = ErrorAnswer),
    ),
)]
pub(crate) async fn job(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let shown = shown(&app, &holder, query.as_deref().unwrap_or_default()).await;
    shown.map(|shown| json(StatusCode::OK, &shown)).map_err(Refused::coded)
}

async fn shown(app: &App, holder: &Holder, query: &str) -> Result<JobAnswer, Refused> {
    let cipher = find(query, "cipher").filter(|cipher| !cipher.is_empty());
    let cipher = cipher.ok_or_else(|| Refusal::shape("cipher", "`cipher` is required"))?;
    // What cannot be an id is unknown like any other.
    let job = JobRef::parse(&cipher).ok_or(Refused::UnknownJob)?;
    Ok(answer(read(app, holder, job).await?))
}

/// A job that this account may name, as it is stored or as the channel tells it.
pub(super) async fn read(app: &App, holder: &Holder, job: JobRef) -> Result<Read, Refused> {
    if holder.channel == Channel::Desk {
        return Err(Refused::UnknownJob);
    }
    let job = numbered(app, holder, job).await?;
    let (account, channel) = (holder.account.clone(), holder.channel);
    let known = app
        .store
        .read(move |tx| {
            let Some(key) = stored_job::resolve(tx, &account, channel, &job)? else { return Ok(None) };
            let stored = fresh(tx, &account, &key)?;
            Ok::<_, Error>(Some((key, stored)))
        })
        .await?;
    match known.ok_or(Refused::UnknownJob)? {
        (_, Some(stored)) => Ok(Read::of(stored)?),
        (key, None) => fetch(app, holder, &key).await,
    }
}

fn answer(Read { stored, document }: Read) -> JobAnswer {
    JobAnswer {
        ciphertext: stored.job.as_str().to_owned(),
        processed_job_id: stored.processed_job_id,
        last_synced_at: stored.synced_at,
        job_details_response: JobDetailsResponse { data: JobDetailsData { job_pub_details: document.job } },
        auth_job_details_response: Some(AuthJobDetailsResponse {
            data: AuthJobDetailsData { job_auth_details: document.auth },
        }),
    }
}
