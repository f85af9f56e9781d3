//! `GET /sandbox/submissions`: passes on what the stand-in counted. Not part of the UpHunt wire.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use applyd_core::job_ref::JobRef;
use applyd_core::refusal::Refusal;
use applyd_store::account::Channel;
use applyd_store::grant::{self, Grantee};
use applyd_store::stored_job;
use applyd_wire::{ErrorAnswer, SubmissionsAnswer};
use axum::extract::{RawQuery, State as Shared};
use axum::http::header::HOST;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::App;
use super::account::Caller;
use super::answer::ready;
use super::refused::Refused;

const WAIT: Duration = Duration::from_secs(10);
const LONGEST_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// What the sandbox marketplace counted for this account.
#[utoipa::path(
    get, path = "/sandbox/submissions", tag = "sandbox",
    params(("jobId" = Option<String>, Query, example = "~022900000000000001000",
        description = "Only this job, in any spelling")),
    responses(
        (status = 200, description = "The stand-in's own count", body = SubmissionsAnswer),
        (status = 400, description = "`jobId` is no job", body = ErrorAnswer),
        (status = 404, description = "Not an account of the channel sandbox", body = ErrorAnswer),
    ),
)]
pub(crate) async fn submissions(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    if holder.channel != Channel::Sandbox {
        return Err(Refused::NoSandbox);
    }
    let job = job(query.as_deref().unwrap_or_default())?;
    let (account, channel) = (holder.account.clone(), holder.channel);
    let (agency, job) = app
        .store
        .read(move |tx| {
            let agency =
                grant::load(tx, &Grantee::of_account(account.clone()))?.and_then(|grant| grant.org_uid);
            let job = job.as_ref().map(|job| stored_job::resolve(tx, &account, channel, job)).transpose()?;
            Ok::<_, applyd_store::Error>((agency, job))
        })
        .await?;
    let (Some(agency), false) = (agency, matches!(job, Some(None))) else {
        return Ok(ready(StatusCode::OK, r#"{"submissions":[]}"#.into()));
    };
    let mut url = app.sandbox.clone();
    url.query_pairs_mut().append_pair("agency", &agency);
    if let Some(Some(job)) = job {
        url.query_pairs_mut().append_pair("jobId", job.as_str());
    }
    let counted = tokio::time::timeout(WAIT, counted(&url)).await.unwrap_or_else(|late| Err(late.into()));
    let counted = counted.map_err(|error| {
        tracing::warn!(%error, "the stand-in did not tell its counts");
        Refused::SandboxUnreachable
    })?;
    Ok(ready(StatusCode::OK, counted))
}

fn job(query: &str) -> Result<Option<JobRef>, Refusal> {
    let given = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "jobId");
    given
        .map(|(_, job)| JobRef::parse(&job).ok_or_else(|| Refusal::shape("jobId", "`jobId` is no job")))
        .transpose()
}

/// The stand-in is on loopback and speaks plain HTTP, so a bare connection does.
async fn counted(url: &url::Url) -> std::io::Result<Bytes> {
    let authority = url.authority();
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let target = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    let request =
        Request::get(target).header(HOST, authority).body(Empty::<Bytes>::new()).map_err(io::Error::other)?;
    let answer = async move {
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        if !response.status().is_success() {
            return Err(io::Error::other(format!("HTTP {}", response.status())));
        }
        let body = Limited::new(response.into_body(), LONGEST_ANSWER_BYTES).collect();
        Ok(body.await.map_err(io::Error::other)?.to_bytes())
    };
    let (answer, _) = tokio::join!(answer, connection);
    answer
}
