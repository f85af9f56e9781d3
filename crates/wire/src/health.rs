use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Answer 200 of `GET /healthz` and `GET /readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"status": "ok"}))]
pub struct HealthAnswer {
    /// `ok`.
    pub status: String,
}

impl HealthAnswer {
    /// All is well.
    #[must_use]
    pub fn ok() -> Self {
        Self { status: "ok".into() }
    }
}
