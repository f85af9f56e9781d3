use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApplicationStatus;
use crate::object::{object, objects};

/// Body of `POST /api/auto-apply-v2/apply`, as it arrives: every member may be absent, nothing is judged.
/// Members that the contract does not name are ignored here and kept with the record by the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplyRequest {
    /// Job URL, ciphertext (`~01…`, `~02…`) or processed-job UUID. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// 1 to 5000 Unicode scalar values, sent as given. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cover_letter: Option<String>,
    /// Freelancer profile to apply as; absent: the account's default profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_id: Option<String>,
    /// Price, timeline and Connects.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub proposal: Option<ProposalTerms>,
    /// Let the server answer the questions that were left unanswered; absent: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_fill_other_questions: Option<bool>,
    /// Answers to the job's screening questions, at most 20.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "objects")]
    pub question_answers: Option<Vec<QuestionAnswer>>,
}

/// The member `proposal` of an [`ApplyRequest`]. Money in US dollars, at most two decimals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProposalTerms {
    /// Hourly rate in dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hourly_rate: Option<f64>,
    /// One of the four documented labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<String>,
    /// Fixed price in dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_price: Option<f64>,
    /// 1 to 20 milestones of a fixed price.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "objects")]
    pub milestones: Option<Vec<Milestone>>,
    /// Connects bid for a boosted place; 0: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boost_connects: Option<i64>,
    /// Ceiling for cost and boost together, in Connects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_connects: Option<i64>,
}

/// One milestone of a fixed price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Milestone {
    /// 1 to 240 characters.
    pub description: String,
    /// Dollars, above 0.
    pub amount: f64,
    /// `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<String>,
}

/// One answer to a screening question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuestionAnswer {
    /// The question as the job asks it.
    pub question: String,
    /// 1 to 5000 characters.
    pub answer: String,
}

/// Answer 200 of apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
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
