//! Settings of the webhooks.

use ipnet::IpNet;
use serde::Deserialize;

use super::Invalid;
use crate::notify::Rules;

/// Settings of the webhooks.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// Where messages may go.
    pub rules: Rules,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWebhooks {
    allow_http: bool,
    allowed_networks: Vec<String>,
}

impl RawWebhooks {
    pub(super) fn checked(self) -> Result<Webhooks, Invalid> {
        let allowed_networks =
            self.allowed_networks.iter().map(|text| network(text)).collect::<Result<_, _>>()?;
        Ok(Webhooks { rules: Rules { allow_http: self.allow_http, allowed_networks } })
    }
}

/// An address within a network is no network: whoever writes `10.1.2.3/8` may mean either.
fn network(text: &str) -> Result<IpNet, Invalid> {
    text.parse().ok().filter(|network: &IpNet| network.trunc() == *network).ok_or_else(|| {
        let rule = format!("must hold networks such as 10.1.0.0/16 or 127.0.0.1/32, not `{text}`");
        Invalid::new("webhooks.allowed_networks", &rule)
    })
}
