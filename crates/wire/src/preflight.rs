use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Answer 200 of `POST /api/auto-apply-v2/preflight`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreflightAnswer {
    /// Canonical ciphertext.
    pub job_id: String,
    /// UUID of the job within this account.
    pub processed_job_id: String,
    /// `ok`, or the status that an application would end in now.
    pub verdict: Verdict,
    /// `none`, `by_request` or `required`: whether a person must approve it.
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
