//! `/api/webhooks`: where an account's events go. Source: uphunt-api.md §12.

mod deliveries;
mod events;

use std::sync::Arc;

use applyd_core::ids::WebhookId;
use applyd_core::json;
use applyd_core::refusal::Refusal;
use applyd_core::signature::Secret;
use applyd_core::webhook::Types;
use applyd_store::webhook::{self, Change, New, Webhook};
use applyd_store::{Error, delivery};
use applyd_wire::{
    ErrorAnswer, QueuedAnswer, WebhookAnswer, WebhookChange, WebhookDeletedAnswer, WebhookRequest,
    WebhookSecretAnswer, WebhooksAnswer,
};
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::App;
use super::account::Caller;
use super::answer::json as answer;
use super::apply::mistyped;
use super::body::Whole;
use super::named::Named;
use super::refused::Refused;
use crate::notify::{Target, secret};
pub(crate) use deliveries::*;
pub(crate) use events::*;

/// All webhooks of the account.
#[utoipa::path(
    get, path = "/api/webhooks", tag = "webhooks", operation_id = "list_webhooks",
    responses((status = 200, description = "Oldest first, without their secrets", body = WebhooksAnswer)),
)]
pub(crate) async fn list(Shared(app): Shared<Arc<App>>, Caller(holder): Caller) -> Result<Response, Refused> {
    let account = holder.account.clone();
    let found = app.store.read(move |tx| webhook::list(tx, &account)).await?;
    let webhooks = found.iter().map(told).collect();
    Ok(answer(StatusCode::OK, &WebhooksAnswer { webhooks }))
}

/// Makes a webhook.
///
/// Its secret is told only in this answer. Each event from now on is posted to its `url` at least once, signed
/// after Standard Webhooks.
#[utoipa::path(
    post, path = "/api/webhooks", tag = "webhooks", operation_id = "create_webhook",
    request_body(content = WebhookRequest, example = json!({
        "url": "https://hooks.example/uphunt", "types": ["application.applied", "application.failed"]})),
    responses(
        (status = 201, description = "Made; the secret is told only now", body = WebhookSecretAnswer),
        (status = 422, description = "The address is not allowed, a type is unknown, or there are 20 webhooks",
            body = ErrorAnswer),
    ),
)]
pub(crate) async fn create(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    Whole(body): Whole,
) -> Result<Response, Refused> {
    let request: WebhookRequest = parse(&body)?;
    let url = request.url.ok_or_else(|| Refusal::shape("url", "`url` is missing"))?;
    let url = target(&app, &url)?;
    let types = types(request.types)?.unwrap_or(Types::Every);
    let id = WebhookId::new(app.store.now(), fastrand::u128(..));
    let (secret, sealed) = fresh_secret(&app, &id)?;
    let new = New { id: id.clone(), account: holder.account.clone(), url, types, secret: sealed };
    let made = app.store.write(move |tx| {
        let is_made = webhook::create(tx, &new)?;
        if is_made { webhook::find(tx, &new.account, &id) } else { Ok::<_, Error>(None) }
    });
    let made = made.await?.ok_or(Refused::TooManyWebhooks)?;
    Ok(answer(StatusCode::CREATED, &with_secret(&made, &secret)))
}

/// One webhook.
#[utoipa::path(
    get, path = "/api/webhooks/{id}", tag = "webhooks", operation_id = "read_webhook",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "Without its secret", body = WebhookAnswer),
        (status = 404, description = "The account has no such webhook", body = ErrorAnswer),
    ),
)]
pub(crate) async fn read(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    Named(id): Named,
) -> Result<Response, Refused> {
    let (account, id) = (holder.account.clone(), known(&id)?);
    let found = app.store.read(move |tx| webhook::find(tx, &account, &id)).await?;
    Ok(answer(StatusCode::OK, &told(&found.ok_or(Refused::UnknownWebhook)?)))
}

/// Changes a webhook: its address, its types, or whether it is on.
#[utoipa::path(
    patch, path = "/api/webhooks/{id}", tag = "webhooks", operation_id = "update_webhook",
    params(("id" = String, Path, description = "Its id")),
    request_body(content = WebhookChange, example = json!({"enabled": true})),
    responses(
        (status = 200, description = "As it is now", body = WebhookAnswer),
        (status = 404, description = "The account has no such webhook", body = ErrorAnswer),
        (status = 422, description = "The address is not allowed, or a type is unknown", body = ErrorAnswer),
    ),
)]
pub(crate) async fn update(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    Named(id): Named,
    Whole(body): Whole,
) -> Result<Response, Refused> {
    let (account, id) = (holder.account.clone(), known(&id)?);
    let request: WebhookChange = parse(&body)?;
    let url = request.url.map(|url| target(&app, &url)).transpose()?;
    let change = Change { url, types: types(request.types)?, enabled: request.enabled };
    let changed = app.store.write(move |tx| webhook::update(tx, &account, &id, &change)).await?;
    app.news.of_events.notify_one();
    Ok(answer(StatusCode::OK, &told(&changed.ok_or(Refused::UnknownWebhook)?)))
}

