//! `POST /api/auto-apply-v2/apply`: uphunt-api.md §7.

use std::sync::Arc;

use applyd_core::draft::Draft;
use applyd_core::ids::QueueId;
use applyd_core::json;
use applyd_core::refusal::Refusal;
use applyd_core::state::State;
use applyd_core::time::DESK_MS;
use applyd_store::account::Channel;
use applyd_store::api_key::Holder;
use applyd_store::application::Application;
use applyd_store::queue::{self, Accept, New};
use applyd_store::{Error, Tx};
use applyd_wire::{ApplicationStatus, ApplyAnswer, ApplyRequest, ErrorAnswer};
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;

use super::App;
use super::account::Caller;
use super::answer::{Refused, UNAVAILABLE_RETRY_S, ready};
use super::body::Whole;
use super::idempotency::{Key, Replay};
use crate::failpoint;

const PATH: &str = "apply";

pub(crate) async fn apply(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<Response, Refused> {
    let members = json::object(&body)?;
    let key = Key::read(&headers, PATH, &members)?;
    let request: ApplyRequest = serde_path_to_error::deserialize(Value::Object(members)).map_err(mistyped)?;
    if let Some(replay) = earlier(&app, &holder, key.clone()).await? {
        return replay.answer();
    }
    let draft = Draft::parse(request)?;
    let new = new(&app, &holder, draft, &body)?;
    let decided = app.store.write(move |tx| decide(tx, new, key)).await?;
    failpoint::hit("accepted");
    told(&app, decided)
}

/// What the transaction came to.
enum Decided {
    Replay(Replay),
    Answer { status: StatusCode, body: String, accepted: Option<Box<Application>> },
    Refused(Refused),
}

/// Says what is wanted and not what was sent: that may be long, or a secret in the wrong place.
pub(super) fn mistyped(error: serde_path_to_error::Error<serde_json::Error>) -> Refusal {
    let field = error.path().to_string();
    let field = if field == "." { "body".to_owned() } else { field };
    let text = error.into_inner().to_string();
    let message = match text.rsplit_once(", expected ") {
        None => format!("`{field}`: {text}"),
        Some((_, "f64")) => format!("`{field}` must be a number"),
        Some((_, "i64")) => format!("`{field}` must be a whole number"),
        Some((_, wanted)) => format!("`{field}` must be {wanted}"),
    };
    Refusal::shape(field, message)
}

/// A replay goes before the judgement of the body, so the key is looked up before it.
async fn earlier(app: &App, holder: &Holder, key: Option<Key>) -> Result<Option<Replay>, Error> {
    let Some(key) = key else { return Ok(None) };
    let account = holder.account.clone();
    app.store.read(move |tx| key.replay(tx, &account)).await
}

fn new(app: &App, holder: &Holder, draft: Draft, body: &[u8]) -> Result<New, Refused> {
    let desk = holder.channel == Channel::Desk;
    Ok(New {
        id: QueueId::new(app.store.now(), fastrand::u128(..)),
        account: holder.account.clone(),
        channel: holder.channel,
        job: draft.job,
        profile: draft.terms.profile_id,
        fresh_job_id: uuid::Builder::from_random_bytes(fastrand::u128(..).to_be_bytes())
            .into_uuid()
            .to_string(),
        // The JSON was read from these bytes, so they are UTF-8.
        request: String::from_utf8_lossy(body).into_owned(),
        cutoff_ms: if desk { DESK_MS } else { app.timing.intent_cutoff_ms },
        deadline_ms: if desk { DESK_MS } else { app.timing.deadline_ms },
        one_takes_ms: (!desk).then(|| app.pace.of(&holder.account)),
    })
}

fn decide(tx: &Tx<'_>, new: New, key: Option<Key>) -> Result<Decided, Error> {
    let account = new.account.clone();
    if let Some(key) = &key
        && let Some(replay) = key.replay(tx, &account)?
    {
        return Ok(Decided::Replay(replay));
    }
    let (status, body, accepted) = match queue::accept(tx, new)? {
        Accept::UnknownProfile => {
            let refusal = Refusal::meaning("profileId", "`profileId` is not a profile of this account");
            return Ok(Decided::Refused(refusal.into()));
        }
        Accept::Full { retry_after_s } => {
            let error = "The queue of this account is full for now; nothing was accepted";
            return Ok(Decided::Refused(Refused::unavailable(error, retry_after_s)));
        }
        Accept::VerifyOnly => {
            let error = "The server only verifies until its operator has looked; nothing was accepted";
            return Ok(Decided::Refused(Refused::unavailable(error, UNAVAILABLE_RETRY_S)));
        }
        Accept::Accepted { application, available } => {
            (StatusCode::OK, text(&accepted(&application, available))?, Some(application))
        }
        Accept::UnknownJob => (StatusCode::NOT_FOUND, text(&ErrorAnswer::text("Job not found"))?, None),
        Accept::Barred { by, state } => (StatusCode::CONFLICT, text(&conflict(&by, state))?, None),
        Accept::NoCredit { available } => (StatusCode::PAYMENT_REQUIRED, text(&no_credit(available))?, None),
    };
    if let Some(key) = key {
        key.save(tx, &account, status, &body)?;
    }
    Ok(Decided::Answer { status, body, accepted })
}

fn told(app: &App, decided: Decided) -> Result<Response, Refused> {
    match decided {
        Decided::Replay(replay) => replay.answer(),
        Decided::Refused(refused) => Err(refused),
        Decided::Answer { status, body, accepted } => {
            if let Some(application) = accepted {
                app.cache.publish(&application);
                app.wakes.wake(&application.account);
            }
            Ok(ready(status, body.into()))
        }
    }
}

fn text(answer: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(answer).map_err(|error| Error::Damaged(error.to_string()))
}

fn accepted(application: &Application, available: i64) -> ApplyAnswer {
    ApplyAnswer {
        success: true,
        queue_id: application.id.as_str().to_owned(),
        job_id: application.job.as_str().to_owned(),
        processed_job_id: application.processed_job_id.clone(),
        application_status: ApplicationStatus::Processing,
        credits_remaining: available,
    }
}

fn conflict(by: &QueueId, state: State) -> ErrorAnswer {
    let status = state.status();
    let error = match status {
        ApplicationStatus::Applied => "Already applied to this job",
        ApplicationStatus::Processing => "An application for this job is in progress",
        _ => "The outcome of an earlier application for this job is unknown",
    };
    ErrorAnswer {
        queue_id: Some(by.as_str().to_owned()),
        application_status: Some(status),
        ..ErrorAnswer::text(error)
    }
}

fn no_credit(available: i64) -> ErrorAnswer {
    ErrorAnswer {
        credits_remaining: Some(available),
        needs_credits: Some(true),
        ..ErrorAnswer::text("Insufficient auto-apply credits")
    }
}
