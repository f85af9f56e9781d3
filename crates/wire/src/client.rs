use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::job::Amount;

/// Answer 200 of `GET /api/clients/:companyId/jobs`; what is unknown is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "companyId": "8000000000000000013", "lastSyncedAt": 1795564800000_i64,
    "buyer": {
        "company": {
            "name": "Sandbox Client 0013", "companyId": "8000000000000000013", "isEDCReplicated": null,
            "contractDate": null,
        },
        "location": {"city": null, "country": "USA", "countryTimezone": "America/New_York (UTC-05:00)"},
        "stats": {
            "totalAssignments": 0, "score": null, "totalCharges": {"amount": 0}, "feedbackCount": 0,
            "totalJobsWithHires": 0,
        },
        "enterprise": null, "avgHourlyJobsRate": null, "postedCount": null, "topClient": null,
        "phoneVerificationStatus": {"status": "VERIFIED"},
    },
    "openJobs": [{
        "id": "9000000000000000013", "ciphertext": "~029000000000000000013", "title": "Sandbox job 0013",
        "type": "HOURLY", "isPtcPrivate": false,
    }],
    "workHistory": [], "archivedCiphers": ["~029000000000000000013"],
    "archivedJobIds": ["90000000-0000-4000-8000-000000000013"],
}))]
pub struct ClientJobsAnswer {
    /// Decimal.
    pub company_id: String,
    /// When the channel was read, Unix milliseconds.
    pub last_synced_at: i64,
    /// The client.
    pub buyer: Buyer,
    /// Its open jobs that this account has stored.
    pub open_jobs: Vec<OpenJob>,
    /// Its contracts, newest first.
    pub work_history: Vec<WorkHistory>,
    /// Ciphertexts of this answer that by-ciphertext has stored.
    pub archived_ciphers: Vec<String>,
    /// The UUIDs of those jobs.
    pub archived_job_ids: Vec<String>,
}

/// A client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Buyer {
    /// Name and id.
    pub company: Company,
    /// Where.
    pub location: Location,
    /// Record on Upwork.
    pub stats: Stats,
    /// Whether it is an enterprise client.
    pub enterprise: Option<bool>,
    /// What it pays by the hour, on the average.
    pub avg_hourly_jobs_rate: Option<Amount>,
    /// Jobs it has posted.
    pub posted_count: Option<i64>,
    /// Whether Upwork calls it a top client.
    pub top_client: Option<bool>,
    /// Whether Upwork has verified it.
    pub phone_verification_status: Option<Verification>,
}

/// What names a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Company {
    /// Shown name.
    pub name: Option<String>,
    /// Decimal.
    pub company_id: Option<String>,
    /// Upwork's own.
    #[serde(rename = "isEDCReplicated")]
    pub is_edc_replicated: Option<bool>,
    /// Member since, ISO 8601.
    pub contract_date: Option<String>,
}

/// Where a client is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// Its city.
    pub city: Option<String>,
    /// Its country.
    pub country: Option<String>,
    /// Its time zone.
    pub country_timezone: Option<String>,
}

/// A client's record on Upwork.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Contracts.
    pub total_assignments: Option<i64>,
    /// What freelancers gave it, of 5.
    #[schema(value_type = Option<f64>)]
    pub score: Option<serde_json::Number>,
    /// What it has spent. Where Upwork shows `$20K+`, that much at least.
    pub total_charges: Option<Amount>,
    /// How many gave a score.
    pub feedback_count: Option<i64>,
    /// Jobs that led to a contract.
    pub total_jobs_with_hires: Option<i64>,
}

/// Whether a client is verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Verification {
    /// Upwork's word, such as `VERIFIED`.
    pub status: String,
}

/// An open job of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenJob {
    /// Upwork's numeric id.
    pub id: String,
    /// Ciphertext.
    pub ciphertext: String,
    /// The client's words.
    pub title: Option<String>,
    /// `HOURLY` or `FIXED`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Whether only invited freelancers see it.
    pub is_ptc_private: bool,
}

/// A contract of a client. What is private is null, feedback that is suppressed is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkHistory {
    /// Whether nobody else sees what it is about.
    pub is_ptc_job: bool,
    /// `ACTIVE` or `CLOSED`.
    pub status: Option<String>,
    /// ISO 8601.
    pub start_date: Option<String>,
    /// ISO 8601; null while it runs.
    pub end_date: Option<String>,
    /// US dollars.
    #[schema(value_type = Option<f64>)]
    pub total_charge: Option<serde_json::Number>,
    /// Hours worked.
    #[schema(value_type = Option<f64>)]
    pub total_hours: Option<serde_json::Number>,
    /// The job it came from.
    pub job_info: PastJob,
    /// Who worked.
    pub contractor_info: Contractor,
    /// By the hour.
    pub rate: Option<Amount>,
    /// The client's of the freelancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
    /// The freelancer's of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback_to_client: Option<Feedback>,
}

/// The job that a contract came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PastJob {
    /// The client's words.
    pub title: Option<String>,
    /// Upwork's numeric id.
    pub id: Option<String>,
    /// Ciphertext.
    pub ciphertext: Option<String>,
    /// `HOURLY` or `FIXED`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `PUBLIC` or `PRIVATE`.
    pub access: Option<String>,
}

/// Who worked on a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contractor {
    /// Shown name.
    pub contractor_name: Option<String>,
    /// Ciphertext of the profile.
    pub ciphertext: Option<String>,
}

/// One side's feedback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Feedback {
    /// Always false: what is suppressed is absent.
    pub feedback_suppressed: bool,
    /// Of 5.
    #[schema(value_type = Option<f64>)]
    pub score: Option<serde_json::Number>,
    /// In words.
    pub comment: Option<String>,
}
