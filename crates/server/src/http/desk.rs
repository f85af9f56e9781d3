//! `/api/desk/…`: a person submits, no machine. submission-protocol.md §2, channel `desk`.

pub(crate) mod act;
mod outcome;
pub(crate) mod sheet;

use std::sync::Arc;

use applyd_core::ids::QueueId;
use applyd_core::json;
use applyd_core::refusal::Refusal;
use applyd_store::Error;
use applyd_store::desk;
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
    Ok(answer(StatusCode::OK, &act::claim(&app, person, known(&id)?).await?))
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
    Ok(answer(StatusCode::OK, &act::release(&app, person, known(&id)?).await?))
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
    Ok(answer(StatusCode::OK, &act::declare(&app, person, known(&id)?, seen).await?))
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
    Ok(answer(StatusCode::OK, &act::record(&app, person, known(&id)?, parse(&body)?).await?))
}

/// An id that cannot be one is answered as an unknown one.
fn known(id: &str) -> Result<QueueId, Refused> {
    QueueId::parse(id).ok_or(Refused::UnknownApplication)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(Value::Object(json::object(body)?)).map_err(mistyped)
}
