use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ApplicationStatus, ProposalTerms, QuestionAnswer};

/// Where an application stands at the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeskStage {
    /// Anybody may claim it.
    Waiting,
    /// A person has claimed it and not submitted yet.
    Claimed,
    /// A person has said "I am submitting now"; the outcome is to be recorded.
    Declared,
    /// The outcome was not recorded in time: whoever declared it still can, or the operator resolves it.
    Unknown,
    /// It has ended.
    Ended,
}

/// An application at the desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "queueId": "queue_01JD8Z0R7N5Q3T9V2X4B6C8D0F", "jobId": "~022052895097657407455",
    "jobUrl": "https://www.upwork.com/jobs/~022052895097657407455", "stage": "claimed", "heldBy": "Ada",
    "isMine": true, "until": 1732208390000_i64, "acceptedAt": 1732204789000_i64,
}))]
pub struct DeskCase {
    /// The application's id.
    pub queue_id: String,
    /// Canonical ciphertext of the job.
    pub job_id: String,
    /// The job on Upwork.
    pub job_url: String,
    /// Where it stands.
    pub stage: DeskStage,
    /// Name of the person who has it; null: nobody.
    pub held_by: Option<String>,
    /// Whether you have it.
    pub is_mine: bool,
    /// When the claim runs out, the outcome must be recorded, or nobody can begin any more, Unix milliseconds; null:
    /// there is no such time.
    pub until: Option<i64>,
    /// Unix milliseconds.
    pub accepted_at: i64,
}

/// Answer 200 of `GET /api/desk/applications`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"applications": [{
    "queueId": "queue_01JD8Z0R7N5Q3T9V2X4B6C8D0F", "jobId": "~022052895097657407455",
    "jobUrl": "https://www.upwork.com/jobs/~022052895097657407455", "stage": "waiting", "heldBy": null,
    "isMine": false, "until": 1732291189000_i64, "acceptedAt": 1732204789000_i64,
}], "next": "queue_01JD8Z0R7N5Q3T9V2X4B6C8D0F", "hasMore": false}))]
pub struct DeskListAnswer {
    /// Oldest first.
    pub applications: Vec<DeskCase>,
    /// Give it as `after` to get what follows; null: nothing was told.
    pub next: Option<String>,
    /// Whether something follows now.
    pub has_more: bool,
}

/// Who the proposal is from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeskProfile {
    /// The freelancer's name.
    pub freelancer: String,
    /// Opaque.
    pub profile_id: String,
    /// What the profile offers.
    pub title: String,
    /// Its usual rate in dollars, for an hourly job where no price is asked for.
    #[schema(value_type = f64)]
    pub hourly_rate: serde_json::Number,
}

/// Everything that a person needs to submit, and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "queueId": "queue_01JD8Z0R7N5Q3T9V2X4B6C8D0F", "jobId": "~022052895097657407455",
    "jobUrl": "https://www.upwork.com/jobs/~022052895097657407455", "stage": "claimed", "heldBy": "Ada",
    "isMine": true, "until": 1732208390000_i64, "acceptedAt": 1732204789000_i64,
    "coverLetter": "Hello, I would like to help with this.",
    "questionAnswers": [{"question": "When can you start?", "answer": "On Monday."}],
    "proposal": {"hourlyRate": 65, "timeline": "1 to 3 months"},
    "profile": {"freelancer": "Ada Example", "profileId": "pf_1", "title": "Rust engineer", "hourlyRate": 65},
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "applicationStatus": "processing", "errorMessage": null,
}))]
pub struct DeskSheet {
    /// Where it stands.
    #[serde(flatten)]
    pub case: DeskCase,
    /// To copy, as it was sent.
    pub cover_letter: String,
    /// To copy, in the caller's order.
    pub question_answers: Vec<QuestionAnswer>,
    /// Price, timeline and Connects; what is absent was not asked for.
    pub proposal: ProposalTerms,
    /// Who it is from; null: the profile was removed, and nothing can be submitted.
    pub profile: Option<DeskProfile>,
    /// Of all that is shown here: a declaration names it. Null without a profile.
    pub sha256: Option<String>,
    /// What the caller reads.
    pub application_status: ApplicationStatus,
    /// The same; null while it is under way, or applied.
    pub error_message: Option<String>,
}

/// Body of `POST /api/desk/applications/{queueId}/declare`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
pub struct DeskDeclaration {
    /// The `sha256` of what you have read and submit now. Required.
    #[schema(required = true, nullable = false, pattern = "^[0-9a-f]{64}$")]
    pub sha256: Option<String>,
}

/// Body of `POST /api/desk/applications/{queueId}/outcome`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeskOutcome {
    /// `submitted`, `refused` or `not_sent`. Required.
    #[schema(required = true, nullable = false, pattern = "^(submitted|refused|not_sent)$")]
    pub outcome: Option<String>,
    /// `submitted`: link of the proposal on Upwork.
    #[schema(max_length = 2048, format = "uri")]
    pub proposal_url: Option<String>,
    /// `refused`: why, required; `not_sent`: why, if you like.
    #[schema(min_length = 1, max_length = 300)]
    pub reason: Option<String>,
    /// `refused`: `refused` (if absent), `job_closed`, `not_eligible`, `not_enough_connects` or `already_applied`.
    #[schema(pattern = "^(refused|job_closed|not_eligible|not_enough_connects|already_applied)$")]
    pub code: Option<String>,
}
