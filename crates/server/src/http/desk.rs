//! `/api/desk/…`: a person submits, no machine. submission-protocol.md §2, channel `desk`.

mod outcome;
mod sheet;

use std::sync::Arc;

use applyd_core::ids::QueueId;
use applyd_core::json;
use applyd_core::refusal::Refusal;
use applyd_core::state::State;
use applyd_store::desk::{self, Done, Stop};
use applyd_store::{Error, Tx, person};
use applyd_wire::{DeskDeclaration, DeskListAnswer, DeskOutcome, DeskSheet, ErrorAnswer};
use axum::extract::{RawQuery, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::App;
use super::answer::json as answer;
use super::apply::mistyped;
use super::body::Whole;
use super::named::Named;
use super::person::Person;
use super::query::{find, whole};
use super::refused::Refused;
use crate::failpoint;
use crate::work::witnessed;

const DEFAULT_LIMIT: i64 = 50;
const MOST_AT_ONCE: i64 = 100;

/// Lists what has not ended at the desk of the person's account.
#[utoipa::path(
    get, path = "/api/desk/applications", tag = "desk", operation_id = "list_desk",
    security(("person" = [])),
    params(
        ("limit" = Option<i64>, Query, description = "How many at most", minimum = 1, maximum = 100),
        ("after" = Option<String>, Query, description = "The `next` of an earlier answer"),
    ),
    responses(
        (status = 200, description = "Oldest first", body = DeskListAnswer),
        (status = 422, description = "A parameter is none of what is allowed", body = ErrorAnswer),
    ),
)]
pub(crate) async fn list(
    Shared(app): Shared<Arc<App>>,
    Person(person): Person,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let query = query.unwrap_or_default();
    let limit = whole(&query, "limit", DEFAULT_LIMIT, 1..=MOST_AT_ONCE)?;
    let after = find(&query, "after").map(|id| cursor(&id)).transpose()?;
    let now = app.store.now();
    let applications = app
        .store
        .read(move |tx| {
            let found = desk::list(tx, &person, after.as_ref(), limit + 1)?;
            Ok::<_, Error>(found.iter().map(|case| sheet::case(&person, case, now)).collect::<Vec<_>>())
        })
        .await?;
    let (limit, mut applications) = (usize::try_from(limit).unwrap_or(0), applications);
    let has_more = applications.len() > limit;
    applications.truncate(limit);
    let next = applications.last().map(|last| last.queue_id.clone());
    Ok(answer(StatusCode::OK, &DeskListAnswer { applications, next, has_more }))
}

fn cursor(id: &str) -> Result<QueueId, Refusal> {
    QueueId::parse(id)
        .ok_or_else(|| Refusal::meaning("after", "`after` must be the `next` of an earlier answer"))
}

/// Shows everything that a person needs to submit an application.
#[utoipa::path(
    get, path = "/api/desk/applications/{queueId}", tag = "desk", operation_id = "read_desk",
    security(("person" = [])),
    params(("queueId" = String, Path, description = "The application's id")),
    responses(
        (status = 200, description = "To copy from", body = DeskSheet),
        (status = 404, description = "No such application at the desk of this account", body = ErrorAnswer),
    ),
)]
pub(crate) async fn read(
    Shared(app): Shared<Arc<App>>,
    Person(person): Person,
    Named(id): Named,
) -> Result<Response, Refused> {
    let id = known(&id)?;
    let sheet = app.store.read(move |tx| sheet::read(tx, &person, &id)).await?;
    Ok(answer(StatusCode::OK, &sheet.ok_or(Refused::UnknownApplication)?))
}

/// Claims an application for an hour.
///
/// Nobody else can have it meanwhile. A repeated call answers the same, and makes the hour no longer.
#[utoipa::path(
    post, path = "/api/desk/applications/{queueId}/claim", tag = "desk", operation_id = "claim_desk",
    security(("person" = [])),
    params(("queueId" = String, Path, description = "The application's id")),
    responses(
        (status = 200, description = "It is yours", body = DeskSheet),
        (status = 404, description = "No such application at the desk of this account", body = ErrorAnswer),
        (status = 409, description = "Another person has it (`heldBy`), or it has ended", body = ErrorAnswer),
    ),
)]
pub(crate) async fn claim(
    Shared(app): Shared<Arc<App>>,
    Person(person): Person,
    Named(id): Named,
) -> Result<Response, Refused> {
    let (id, timing) = (known(&id)?, app.timing);
    let did = act(&app, person, id, move |tx, person, id| desk::claim(tx, person, id, &timing)).await?;
    Ok(answer(StatusCode::OK, &did.sheet))
}

/// Hands a claim back, before "I am submitting now".
#[utoipa::path(
    post, path = "/api/desk/applications/{queueId}/release", tag = "desk", operation_id = "release_desk",
    security(("person" = [])),
    params(("queueId" = String, Path, description = "The application's id")),
    responses(
        (status = 200, description = "Anybody may claim it again", body = DeskSheet),
        (status = 404, description = "No such application at the desk of this account", body = ErrorAnswer),
        (status = 409, description = "It is not yours (`heldBy`), was declared, or has ended", body = ErrorAnswer),
    ),
)]
pub(crate) async fn release(
    Shared(app): Shared<Arc<App>>,
    Person(person): Person,
    Named(id): Named,
) -> Result<Response, Refused> {
    let (id, timing) = (known(&id)?, app.timing);
    let did = act(&app, person, id, move |tx, person, id| desk::release(tx, person, id, &timing)).await?;
    Ok(answer(StatusCode::OK, &did.sheet))
}

