//! `POST /api/auto-apply-v2/apply`: uphunt-api.md §7.

use std::sync::Arc;

use applyd_core::approval::Policy;
use applyd_core::draft::{Draft, Sketch};
use applyd_core::ids::{AccountId, QueueId};
use applyd_core::job_ref::JobRef;
use applyd_core::json;
use applyd_core::refusal::Refusal;
use applyd_core::terms::Terms;
use applyd_store::account::Channel;
use applyd_store::api_key::Holder;
use applyd_store::application::Application;
use applyd_store::freelancer::{self, Chosen};
use applyd_store::queue::{self, Accept, New};
use applyd_store::{Error, Tx, letter};
use applyd_wire::{ApplicationStatus, ApplyAnswer, ApplyRequest, ErrorAnswer};
use axum::Extension;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value};

use super::App;
use super::account::Caller;
use super::answer::ready;
use super::body::Whole;
use super::channel::{fresh_job_id, has_number, numbered};
use super::idempotency::{Key, Replay};
use super::legacy::{self, Options};
use super::refused::Refused;
use super::rewrite::Legacy;
use crate::failpoint;

const PATH: &str = "apply";

/// Queues a proposal.
///
/// One credit is held until the application has ended. Poll the status by the `queueId`, or be told by a webhook.
#[utoipa::path(
    post, path = "/api/auto-apply-v2/apply", tag = "applications",
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[ -~]{1,255}$",
        description = "1 to 255 printable ASCII characters; a repeat of the same body gets the first answer again")),
    request_body(content = ApplyRequest, example = json!({
        "jobId": "~022052895097657407455", "coverLetter": "Hello, I would like to help with this.",
        "proposal": {"hourlyRate": 65, "timeline": "1 to 3 months"},
    })),
    responses(
        (status = 200, description = "Accepted; durable before this answer", body = ApplyAnswer,
            headers(("Idempotent-Replayed" = String, description = "`true` on a repeat")),
            links(("status" = (operation_id = "status", parameters(("queueId" = "$response.body#/queueId")))))),
        (status = 402, description = "No credit is available", body = ErrorAnswer, example = json!({
            "error": "Insufficient auto-apply credits", "creditsRemaining": 0, "needsCredits": true})),
        (status = 404, description = "The job is not known", body = ErrorAnswer),
        (status = 409, description = "An application for the job exists; its `queueId` is told", body = ErrorAnswer),
        (status = 422, description = "Well-formed but senseless: `field` names it", body = ErrorAnswer),
    ),
)]
pub(crate) async fn apply(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    legacy: Option<Extension<Legacy>>,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<Response, Refused> {
    let mut members = json::object(&body)?;
    let key = Key::read(&headers, PATH, &members)?;
    let options = if legacy.is_some() { legacy::adopt(&mut members)? } else { Options::Absent };
    let is_renamed = options == Options::Renamed;
    let refused = |refusal| if is_renamed { legacy::in_old_words(refusal) } else { refusal };
    // What is kept is what was sent, but for the name; the JSON was read from these bytes, so they are UTF-8.
    let kept = if is_renamed {
        serde_json::to_string(&members).map_err(|error| Error::Damaged(error.to_string()))?
    } else {
        String::from_utf8_lossy(&body).into_owned()
    };
    let sketch = read(members).and_then(Sketch::parse).map_err(refused)?;
    if let Some(replay) = earlier(&app, &holder, key.clone()).await? {
        return replay.answer();
    }
    options.alone()?;
    let draft = sketch.judge().map_err(refused)?;
    within_ceiling(&holder, &draft.terms).map_err(refused)?;
    let letter = draft.terms.cover_letter.clone();
    let job = found(&app, &holder, &draft).await?;
    let new = job.map(|job| new(&app, &holder, Draft { job, ..draft }, kept));
    let account = holder.account.clone();
    let decided =
        app.store.write(move |tx| decide(tx, &account, new.as_ref(), key.as_ref(), &letter)).await?;
    failpoint::hit("accepted");
    told(&app, decided)
}

/// What the transaction came to.
enum Decided {
    Replay(Replay),
    Answer { status: StatusCode, body: String, accepted: Option<Box<Application>> },
    Refused(Refused),
}

/// The request in a JSON object; pre-flight reads it the same way.
pub(super) fn read(members: Map<String, Value>) -> Result<ApplyRequest, Refusal> {
    serde_path_to_error::deserialize(Value::Object(members)).map_err(mistyped)
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

/// A replay goes before the judgement of what the body means, so the key is looked up before it.
async fn earlier(app: &App, holder: &Holder, key: Option<Key>) -> Result<Option<Replay>, Error> {
    let Some(key) = key else { return Ok(None) };
    let account = holder.account.clone();
    app.store.read(move |tx| key.replay(tx, &account)).await
}

/// The job, looked up where its number is not known; none where the channel has no such job.
async fn found(app: &App, holder: &Holder, draft: &Draft) -> Result<Option<JobRef>, Refused> {
    if has_number(holder.channel, &draft.job) {
        return Ok(Some(draft.job.clone()));
    }
    // What is meant is judged before which job it is.
    profile(app, holder, draft.terms.profile_id.clone()).await?;
    match numbered(app, holder, draft.job.clone()).await {
        Err(Refused::UnknownJob) => Ok(None),
        job => job.map(Some),
    }
}

fn new(app: &App, holder: &Holder, draft: Draft, request: String) -> New {
    let desk = holder.channel == Channel::Desk;
    New {
        id: QueueId::new(app.store.now(), fastrand::u128(..)),
        account: holder.account.clone(),
        channel: holder.channel,
        key: holder.key.clone(),
        policy: holder.policy,
        ceiling_connects: holder.ceiling_connects,
        job: draft.job,
        terms: draft.terms,
        fresh_job_id: fresh_job_id(),
        request,
        timing: app.timing,
        one_takes_ms: (!desk && holder.policy != Policy::Required).then(|| app.pace.of(&holder.account)),
    }
}

/// A key whose calls are decisions may not decide more than its operator has allowed.
pub(super) fn within_ceiling(holder: &Holder, terms: &Terms) -> Result<(), Refusal> {
    let Some(ceiling) = holder.ceiling_connects.filter(|_| holder.policy == Policy::ByRequest) else {
        return Ok(());
    };
    for (field, asked) in
        [("proposal.maxConnects", terms.max_connects), ("proposal.boostConnects", Some(terms.boost_connects))]
    {
        if asked.is_some_and(|asked| asked > ceiling) {
            let rule = format!("`{field}` must be at most {ceiling}, the ceiling of this key");
            return Err(Refusal::meaning(field, rule));
        }
    }
    Ok(())
}

/// The named profile, or the account's default one.
pub(super) async fn profile(app: &App, holder: &Holder, named: Option<String>) -> Result<Chosen, Refused> {
    let (account, is_named) = (holder.account.clone(), named.is_some());
    let chosen = app.store.read(move |tx| freelancer::profile(tx, &account, named.as_deref())).await?;
    Ok(chosen.ok_or_else(|| no_profile(is_named))?)
}

fn no_profile(named: bool) -> Refusal {
    let message = if named {
        "`profileId` is not a profile of this account"
    } else {
        "`profileId`: this account has no profile yet; its operator has to link or add a freelancer first"
    };
    Refusal::meaning("profileId", message)
}

/// `new` is none where the channel has no such job.
fn decide(
    tx: &Tx<'_>,
    account: &AccountId,
    new: Option<&New>,
    key: Option<&Key>,
    letter: &str,
) -> Result<Decided, Error> {
    if let Some(key) = key
        && let Some(replay) = key.replay(tx, account)?
    {
        return Ok(Decided::Replay(replay));
    }
    let named = new.is_some_and(|new| new.terms.profile_id.is_some());
    let accept = new.map_or(Ok(Accept::UnknownJob), |new| queue::accept(tx, new));
    let (status, body, accepted) = match accept? {
        Accept::UnknownProfile => return Ok(Decided::Refused(no_profile(named).into())),
        Accept::Full { retry_after_s } => {
            return Ok(Decided::Refused(Refused::QueueFull { retry_after_s }));
        }
        Accept::VerifyOnly => return Ok(Decided::Refused(Refused::VerifyOnly)),
        Accept::Accepted { application, available } => {
            letter::disclose(tx, account, &application.id, letter)?;
            (StatusCode::OK, text(&accepted(&application, available))?, Some(application))
        }
        Accept::UnknownJob => refused(&Refused::UnknownJob)?,
        Accept::Barred { by, state } => {
            refused(&Refused::Barred { queue_id: by.as_str().to_owned(), status: state.status() })?
        }
        Accept::NoCredit { available } => refused(&Refused::NoCredit { available })?,
    };
    if let Some(key) = key {
        key.save(tx, account, status, &body)?;
    }
    Ok(Decided::Answer { status, body, accepted })
}

fn told(app: &App, decided: Decided) -> Result<Response, Refused> {
    match decided {
        Decided::Replay(replay) => replay.answer(),
        Decided::Refused(refused) => Err(refused),
        Decided::Answer { status, body, accepted } => {
            if let Some(application) = accepted {
                app.news.publish(&application);
                app.wakes.wake(&application.account);
            }
            Ok(ready(status, body.into()))
        }
    }
}

/// A refusal that a repeat of the same `Idempotency-Key` gets as well.
fn refused(refused: &Refused) -> Result<(StatusCode, String, Option<Box<Application>>), Error> {
    Ok((refused.status(), text(&refused.body())?, None))
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
