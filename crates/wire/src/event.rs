use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::StatusAnswer;

/// Types of events.
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
    /// A sample that a person asked for; about no application.
    #[serde(rename = "webhook.test")]
    Test,
}

impl EventType {
    /// Those that tell the end of an application.
    pub const TOLD: [Self; 7] = [
        Self::Applied,
        Self::Failed,
        Self::NotAvailable,
        Self::NotEligible,
        Self::NotEnoughConnects,
        Self::LoggedOut,
        Self::Corrected,
    ];

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
            Self::Test => "webhook.test",
        }
    }

    /// The type of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::TOLD.into_iter().chain([Self::Test]).find(|kind| kind.as_str() == name)
    }
}

/// One event as it is told, by webhook and by stream alike: always these four keys, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventBody {
    /// The event's id, the same in every delivery.
    pub id: String,
    /// What it tells.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// ISO-8601 with milliseconds, UTC.
    pub timestamp: String,
    /// The status as it was from this event on.
    pub data: StatusAnswer,
}

/// One event of the stream, by its fields there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "event": "application.applied", "id": "evt_01JD8Z1A2B3C4D5E6F7G8H9J0K",
    "data": "{\"id\":\"evt_01JD8Z1A2B3C4D5E6F7G8H9J0K\",\"type\":\"application.applied\",…}",
}))]
pub struct StreamedEvent {
    /// Its type.
    pub event: EventType,
    /// The cursor to go on from.
    pub id: String,
    /// The body that a webhook has, as JSON.
    #[schema(content_media_type = "application/json")]
    pub data: String,
}
