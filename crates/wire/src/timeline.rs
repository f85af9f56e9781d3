use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Answer 200 of `GET /api/auto-apply-v2/applications/:queueId/timeline`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"queueId": "queue_01JD8Z0R7N5Q3T9V2X4B6C8D0F", "entries": [
    {"at": 1732204789000_i64, "event": "accepted", "by": "caller", "detail": null},
    {"at": 1732204790000_i64, "event": "claimed", "by": "worker", "detail": null},
]}))]
pub struct TimelineAnswer {
    /// The application's id.
    pub queue_id: String,
    /// Oldest first.
    pub entries: Vec<TimelineEntry>,
}

/// One step of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimelineEntry {
    /// Unix milliseconds.
    pub at: i64,
    /// A word: `accepted`, `claimed`, `armed`, `intent`, `answer`, `read`, `applied`, or the code of an end.
    pub event: String,
    /// Who did it: `caller`, `person`, `worker`, `reconciler` or `sweeper`.
    pub by: String,
    /// A sentence, if there is more to say; never text of the letter.
    pub detail: Option<String>,
}
