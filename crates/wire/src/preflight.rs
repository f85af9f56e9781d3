use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::ApplyRequest;

/// Body of `POST /api/auto-apply-v2/preflight`, for its description only: an [`ApplyRequest`] whose letter may be
/// absent.
#[derive(Debug)]
pub struct PreflightRequest;

impl PartialSchema for PreflightRequest {
    fn schema() -> RefOr<Schema> {
        const MAY_BE_ABSENT: &str = "coverLetter";
        let mut schema = ApplyRequest::schema();
        if let RefOr::T(Schema::Object(whole)) = &mut schema {
            whole.required.retain(|name| name != MAY_BE_ABSENT);
            if let Some(RefOr::T(Schema::Object(letter))) = whole.properties.get_mut(MAY_BE_ABSENT) {
                letter.schema_type = SchemaType::from_iter([Type::String, Type::Null]);
                letter.description = Some("As for apply; may be absent.".to_owned());
            }
        }
        schema
    }
}

impl ToSchema for PreflightRequest {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("PreflightRequest")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ApplyRequest::schemas(schemas);
    }
}

/// Answer 200 of `POST /api/auto-apply-v2/preflight`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "jobId": "~029000000000000000013", "processedJobId": "90000000-0000-4000-8000-000000000013",
    "verdict": "failed", "approval": "none", "contractType": "HOURLY",
    "connects": {"cost": 10, "boost": 0, "total": 10, "balance": 500, "max": null},
    "questions": [{"position": 0, "question": "When can you start?", "answered": false}],
    "milestonesAllowed": null,
    "problems": [{
        "code": "missing_answer", "field": "questionAnswers",
        "message": "A screening question has no answer: When can you start? Re-applying is safe.",
    }],
}))]
pub struct PreflightAnswer {
    /// Canonical ciphertext.
    pub job_id: String,
    /// UUID of the job within this account.
    pub processed_job_id: String,
    /// `ok`, or the status that an application would end in now.
    pub verdict: Verdict,
    /// `none`, `by_request` or `required`: whether a person must approve it; `desk`: a person submits it.
    pub approval: String,
    /// `HOURLY` or `FIXED`; null when the job was not read.
    pub contract_type: Option<String>,
    /// Null when the job was not read.
    pub connects: Option<Connects>,
    /// Null when the job was not read.
    pub questions: Option<Vec<AskedQuestion>>,
    /// Of a job with a fixed price; null for any other.
    pub milestones_allowed: Option<bool>,
    /// What stands against it, in the order in which an application would meet it.
    pub problems: Vec<Problem>,
}

/// What an application would come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing stands against it.
    Ok,
    /// As the status of that name.
    Failed,
    /// As the status of that name.
    NotAvailable,
    /// As the status of that name.
    NotEligible,
    /// As the status of that name.
    NotEnoughConnects,
    /// As the status of that name.
    LoggedOut,
}

/// What an application would cost, and what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Connects {
    /// Of the proposal.
    pub cost: i64,
    /// On top, as asked.
    pub boost: i64,
    /// Both.
    pub total: i64,
    /// What the agency has.
    pub balance: i64,
    /// `maxConnects`, if it was given.
    pub max: Option<i64>,
}

/// A screening question of the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AskedQuestion {
    /// From 0.
    pub position: usize,
    /// The client's words.
    pub question: String,
    /// Whether the request answers it.
    pub answered: bool,
}

/// What stands against an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A code of `errorMessage`, or `duplicate` or `no_credit`.
    pub code: String,
    /// The member of the request that would help, if one would.
    pub field: Option<String>,
    /// In plain words.
    pub message: String,
}
