use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use crate::ApplicationStatus;
use crate::object::{object, objects};

/// The labels that `proposal.timeline` may have.
pub const TIMELINES: [&str; 4] =
    ["Less than 1 month", "1 to 3 months", "3 to 6 months", "More than 6 months"];

fn timeline() -> Object {
    let labels = TIMELINES.map(Some).into_iter().chain([None]);
    let kind = SchemaType::from_iter([Type::String, Type::Null]);
    let text = Some("How long the work will take.");
    ObjectBuilder::new().schema_type(kind).enum_values(Some(labels)).description(text).build()
}

/// Body of `POST /api/auto-apply-v2/apply`, as it arrives: every member may be absent, nothing is judged.
/// Members that the contract does not name are ignored here and kept with the record by the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplyRequest {
    /// Job URL, ciphertext (`~01…`, `~02…`) or processed-job UUID. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        required = true,
        nullable = false,
        max_length = 2048,
        pattern = r"^(~01[0-9A-Fa-f]{1,32}|~02[0-9]{1,20}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|.*upwork\.com/.*(~|%7[Ee])0[12].*)$"
    )]
    pub job_id: Option<String>,
    /// 1 to 5000 Unicode scalar values, sent as given. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = true, nullable = false, min_length = 1, max_length = 5000)]
    pub cover_letter: Option<String>,
    /// Freelancer profile to apply as; absent: the account's default profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub profile_id: Option<String>,
    /// Price, timeline and Connects.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub proposal: Option<ProposalTerms>,
    /// Let the server answer the questions that were left unanswered; absent: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_fill_other_questions: Option<bool>,
    /// Answers to the job's screening questions, at most 20.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "objects")]
    #[schema(max_items = 20)]
    pub question_answers: Option<Vec<QuestionAnswer>>,
}

/// The member `proposal` of an [`ApplyRequest`]. Money in US dollars, at most two decimals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProposalTerms {
    /// Hourly rate in dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(exclusive_minimum = 0, maximum = 9999.99)]
    pub hourly_rate: Option<f64>,
    /// One of [`TIMELINES`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = timeline)]
    pub timeline: Option<String>,
    /// Fixed price in dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(exclusive_minimum = 0, maximum = 1_000_000)]
    pub fixed_price: Option<f64>,
    /// 1 to 20 milestones of a fixed price.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "objects")]
    #[schema(min_items = 1, max_items = 20)]
    pub milestones: Option<Vec<Milestone>>,
    /// Connects bid for a boosted place; 0: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub boost_connects: Option<i64>,
    /// Ceiling for cost and boost together, in Connects.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub max_connects: Option<i64>,
}

/// One milestone of a fixed price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Milestone {
    /// 1 to 240 characters.
    #[schema(min_length = 1, max_length = 240)]
    pub description: String,
    /// Dollars, above 0.
    #[schema(exclusive_minimum = 0, maximum = 1_000_000)]
    pub amount: f64,
    /// `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    pub due_date: Option<String>,
}

/// One answer to a screening question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuestionAnswer {
    /// The question as the job asks it.
    #[schema(min_length = 1, max_length = 5000)]
    pub question: String,
    /// 1 to 5000 characters.
    #[schema(min_length = 1, max_length = 5000)]
    pub answer: String,
}

/// Answer 200 of apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "success": true, "queueId": "queue_01JD8Z0R7N5Q3T9V2X4B6C8D0F", "jobId": "~022052895097657407455",
    "processedJobId": "5b3c6d0e-7a1f-4c2b-9d4e-8f0a1b2c3d4e", "applicationStatus": "processing",
    "creditsRemaining": 41,
}))]
pub struct ApplyAnswer {
    /// Always true.
    pub success: bool,
    /// `queue_` and a ULID: what status is polled with.
    pub queue_id: String,
    /// Canonical ciphertext of the job.
    pub job_id: String,
    /// UUID of the job within this account.
    pub processed_job_id: String,
    /// Always `processing`.
    pub application_status: ApplicationStatus,
    /// Available credits after this reservation.
    pub credits_remaining: i64,
}