/// Says "I am submitting now": submit on Upwork only after this answer.
///
/// It counts as the approval of what was read under `sha256`. From now on nobody can take the application over or
/// cancel it; the outcome must be recorded within 30 minutes. Repeat the call when its answer was lost.
#[utoipa::path(
    post, path = "/api/desk/applications/{queueId}/declare", tag = "desk", operation_id = "declare_desk",
    security(("person" = [])),
    params(("queueId" = String, Path, description = "The application's id")),
    request_body(content = DeskDeclaration, example = json!({
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"})),
    responses(
        (status = 200, description = "Written down: submit now", body = DeskSheet),
        (status = 404, description = "No such application at the desk of this account", body = ErrorAnswer),
        (status = 409, description = "It is not yours (`heldBy`), has changed since, or has ended: submit nothing",
            body = ErrorAnswer),
    ),
)]
pub(crate) async fn declare(
    Shared(app): Shared<Arc<App>>,
    Person(person): Person,
    Named(id): Named,
    Whole(body): Whole,
) -> Result<Response, Refused> {
    let declaration: DeskDeclaration = parse(&body)?;
    let seen = declaration.sha256.ok_or_else(|| Refusal::shape("sha256", "`sha256` is missing"))?;
    let (id, timing) = (known(&id)?, app.timing);
    let did = act(&app, person, id, move |tx, person, id| {
        let sha256 = sheet::sha256(tx, person, id)?;
        desk::declare(tx, person, id, &seen, sha256.as_deref(), &timing)
    });
    let did = did.await?;
    failpoint::hit("intent_durable");
    // A repeat writes the line again: nobody knows whether the first one came to be. Where it cannot be written the
    // intent stands all the same, because an earlier answer may have let the person go on.
    if let Err(error) = app.witness.append(&witnessed(&did.application, &did.request, None)).await {
        tracing::error!(%error, "the witness file cannot be written; a person was told to submit nothing");
        return Err(Refused::NoWitness);
    }
    failpoint::hit("witnessed");
    Ok(answer(StatusCode::OK, &did.sheet))
}

/// Records what came of it.
///
/// `refused` can be said of a claim too: that the job is closed is seen before anything is submitted. When the
/// outcome was not recorded in time, whoever declared still can record it within a day.
#[utoipa::path(
    post, path = "/api/desk/applications/{queueId}/outcome", tag = "desk", operation_id = "record_desk",
    security(("person" = [])),
    params(("queueId" = String, Path, description = "The application's id")),
    request_body(content = DeskOutcome, example = json!({
        "outcome": "submitted", "proposalUrl": "https://www.upwork.com/nx/proposals/1899000000000000001"})),
    responses(
        (status = 200, description = "Recorded", body = DeskSheet),
        (status = 404, description = "No such application at the desk of this account", body = ErrorAnswer),
        (status = 409, description = "It is not yours (`heldBy`), was not declared, or has ended otherwise",
            body = ErrorAnswer),
        (status = 422, description = "Well-formed but senseless: `field` names it", body = ErrorAnswer),
    ),
)]
pub(crate) async fn record(
    Shared(app): Shared<Arc<App>>,
    Person(person): Person,
    Named(id): Named,
    Whole(body): Whole,
) -> Result<Response, Refused> {
    let outcome = outcome::parse(parse(&body)?)?;
    let (id, timing) = (known(&id)?, app.timing);
    let did = act(&app, person, id, move |tx, person, id| desk::record(tx, person, id, &outcome, &timing));
    let did = did.await?;
    Ok(answer(StatusCode::OK, &did.sheet))
}

/// What an act has come to.
struct Did {
    application: applyd_store::application::Application,
    request: String,
    sheet: DeskSheet,
}

/// Does one act of a person, and lets readers know.
async fn act(
    app: &Arc<App>,
    person: person::Person,
    id: QueueId,
    act: impl Fn(&Tx<'_>, &person::Person, &QueueId) -> Result<Done, Error> + Send + 'static,
) -> Result<Did, Refused> {
    let done = app
        .store
        .write(move |tx| {
            let application = match act(tx, &person, &id)? {
                Ok(application) => application,
                Err(stop) => return Ok::<_, Error>(Err(stop)),
            };
            let damaged = || Error::Damaged(id.as_str().to_owned());
            let sheet = sheet::read(tx, &person, &id)?.ok_or_else(damaged)?;
            let request = applyd_store::application::request(tx, &id)?.ok_or_else(damaged)?;
            Ok(Ok(Did { application: *application, request, sheet }))
        })
        .await?;
    match done {
        Ok(did) => {
            app.news.publish(&did.application);
            Ok(did)
        }
        Err(stop) => Err(stopped(app, stop)),
    }
}

fn stopped(app: &App, stop: Stop) -> Refused {
    match stop {
        Stop::Unknown => Refused::UnknownApplication,
        Stop::HeldBy(name) => Refused::HeldBy(name),
        Stop::NotClaimed => Refused::NotClaimed,
        Stop::NotDeclared => Refused::NotDeclared,
        Stop::Changed => Refused::Changed,
        Stop::Paused(pause) => Refused::Paused(pause.to_string()),
        Stop::VerifyOnly => Refused::Undeclared,
        Stop::Past(application) => {
            // Time may have ended it just now.
            app.news.publish(&application);
            let state = application.progress.state;
            let error = match state {
                State::Unknown => "The outcome is unknown",
                state if state.is_terminal() => "Application has ended",
                _ => "Submission has started",
            };
            Refused::Past { error, status: state.status() }
        }
    }
}

/// An id that cannot be one is answered as an unknown one.
fn known(id: &str) -> Result<QueueId, Refused> {
    QueueId::parse(id).ok_or(Refused::UnknownApplication)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(Value::Object(json::object(body)?)).map_err(mistyped)
}
