use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The seven statuses of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationStatus {
    /// Queued or being submitted; the only status that is not an end.
    Processing,
    /// The application went through.
    Applied,
    /// It failed; the reason is in `errorMessage`.
    Failed,
    /// The job can no longer be had.
    NotAvailable,
    /// The agency misses a requirement of the job.
    NotEligible,
    /// The agency has too few Connects.
    NotEnoughConnects,
    /// The account's login was refused; nothing was sent.
    LoggedOut,
}

impl ApplicationStatus {
    /// All seven.
    pub const ALL: [Self; 7] = [
        Self::Processing,
        Self::Applied,
        Self::Failed,
        Self::NotAvailable,
        Self::NotEligible,
        Self::NotEnoughConnects,
        Self::LoggedOut,
    ];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Applied => "applied",
            Self::Failed => "failed",
            Self::NotAvailable => "not_available",
            Self::NotEligible => "not_eligible",
            Self::NotEnoughConnects => "not_enough_connects",
            Self::LoggedOut => "logged_out",
        }
    }

    /// Whether polling ends with it.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        self != Self::Processing
    }
}

/// Answer 200 of `GET /api/auto-apply-v2/status`: always these eight keys, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "jobId": "~022052895097657407455", "processedJobId": "5b3c6d0e-7a1f-4c2b-9d4e-8f0a1b2c3d4e",
    "applicationStatus": "applied", "applicationStatusMessage": "Successfully applied via auto-apply",
    "queueId": "queue_01JD8Z0R7N5Q3T9V2X4B6C8D0F", "appliedAt": 1732204800000_i64,
    "processedAt": 1732204790000_i64, "errorMessage": null,
}))]
pub struct StatusAnswer {
    /// Canonical ciphertext of the job.
    pub job_id: String,
    /// UUID of the job within this account.
    pub processed_job_id: String,
    /// One of seven.
    pub application_status: ApplicationStatus,
    /// A sentence for people.
    pub application_status_message: String,
    /// The application's id.
    pub queue_id: String,
    /// Unix milliseconds of the established success; null unless `applied`.
    pub applied_at: Option<i64>,
    /// Unix milliseconds when a worker or person first took it up; null before.
    pub processed_at: Option<i64>,
    /// `<code>: <sentence>`; null in `processing` and `applied`.
    pub error_message: Option<String>,
}
