use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApplicationStatus;

/// Body of every answer that is not a success: a string `error`, extras beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorAnswer {
    /// What was wrong, in plain words.
    pub error: String,
    /// 400 and 422: the member or parameter that was wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Data reads, whose `error` is a code: the same in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// 402: available credits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits_remaining: Option<i64>,
    /// 402: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs_credits: Option<bool>,
    /// 409: the application that exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// 409: its status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_status: Option<ApplicationStatus>,
    /// 409 at the desk: the person who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
    /// 429: the limit of the window that is used up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// 429: when that window ends, ISO 8601 with milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<String>,
}

impl ErrorAnswer {
    /// An error of nothing but its text.
    #[must_use]
    pub fn text(error: impl Into<String>) -> Self {
        Self { error: error.into(), ..Self::default() }
    }
}
