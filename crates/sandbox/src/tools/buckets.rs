//! Rate buckets: one for each organisation and kind of tool.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use super::Answer;
use crate::behaviour::Rate;
use crate::document::object;
use crate::stand_in::StandIn;

/// When each bucket would be full again, as one time: a call pushes it back by its refill.
#[derive(Default)]
pub(crate) struct Buckets(Mutex<HashMap<(String, bool), Instant>>);

impl Buckets {
    /// Takes a call from a bucket, or says how long until there is one.
    fn take(
        &self,
        org_uid: &str,
        sensitive: bool,
        burst_calls: u32,
        refill: Duration,
    ) -> Result<(), Duration> {
        let now = Instant::now();
        // A poisoned lock leaves a bucket as it was, which is a bucket still.
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = buckets.entry((org_uid.into(), sensitive)).or_insert(now);
        let after_this = (*full_at).max(now) + refill;
        let wait = after_this.saturating_duration_since(now + refill * burst_calls);
        if wait.is_zero() {
            *full_at = after_this;
            return Ok(());
        }
        Err(wait)
    }
}

/// The refusal of a call for which the organisation's bucket is empty.
pub(crate) fn limit(stand_in: &StandIn, org_uid: &str, tool: &str) -> Option<Answer> {
    let Rate::Buckets { burst_calls, sensitive_refill, plain_refill } = stand_in.settings.behaviour.rate
    else {
        return None;
    };
    let sensitive = matches!(
        tool,
        "find_jobs" | "get_profile" | "manage_proposals" | "confirm_preview" | "confirm_draft"
    );
    let refill = if sensitive { sensitive_refill } else { plain_refill };
    let wait = stand_in.buckets.take(org_uid, sensitive, burst_calls, refill).err()?;
    Some(stand_in.document(object(json!({
        "status": "error",
        "error_code": "SENSITIVE_RATE_LIMIT_EXCEEDED",
        "reason": "Too many calls of this kind. Wait, then try again.",
        "retry_after_seconds": wait.as_secs() + 1,
    }))))
}
