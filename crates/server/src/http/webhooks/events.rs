//! `/api/webhooks/events`: catching up by a cursor, and having one event told again.

use std::sync::Arc;

use applyd_core::ids::EventId;
use applyd_core::refusal::Refusal;
use applyd_store::{delivery, event};
use applyd_wire::{ErrorAnswer, EventsAnswer, QueuedAnswer};
use axum::extract::{RawQuery, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::App;
use crate::http::account::Caller;
use crate::http::answer::json as answer;
use crate::http::events::START;
use crate::http::named::Named;
use crate::http::query::{find, whole};
use crate::http::refused::Refused;

const MOST: i64 = 100;

/// Events in the order of their commits, for who has missed some.
#[utoipa::path(
    get, path = "/api/webhooks/events", tag = "webhooks", operation_id = "list_events",
    params(
        ("after" = Option<String>, Query, description = "`next` of an earlier answer; absent: from the oldest kept"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "100 if absent"),
    ),
    responses(
        (status = 200, description = "Kept for 30 days; without tests", body = EventsAnswer),
        (status = 422, description = "`after` is unknown, or `limit` out of bounds", body = ErrorAnswer),
    ),
)]
pub(crate) async fn events(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let query = query.unwrap_or_default();
    let limit = whole(&query, "limit", MOST, 1..=MOST)?;
    let unknown = || {
        Refusal::meaning(
            "after",
            "`after` is not known here; leave it out to begin with the oldest event kept",
        )
    };
    let after = find(&query, "after").filter(|after| after != START);
    let after = after.map(|after| EventId::parse(&after).ok_or_else(unknown)).transpose()?;
    let (account, cursor) = (holder.account.clone(), after.clone());
    let page = app.store.read(move |tx| event::after(tx, &account, cursor.as_ref(), limit)).await?;
    let page = page.ok_or_else(unknown)?;
    let last = page.events.last().map(|event| event.id.clone());
    let next = last.unwrap_or_else(|| after.as_ref().map_or(START, EventId::as_str).to_owned());
    Ok(answer(StatusCode::OK, &EventsAnswer { events: page.events, next, has_more: page.has_more }))
}

/// Queues an event anew, under its own id, for every webhook that wants it.
#[utoipa::path(
    post, path = "/api/webhooks/events/{id}/redeliver", tag = "webhooks", operation_id = "redeliver_event",
    params(("id" = String, Path, description = "The event's id")),
    responses(
        (status = 202, description = "Queued for so many webhooks", body = QueuedAnswer),
        (status = 404, description = "The account has no such event", body = ErrorAnswer),
    ),
)]
pub(crate) async fn redeliver(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    Named(id): Named,
) -> Result<Response, Refused> {
    let (account, id) = (holder.account.clone(), EventId::parse(&id).ok_or(Refused::UnknownEvent)?);
    let event = id.clone();
    let queued = app.store.write(move |tx| delivery::redeliver(tx, &account, &event)).await?;
    let queued = queued.ok_or(Refused::UnknownEvent)?;
    app.news.of_events.notify_one();
    Ok(answer(StatusCode::ACCEPTED, &QueuedAnswer { id: id.as_str().to_owned(), queued }))
}
