//! Settings of the webhooks.

use applyd_core::delivery::Schedule;
use ipnet::IpNet;
use serde::Deserialize;

use super::{Invalid, Span};
use crate::notify::Rules;

/// Settings of the webhooks.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// Where messages may go.
    pub rules: Rules,
    /// When they are tried again, and when no longer.
    pub schedule: Schedule,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWebhooks {
    allow_http: bool,
    allowed_networks: Vec<String>,
    retries: Vec<Span>,
    disable_after: Span,
}

const MOST_RETRIES: usize = 32;
/// Events are kept for 30 days; a retry after more than that tells nothing.
const LONGEST_MS: i64 = 30 * 24 * 60 * 60 * 1000;

impl RawWebhooks {
    pub(super) fn checked(self) -> Result<Webhooks, Invalid> {
        let allowed_networks =
            self.allowed_networks.iter().map(|text| network(text)).collect::<Result<_, _>>()?;
        let rules = Rules { allow_http: self.allow_http, allowed_networks };
        let retries_ms: Vec<i64> = self.retries.iter().map(|wait| wait.ms()).collect();
        if retries_ms.len() > MOST_RETRIES || retries_ms.iter().any(|ms| *ms > LONGEST_MS) {
            return Err(Invalid::new("webhooks.retries", "must hold at most 32 durations of at most 720h"));
        }
        let disable_after_ms = self.disable_after.ms();
        if !(1..=LONGEST_MS).contains(&disable_after_ms) {
            return Err(Invalid::new("webhooks.disable_after", "must be above 0s and at most 720h"));
        }
        Ok(Webhooks { rules, schedule: Schedule { retries_ms, disable_after_ms } })
    }
}

/// An address within a network is no network: whoever writes `10.1.2.3/8` may mean either.
fn network(text: &str) -> Result<IpNet, Invalid> {
    text.parse().ok().filter(|network: &IpNet| network.trunc() == *network).ok_or_else(|| {
        let rule = format!("must hold networks such as 10.1.0.0/16 or 127.0.0.1/32, not `{text}`");
        Invalid::new("webhooks.allowed_networks", &rule)
    })
}
