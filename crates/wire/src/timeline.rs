use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Answer 200 of `GET /api/auto-apply-v2/applications/:queueId/timeline`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
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
    /// Who did it: `caller`, `worker`, `reconciler` or `sweeper`.
    pub by: String,
    /// A sentence, if there is more to say; never text of the letter.
    pub detail: Option<String>,
}
