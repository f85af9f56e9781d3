use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{EventBody, EventType};

/// Body of `POST /api/webhooks`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
pub struct WebhookRequest {
    /// Where events go: https, port 443 or 8443, a public address.
    #[schema(required = true, nullable = false, format = "uri")]
    pub url: Option<String>,
    /// Names of types, or `*` alone; absent: all.
    pub types: Option<Vec<String>>,
}

/// Body of `PATCH /api/webhooks/{id}`; what is absent or null stays.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
pub struct WebhookChange {
    /// Where events go; what waits goes there too.
    pub url: Option<String>,
    /// Names of types, or `*` alone.
    pub types: Option<Vec<String>>,
    /// Off: nothing is queued, what waits goes on waiting.
    pub enabled: Option<bool>,
}

/// A webhook, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "wh_01JD8Z0R7N5Q3T9V2X4B6C8D0F", "url": "https://hooks.example/uphunt", "types": ["*"],
    "enabled": true, "disabledAt": null, "disabledReason": null, "failingSince": null,
    "previousSecretUntil": null, "createdAt": 1732204790000_i64,
}))]
pub struct WebhookAnswer {
    /// `wh_` and a ULID.
    pub id: String,
    /// Where events go.
    pub url: String,
    /// Names of types, or `*` alone.
    pub types: Vec<String>,
    /// Whether events go there.
    pub enabled: bool,
    /// Unix milliseconds; null while it is on.
    pub disabled_at: Option<i64>,
    /// `by you` or `failing`; null while it is on.
    pub disabled_reason: Option<String>,
    /// Unix milliseconds of the first failure since the last success; null: the last attempt went well.
    pub failing_since: Option<i64>,
    /// Until then the secret before the last rotation signs too, Unix milliseconds; null: it does not.
    pub previous_secret_until: Option<i64>,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// A webhook with its secret, which is told only here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "id": "wh_01JD8Z0R7N5Q3T9V2X4B6C8D0F", "url": "https://hooks.example/uphunt", "types": ["*"],
    "enabled": true, "disabledAt": null, "disabledReason": null, "failingSince": null,
    "previousSecretUntil": null, "createdAt": 1732204790000_i64,
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw0000000000A=",
}))]
pub struct WebhookSecretAnswer {
    /// All else.
    #[serde(flatten)]
    pub webhook: WebhookAnswer,
    /// `whsec_` and base64; its bytes are the key of the signatures.
    pub secret: String,
}

/// All webhooks of an account, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"webhooks": [{
    "id": "wh_01JD8Z0R7N5Q3T9V2X4B6C8D0F", "url": "https://hooks.example/uphunt", "types": ["*"],
    "enabled": true, "disabledAt": null, "disabledReason": null, "failingSince": null,
    "previousSecretUntil": null, "createdAt": 1732204790000_i64,
}]}))]
pub struct WebhooksAnswer {
    /// At most 20.
    pub webhooks: Vec<WebhookAnswer>,
}

/// Answer of `DELETE /api/webhooks/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"id": "wh_01JD8Z0R7N5Q3T9V2X4B6C8D0F", "deleted": true}))]
pub struct WebhookDeletedAnswer {
    /// Its id.
    pub id: String,
    /// True.
    pub deleted: bool,
}

/// An event was queued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"id": "evt_01JD8Z1A2B3C4D5E6F7G8H9J0K", "queued": 1}))]
pub struct QueuedAnswer {
    /// The event's id, the `webhook-id` of each delivery.
    pub id: String,
    /// For how many webhooks.
    pub queued: usize,
}

/// An event and a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryAnswer {
    /// The event's id.
    pub event_id: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// `pending`, `delivered` or `exhausted`.
    pub state: String,
    /// Attempts that ended.
    pub attempts: i64,
    /// HTTP status of the last answer; null: there was none.
    pub last_status: Option<i64>,
    /// Why the last attempt failed; null: it did not.
    pub last_failure: Option<String>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds; null: there is no further attempt.
    pub next_attempt_at: Option<i64>,
    /// Unix milliseconds; null: not delivered.
    pub delivered_at: Option<i64>,
}

/// Some deliveries of a webhook, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "deliveries": [{
        "eventId": "evt_01JD8Z1A2B3C4D5E6F7G8H9J0K", "type": "application.applied", "state": "delivered",
        "attempts": 1, "lastStatus": 204, "lastFailure": null, "createdAt": 1732204800000_i64,
        "nextAttemptAt": null, "deliveredAt": 1732204800120_i64,
    }],
    "total": 1, "limit": 50, "offset": 0, "hasMore": false,
}))]
pub struct DeliveriesAnswer {
    /// These.
    pub deliveries: Vec<DeliveryAnswer>,
    /// Of all that are kept.
    pub total: i64,
    /// At most so many are told.
    pub limit: i64,
    /// So many newer ones were left out.
    pub offset: i64,
    /// Whether there are older ones.
    pub has_more: bool,
}

/// Events of an account in the order of their commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "events": [{
        "id": "evt_01JD8Z1A2B3C4D5E6F7G8H9J0K", "type": "application.applied",
        "timestamp": "2024-11-21T16:00:00.000Z",
        "data": {
            "jobId": "~022052895097657407455", "processedJobId": "5b3c6d0e-7a1f-4c2b-9d4e-8f0a1b2c3d4e",
            "applicationStatus": "applied", "applicationStatusMessage": "Successfully applied via auto-apply",
            "queueId": "queue_01JD8Z0R7N5Q3T9V2X4B6C8D0F", "appliedAt": 1732204800000_i64,
            "processedAt": 1732204790000_i64, "errorMessage": null,
        },
    }],
    "next": "evt_01JD8Z1A2B3C4D5E6F7G8H9J0K", "hasMore": false,
}))]
pub struct EventsAnswer {
    /// As webhooks tell them.
    pub events: Vec<EventBody>,
    /// Give it as `after` to get what follows.
    pub next: String,
    /// Whether something follows now.
    pub has_more: bool,
}
