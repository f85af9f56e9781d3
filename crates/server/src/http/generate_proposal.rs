//! `POST /api/auto-apply-v2/generate-proposal`: uphunt-api.md §9.

use std::sync::Arc;

use applyd_core::job_ref::JobRef;
use applyd_core::json;
use applyd_core::letter::{Job, Order, Subject};
use applyd_core::refusal::Refusal;
use applyd_store::api_key::Holder;
use applyd_store::{Error, feed, letter};
use applyd_wire::{ErrorAnswer, LetterAnswer, LetterRequest};
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::App;
use super::account::Caller;
use super::answer::json as answer;
use super::apply::mistyped;
use super::body::Whole;
use super::jobs;
use super::refused::Refused;
use crate::letter::{Letter, Unwritten};

/// Writes a cover letter for a job.
///
/// No credit is spent. The answer is there within 25 seconds. Read the letter before you send it: a model wrote it,
/// or a template if `model` says so.
#[utoipa::path(
    post, path = "/api/auto-apply-v2/generate-proposal", tag = "applications",
    request_body(content = LetterRequest, example = json!({
        "jobTitle": "Rust engineer", "jobDescription": "Our ordering page is slow, and we need it fast.",
        "reasoningEffort": "medium",
    })),
    responses(
        (status = 200, description = "Usable as `coverLetter`", body = LetterAnswer),
        (status = 404, description = "The job is not known", body = ErrorAnswer),
        (status = 422, description = "Well-formed but senseless: `field` names it", body = ErrorAnswer),
        (status = 503, description = "The model cannot be asked, or wrote nothing usable; `Retry-After` says when to come back",
            body = ErrorAnswer),
    ),
)]
pub(crate) async fn generate_proposal(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    Whole(body): Whole,
) -> Result<Response, Refused> {
    let end = Instant::now() + app.letters.timeout;
    let members = json::object(&body)?;
    let request: LetterRequest =
        serde_path_to_error::deserialize(Value::Object(members)).map_err(mistyped)?;
    let order = Order::parse(request)?;
    let effort = order.effort;
    let written = timeout_at(end, write(&app, &holder, order, end)).await;
    let letter = written.unwrap_or_else(|_| Err(none(&holder, &"it was not there in time", None)))?;
    remember(&app, &holder, &letter).await?;
    let Letter { text, model, .. } = letter;
    let told = LetterAnswer { proposal: text, model, reasoning_effort: effort.as_str().to_owned() };
    Ok(answer(StatusCode::OK, &told))
}

async fn write(app: &App, holder: &Holder, order: Order, end: Instant) -> Result<Letter, Refused> {
    let feed = match order.feed {
        Some(name) => Some(feed_text(app, holder, name).await?),
        None => None,
    };
    let job = match order.subject {
        Subject::Given(job) => job,
        Subject::Named(job) => job_text(app, holder, job).await?,
    };
    app.letters.write(&job, feed.as_deref(), order.effort, end).await.map_err(|unwritten| {
        let after = if let Unwritten::Away { after, .. } = &unwritten { *after } else { None };
        none(holder, &unwritten, after.map(|after| after.as_secs().max(1) as i64))
    })
}

async fn feed_text(app: &App, holder: &Holder, name: String) -> Result<String, Refused> {
    let account = holder.account.clone();
    let text = app.store.read(move |tx| feed::text(tx, &account, &name)).await?;
    text.ok_or_else(|| Refusal::meaning("feedId", "`feedId` is not a feed of this account").into())
}

/// The text of a job by its id; one without any is nothing to write about.
async fn job_text(app: &App, holder: &Holder, job: JobRef) -> Result<Job, Refused> {
    let document = jobs::read(app, holder, job).await?.document;
    let description = document.job.opening.description.as_deref().unwrap_or_default();
    Job::told(document.title(), description).ok_or(Refused::UnknownJob)
}

/// An approver is told later that the letter was generated; its text is kept nowhere.
async fn remember(app: &App, holder: &Holder, letter: &Letter) -> Result<(), Error> {
    tracing::info!(
        account = holder.account.as_str(),
        model = letter.model,
        prompt_tokens = letter.tokens.prompt,
        completion_tokens = letter.tokens.completion,
        "a letter was written"
    );
    let (account, text, model) = (holder.account.clone(), letter.text.clone(), letter.model.clone());
    app.store.write(move |tx| letter::remember(tx, &account, &text, &model)).await
}

/// 503; why is for the operator's log.
fn none(holder: &Holder, reason: &dyn std::fmt::Display, retry_after_s: Option<i64>) -> Refused {
    tracing::warn!(account = holder.account.as_str(), %reason, "no letter was written");
    Refused::NoLetter { retry_after_s }
}
