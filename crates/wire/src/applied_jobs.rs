use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::StatusAnswer;

/// Answer 200 of `GET /api/auto-apply-v2/applied-jobs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
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