/// Deletes a webhook; what waits there is not delivered any more.
#[utoipa::path(
    delete, path = "/api/webhooks/{id}", tag = "webhooks", operation_id = "delete_webhook",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "It is gone", body = WebhookDeletedAnswer),
        (status = 404, description = "The account has no such webhook", body = ErrorAnswer),
    ),
)]
pub(crate) async fn delete(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    Named(id): Named,
) -> Result<Response, Refused> {
    let (account, id) = (holder.account.clone(), known(&id)?);
    let gone = id.clone();
    if !app.store.write(move |tx| webhook::delete(tx, &account, &gone)).await? {
        return Err(Refused::UnknownWebhook);
    }
    Ok(answer(StatusCode::OK, &WebhookDeletedAnswer { id: id.as_str().to_owned(), deleted: true }))
}

/// Sends a `webhook.test` event with sample data, whatever types the webhook wants.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/test", tag = "webhooks", operation_id = "test_webhook",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 202, description = "Queued; see its deliveries", body = QueuedAnswer),
        (status = 404, description = "The account has no such webhook", body = ErrorAnswer),
        (status = 409, description = "The webhook is switched off", body = ErrorAnswer),
    ),
)]
pub(crate) async fn test(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    Named(id): Named,
) -> Result<Response, Refused> {
    let (account, id) = (holder.account.clone(), known(&id)?);
    let queued = app.store.write(move |tx| {
        let is_there = webhook::find(tx, &account, &id)?.is_some();
        Ok::<_, Error>((is_there, delivery::test(tx, &account, &id)?))
    });
    let event = match queued.await? {
        (false, _) => return Err(Refused::UnknownWebhook),
        (true, event) => event.ok_or(Refused::WebhookOff)?,
    };
    app.news.of_events.notify_one();
    Ok(answer(StatusCode::ACCEPTED, &QueuedAnswer { id: event.as_str().to_owned(), queued: 1 }))
}

/// Gives a webhook a new secret; for 24 hours the old one signs too.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/rotate-secret", tag = "webhooks", operation_id = "rotate_webhook_secret",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "The new secret is told only now", body = WebhookSecretAnswer),
        (status = 404, description = "The account has no such webhook", body = ErrorAnswer),
    ),
)]
pub(crate) async fn rotate_secret(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    Named(id): Named,
) -> Result<Response, Refused> {
    let (account, id) = (holder.account.clone(), known(&id)?);
    let (secret, sealed) = fresh_secret(&app, &id)?;
    let rotated = app.store.write(move |tx| webhook::rotate(tx, &account, &id, &sealed)).await?;
    Ok(answer(StatusCode::OK, &with_secret(&rotated.ok_or(Refused::UnknownWebhook)?, &secret)))
}

/// An id that cannot be one is answered as an unknown one.
fn known(id: &str) -> Result<WebhookId, Refused> {
    WebhookId::parse(id).ok_or(Refused::UnknownWebhook)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(Value::Object(json::object(body)?)).map_err(mistyped)
}

fn target(app: &App, url: &str) -> Result<String, Refusal> {
    Ok(Target::parse(url, &app.rules)?.as_str().to_owned())
}

fn types(names: Option<Vec<String>>) -> Result<Option<Types>, Refusal> {
    names.map(|names| Types::parse(names.iter().map(String::as_str))).transpose()
}

fn fresh_secret(app: &App, id: &WebhookId) -> Result<(Secret, Vec<u8>), Refused> {
    secret::make(&app.key, id).map_err(|error| {
        tracing::error!(%error, "no secret could be made");
        Refused::Internal
    })
}

fn told(webhook: &Webhook) -> WebhookAnswer {
    WebhookAnswer {
        id: webhook.id.as_str().to_owned(),
        url: webhook.url.clone(),
        types: webhook.types.names().into_iter().map(str::to_owned).collect(),
        enabled: webhook.disabled.is_none(),
        disabled_at: webhook.disabled.map(|(at, _)| at),
        disabled_reason: webhook.disabled.map(|(_, reason)| reason.as_str().to_owned()),
        failing_since: webhook.failing_since,
        previous_secret_until: webhook.previous_until,
        created_at: webhook.created_at,
    }
}

fn with_secret(webhook: &Webhook, secret: &Secret) -> WebhookSecretAnswer {
    WebhookSecretAnswer { webhook: told(webhook), secret: secret.expose() }
}
