//! Where the MCP server is, and how accounts come by their grant.

use applyd_store::account::Channel;
use url::{Host, Url};

/// The hosts between which the live server spreads its endpoints.
const LIVE_HOSTS: [&str; 2] = ["mcp.upwork.com", "www.upwork.com"];

/// The address of one MCP server.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its MCP resource, e.g. `https://mcp.upwork.com/mcp`.
    pub url: Url,
    /// How accounts come by their grant.
    pub consent: Consent,
    /// The name of the address that it is asked from: all that ask from there share one rate. `None`: it need not be
    /// spared.
    pub egress: Option<String>,
    /// Where clients are registered, if not where the server's metadata says.
    pub registration: Option<Url>,
}

/// How accounts come by their grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// The stand-in consents by itself: its redirect is read, not followed.
    ByItself,
    /// A person consents in a browser; without a grant nothing is done.
    ByPerson,
}

impl Endpoint {
    /// Whether tokens and codes may travel to `url`: the server's own address; from a live one also the pinned hosts
    /// over https, between which it spreads its endpoints.
    pub(crate) fn admits(&self, url: &Url) -> bool {
        let is_own = url.origin() == self.url.origin();
        let is_live = self.consent == Consent::ByPerson && self.url.scheme() == "https";
        is_own
            || is_live
                && url.scheme() == "https"
                && url.port().is_none()
                && url.host_str().is_some_and(|host| LIVE_HOSTS.contains(&host))
    }

    /// The channel that is submitted to here.
    pub(crate) fn channel(&self) -> Channel {
        match self.consent {
            Consent::ByItself => Channel::Sandbox,
            Consent::ByPerson => Channel::Upwork,
        }
    }

    /// A path at the server's own origin.
    pub(crate) fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(path);
        url.set_query(None);
        url.set_fragment(None);
        url
    }
}

/// Plain http to this machine, where a stand-in may be.
#[must_use]
pub fn is_local(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && is_loopback
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn tokens_travel_to_pinned_addresses_only() {
        let url = |text: &str| Url::parse(text).unwrap();
        let live = Endpoint {
            url: url("https://mcp.upwork.com/mcp"),
            consent: Consent::ByPerson,
            egress: None,
            registration: None,
        };
        assert!(live.admits(&url("https://www.upwork.com/api/v3/oauth2/token")));
        for wrong in
            ["http://www.upwork.com/", "https://www.upwork.com:8443/", "https://upwork.com.evil.example/"]
        {
            assert!(!live.admits(&url(wrong)), "{wrong}");
        }
        let own = Endpoint {
            url: url("http://127.0.0.1:4000/mcp"),
            consent: Consent::ByItself,
            egress: None,
            registration: None,
        };
        assert!(own.admits(&url("http://127.0.0.1:4000/token")));
        assert!(!own.admits(&url("http://127.0.0.1:4001/token")));
        assert_eq!(own.at("/register").as_str(), "http://127.0.0.1:4000/register");
        let linked = Endpoint { consent: Consent::ByPerson, ..own };
        assert!(linked.admits(&url("http://127.0.0.1:4000/token")));
        for wrong in ["http://127.0.0.1:4001/token", "https://www.upwork.com/api/v3/oauth2/token"] {
            assert!(!linked.admits(&url(wrong)), "{wrong}");
        }
        let relay = Endpoint {
            url: url("https://relay.example:8443/mcp"),
            consent: Consent::ByPerson,
            egress: None,
            registration: None,
        };
        for right in ["https://relay.example:8443/token", "https://www.upwork.com/api/v3/oauth2/token"] {
            assert!(relay.admits(&url(right)), "{right}");
        }
        for wrong in ["https://relay.example/token", "http://relay.example:8443/token"] {
            assert!(!relay.admits(&url(wrong)), "{wrong}");
        }
    }

    #[test]
    fn a_stand_in_is_on_this_machine() {
        let is_local = |text: &str| is_local(&Url::parse(text).unwrap());
        for local in ["http://127.0.0.1:1/mcp", "http://localhost:1/mcp", "http://[::1]:1/mcp"] {
            assert!(is_local(local), "{local}");
        }
        for other in ["https://127.0.0.1/mcp", "http://10.0.0.1/mcp", "http://localhost.example/mcp"] {
            assert!(!is_local(other), "{other}");
        }
    }
}
