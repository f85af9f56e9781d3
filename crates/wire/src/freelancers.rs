use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Answer 200 of `GET /api/auto-apply-v2/freelancers`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FreelancersAnswer {
    /// The first one's default profile is the account's default.
    pub freelancers: Vec<Freelancer>,
}

/// One freelancer of the agency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Freelancer {
    /// Opaque id.
    pub id: String,
    /// Shown name.
    pub name: String,
    /// Exactly one of them is the default.
    pub profiles: Vec<Profile>,
}

/// One profile of a freelancer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// What apply takes.
    pub profile_id: String,
    /// What it offers.
    pub title: String,
    /// Its usual rate, US dollars.
    #[schema(value_type = f64)]
    pub hourly_rate: serde_json::Number,
    /// Whether it is the freelancer's default.
    pub is_default: bool,
}
