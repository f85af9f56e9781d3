use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::client::{Location, Stats, WorkHistory};

/// Answer 200 of `GET /api/jobs/by-ciphertext`. Names inside follow Upwork's own objects; what is unknown is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "ciphertext": "~029000000000000000013", "processedJobId": "90000000-0000-4000-8000-000000000013",
    "lastSyncedAt": 1795564800000_i64,
    "jobDetailsResponse": {"data": {"jobPubDetails": {
        "opening": {
            "status": "ACTIVE", "postedOn": "2026-01-01T00:00:00.000Z", "publishTime": "2026-01-01T00:00:00.000Z",
            "description": "Sandbox job 0013. two screening questions", "contractorTier": 3,
            "info": {
                "ciphertext": "~029000000000000000013", "id": "9000000000000000013", "type": "HOURLY",
                "title": "Sandbox job 0013",
            },
            "budget": null,
            "extendedBudgetInfo": {"hourlyBudgetMin": 30, "hourlyBudgetMax": 90, "hourlyBudgetType": "MANUAL"},
            "engagementDuration": {"label": "1 to 3 months", "weeks": 9},
            "clientActivity": {
                "totalApplicants": 8, "totalHired": 0, "totalInvitedToInterview": 0, "unansweredInvites": 0,
                "invitationsSent": 0, "numberOfPositionsToHire": 1,
            },
        },
        "buyer": {
            "location": {"city": null, "country": "USA", "countryTimezone": "America/New_York (UTC-05:00)"},
            "stats": {
                "totalAssignments": 0, "score": null, "totalCharges": {"amount": 0}, "feedbackCount": 0,
                "totalJobsWithHires": 0,
            },
            "company": {"companyId": "8000000000000000013"},
        },
        "qualifications": {
            "countries": [], "locationCheckRequired": false, "minJobSuccessScore": null, "prefEnglishSkill": "ANY",
            "risingTalent": false,
        },
        "similarJobs": [],
    }}},
    "authJobDetailsResponse": null,
}))]
pub struct JobAnswer {
    /// Canonical ciphertext.
    pub ciphertext: String,
    /// UUID of the job within this account.
    pub processed_job_id: String,
    /// When the channel was read, Unix milliseconds.
    pub last_synced_at: i64,
    /// What everybody sees.
    pub job_details_response: JobDetailsResponse,
    /// What the account sees; null if the channel has no such view.
    pub auth_job_details_response: Option<AuthJobDetailsResponse>,
}

/// The wrapping of the public view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobDetailsResponse {
    /// The wrapped.
    pub data: JobDetailsData,
}

/// The wrapping of the public view, second layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobDetailsData {
    /// The wrapped.
    pub job_pub_details: JobPubDetails,
}

/// The public view of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobPubDetails {
    /// The posting.
    pub opening: Opening,
    /// The client.
    pub buyer: JobBuyer,
    /// What the client would like.
    pub qualifications: Qualifications,
    /// Always empty here.
    #[schema(value_type = Vec<Object>)]
    pub similar_jobs: Vec<serde_json::Value>,
}

/// A posting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Opening {
    /// Upwork's word, such as `ACTIVE` or `CLOSED`.
    pub status: Option<String>,
    /// ISO 8601.
    pub posted_on: Option<String>,
    /// ISO 8601.
    pub publish_time: Option<String>,
    /// The client's text.
    pub description: Option<String>,
    /// 1 entry, 2 intermediate, 3 expert.
    pub contractor_tier: Option<i64>,
    /// What names the job.
    pub info: JobInfo,
    /// Of a fixed price.
    pub budget: Option<Amount>,
    /// Of a job by the hour.
    pub extended_budget_info: Option<HourlyBudget>,
    /// How long it should take.
    pub engagement_duration: Option<EngagementDuration>,
    /// What the client has done so far.
    pub client_activity: ClientActivity,
}

/// What names a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobInfo {
    /// Ciphertext.
    pub ciphertext: String,
    /// Upwork's numeric id.
    pub id: String,
    /// `HOURLY` or `FIXED`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The client's words.
    pub title: Option<String>,
}

/// Money in US dollars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Amount {
    /// How much.
    #[schema(value_type = f64)]
    pub amount: serde_json::Number,
}

/// The range of a job by the hour, US dollars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HourlyBudget {
    /// From.
    #[schema(value_type = Option<f64>)]
    pub hourly_budget_min: Option<serde_json::Number>,
    /// To.
    #[schema(value_type = Option<f64>)]
    pub hourly_budget_max: Option<serde_json::Number>,
    /// Upwork's word, such as `MANUAL`.
    pub hourly_budget_type: Option<String>,
}

/// How long a job should take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EngagementDuration {
    /// In words.
    pub label: Option<String>,
    /// In weeks.
    pub weeks: Option<i64>,
}

/// What the client has done with a posting so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientActivity {
    /// Proposals.
    pub total_applicants: Option<i64>,
    /// Hires.
    pub total_hired: Option<i64>,
    /// Interviews.
    pub total_invited_to_interview: Option<i64>,
    /// Invitations without an answer.
    pub unanswered_invites: Option<i64>,
    /// Invitations.
    pub invitations_sent: Option<i64>,
    /// How many are wanted.
    pub number_of_positions_to_hire: Option<i64>,
}

/// The client of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobBuyer {
    /// Where.
    pub location: Location,
    /// Record on Upwork.
    pub stats: Stats,
    /// Its id.
    pub company: CompanyId,
}

/// The id of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompanyId {
    /// Decimal.
    pub company_id: Option<String>,
}

/// What a client would like of freelancers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Qualifications {
    /// Where they should be.
    pub countries: Option<Vec<String>>,
    /// Whether they must be there.
    pub location_check_required: Option<bool>,
    /// Least job success score, per cent.
    pub min_job_success_score: Option<i64>,
    /// Upwork's word.
    pub pref_english_skill: Option<String>,
    /// Whether newcomers with a good start are wanted.
    pub rising_talent: Option<bool>,
}

/// The wrapping of the account's view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuthJobDetailsResponse {
    /// The wrapped.
    pub data: AuthJobDetailsData,
}

/// The wrapping of the account's view, second layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthJobDetailsData {
    /// The wrapped.
    pub job_auth_details: JobAuthDetails,
}

/// The account's view of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobAuthDetails {
    /// The posting.
    pub opening: AuthOpening,
    /// The client.
    pub buyer: AuthBuyer,
    /// What others bid.
    pub applicants_bids_stats: BidStats,
}

/// The account's view of a posting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuthOpening {
    /// What names the job.
    pub job: AuthJob,
    /// Screening questions in order.
    pub questions: Vec<Question>,
    /// What the client would like.
    pub qualifications: Qualifications,
}

/// What names a job, wrapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuthJob {
    /// The wrapped.
    pub info: JobInfo,
}

/// A screening question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Question {
    /// The client's words.
    pub question: String,
    /// From 0.
    pub position: usize,
}

/// The account's view of a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthBuyer {
    /// What names it.
    pub info: BuyerInfo,
    /// Its contracts, newest first.
    pub work_history: Vec<WorkHistory>,
}

/// What names a client, wrapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BuyerInfo {
    /// Its id.
    pub company: CompanyId,
}

/// What others bid, US dollars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BidStats {
    /// Mean.
    pub avg_rate_bid: Option<Amount>,
    /// Lowest.
    pub min_rate_bid: Option<Amount>,
    /// Highest.
    pub max_rate_bid: Option<Amount>,
}
