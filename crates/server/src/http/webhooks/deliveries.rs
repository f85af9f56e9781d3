//! `GET /api/webhooks/{id}/deliveries`: what became of each event at one webhook.

use std::sync::Arc;

use applyd_store::delivery::{self, Delivery};
use applyd_store::{Error, webhook};
use applyd_wire::{DeliveriesAnswer, DeliveryAnswer, ErrorAnswer};
use axum::extract::{RawQuery, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;

use super::known;
use crate::http::App;
use crate::http::account::Caller;
use crate::http::answer::json as answer;
use crate::http::named::Named;
use crate::http::query::whole;
use crate::http::refused::Refused;

const USUAL: i64 = 50;
const MOST: i64 = 100;

/// What became of each event at one webhook.
#[utoipa::path(
    get, path = "/api/webhooks/{id}/deliveries", tag = "webhooks", operation_id = "list_deliveries",
    params(
        ("id" = String, Path, description = "The webhook's id"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "50 if absent"),
        ("offset" = Option<i64>, Query, minimum = 0, description = "How many newer ones to leave out"),
    ),
    responses(
        (status = 200, description = "Newest first; kept for 30 days", body = DeliveriesAnswer),
        (status = 404, description = "The account has no such webhook", body = ErrorAnswer),
        (status = 422, description = "`limit` or `offset` is out of bounds", body = ErrorAnswer),
    ),
)]
pub(crate) async fn deliveries(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    Named(id): Named,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let query = query.unwrap_or_default();
    let (limit, offset) =
        (whole(&query, "limit", USUAL, 1..=MOST)?, whole(&query, "offset", 0, 0..=i64::MAX)?);
    let (account, id) = (holder.account.clone(), known(&id)?);
    let page = app.store.read(move |tx| {
        let Some(found) = webhook::find(tx, &account, &id)? else { return Ok::<_, Error>(None) };
        delivery::list(tx, &found.id, limit, offset).map(Some)
    });
    let page = page.await?.ok_or(Refused::UnknownWebhook)?;
    let deliveries: Vec<_> = page.deliveries.into_iter().map(told).collect();
    let has_more = offset.saturating_add(deliveries.len() as i64) < page.total;
    let answered = DeliveriesAnswer { deliveries, total: page.total, limit, offset, has_more };
    Ok(answer(StatusCode::OK, &answered))
}

fn told(delivery: Delivery) -> DeliveryAnswer {
    DeliveryAnswer {
        event_id: delivery.event.as_str().to_owned(),
        kind: delivery.kind,
        state: delivery.state.as_str().to_owned(),
        attempts: delivery.attempts,
        last_status: delivery.last_status,
        last_failure: delivery.last_failure,
        created_at: delivery.created_at,
        next_attempt_at: delivery.due_at,
        delivered_at: delivery.delivered_at,
    }
}
