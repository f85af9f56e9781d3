use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /api/auto-apply-v2/generate-proposal`, as it arrives: nothing is judged.
/// Either `jobId`, or `jobTitle` and `jobDescription`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LetterRequest {
    /// Job URL, ciphertext (`~01…`, `~02…`) or processed-job UUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2048)]
    pub job_id: Option<String>,
    /// 1 to 300 Unicode scalar values.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 300)]
    pub job_title: Option<String>,
    /// 1 to 20000 Unicode scalar values.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 20000)]
    pub job_description: Option<String>,
    /// Name of text settings that the operator stored for the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed_id: Option<String>,
    /// `low`, `medium` or `high`; absent: `medium`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(low|medium|high)$")]
    pub reasoning_effort: Option<String>,
}

/// Answer 200 of generate-proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "proposal": "Hello, I have made slow ordering pages fast before.", "model": "template",
    "reasoningEffort": "medium",
}))]
pub struct LetterAnswer {
    /// The letter, usable as `coverLetter`: 1 to 5000 Unicode scalar values.
    pub proposal: String,
    /// The model that wrote it; `template`: none is configured.
    pub model: String,
    /// `low`, `medium` or `high`.
    pub reasoning_effort: String,
}
