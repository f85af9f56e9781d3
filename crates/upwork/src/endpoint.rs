//! Where the MCP server is, and how accounts come by their grant.

use url::Url;

/// The hosts between which the live server spreads its endpoints.
const LIVE_HOSTS: [&str; 2] = ["mcp.upwork.com", "www.upwork.com"];

/// The address of one MCP server.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its MCP resource, e.g. `https://mcp.upwork.com/mcp`.
    pub url: Url,
    /// How accounts come by their grant.
    pub consent: Consent,
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
    /// Whether tokens and codes may travel to `url`: pinned hosts over https, or the stand-in's own address.
    pub(crate) fn admits(&self, url: &Url) -> bool {
        match self.consent {
            Consent::ByItself => url.origin() == self.url.origin(),
            Consent::ByPerson => {
                url.scheme() == "https"
                    && url.port().is_none()
                    && url.host_str().is_some_and(|host| LIVE_HOSTS.contains(&host))
            }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn tokens_travel_to_pinned_addresses_only() {
        let url = |text: &str| Url::parse(text).unwrap();
        let live = Endpoint { url: url("https://mcp.upwork.com/mcp"), consent: Consent::ByPerson };
        assert!(live.admits(&url("https://www.upwork.com/api/v3/oauth2/token")));
        for wrong in
            ["http://www.upwork.com/", "https://www.upwork.com:8443/", "https://upwork.com.evil.example/"]
        {
            assert!(!live.admits(&url(wrong)), "{wrong}");
        }
        let own = Endpoint { url: url("http://127.0.0.1:4000/mcp"), consent: Consent::ByItself };
        assert!(own.admits(&url("http://127.0.0.1:4000/token")));
        assert!(!own.admits(&url("http://127.0.0.1:4001/token")));
        assert_eq!(own.at("/register").as_str(), "http://127.0.0.1:4000/register");
    }
}
