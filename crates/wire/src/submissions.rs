use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Answer 200 of `GET /sandbox/submissions`; source: sandbox-jobs.md §4.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"submissions": [{
    "agency": "org_1", "jobId": "~022900000000000001000", "received": 1, "accepted": 1,
    "proposals": [{
        "id": "prop_1", "queueId": "queue_01JD8Z0R7N5Q3T9V2X4B6C8D0F", "createdAt": 1732204790000_i64,
        "coverLetterSha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        "price": 65.0, "answers": 0, "boostConnects": 0,
    }],
}]}))]
pub struct SubmissionsAnswer {
    /// By agency and job.
    pub submissions: Vec<Submissions>,
}

/// What reached the stand-in for one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Submissions {
    /// The organisation in the stand-in.
    pub agency: String,
    /// Canonical ciphertext of the job.
    pub job_id: String,
    /// Confirm requests that arrived whole.
    pub received: i64,
    /// Proposals that were stored.
    pub accepted: i64,
    /// The stored proposals.
    pub proposals: Vec<SubmittedProposal>,
}

/// One proposal in the stand-in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubmittedProposal {
    /// The stand-in's id.
    pub id: String,
    /// The application that it was labelled with.
    pub queue_id: Option<String>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Of the letter as it arrived.
    pub cover_letter_sha256: String,
    /// In dollars.
    pub price: f64,
    /// How many questions were answered.
    pub answers: i64,
    /// Connects of the boost.
    pub boost_connects: i64,
}
