use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::StatusAnswer;

/// Answer 200 of `GET /api/auto-apply-v2/applied-jobs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "jobs": [{
        "jobId": "~022052895097657407455", "processedJobId": "5b3c6d0e-7a1f-4c2b-9d4e-8f0a1b2c3d4e",
        "applicationStatus": "applied", "applicationStatusMessage": "Successfully applied via auto-apply",
        "queueId": "queue_01JD8Z0R7N5Q3T9V2X4B6C8D0F", "appliedAt": 1732204800000_i64,
        "processedAt": 1732204790000_i64, "errorMessage": null, "title": "Rust engineer",
    }],
    "total": 1, "limit": 50, "offset": 0, "hasMore": false,
}))]
pub struct AppliedJobsAnswer {
    /// The page, newest acceptance first.
    pub jobs: Vec<AppliedJob>,
    /// How many match the filter.
    pub total: i64,
    /// As asked.
    pub limit: i64,
    /// As asked.
    pub offset: i64,
    /// Whether another page follows.
    pub has_more: bool,
}

/// One application: the eight status keys and the job's title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppliedJob {
    /// As status answers.
    #[serde(flatten)]
    pub status: StatusAnswer,
    /// Null when the job was not read or its contents are purged.
    pub title: Option<String>,
}
