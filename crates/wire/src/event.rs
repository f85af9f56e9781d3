use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Types of the events that tell the end of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum EventType {
    /// It went through.
    #[serde(rename = "application.applied")]
    Applied,
    /// It failed, or its outcome is unknown.
    #[serde(rename = "application.failed")]
    Failed,
    /// The job is gone.
    #[serde(rename = "application.not_available")]
    NotAvailable,
    /// The agency may not apply.
    #[serde(rename = "application.not_eligible")]
    NotEligible,
    /// Too few Connects.
    #[serde(rename = "application.not_enough_connects")]
    NotEnoughConnects,
    /// The login was refused.
    #[serde(rename = "application.logged_out")]
    LoggedOut,
    /// An unknown outcome was settled.
    #[serde(rename = "application.corrected")]
    Corrected,
}

impl EventType {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "application.applied",
            Self::Failed => "application.failed",
            Self::NotAvailable => "application.not_available",
            Self::NotEligible => "application.not_eligible",
            Self::NotEnoughConnects => "application.not_enough_connects",
            Self::LoggedOut => "application.logged_out",
            Self::Corrected => "application.corrected",
        }
    }
}
