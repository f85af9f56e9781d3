//! Where a user's address may lead: to the public internet, and to what the operator allows.

use std::net::IpAddr;

use applyd_core::address::{is_public, reached};
use applyd_core::refusal::Refusal;
use ipnet::IpNet;
use rustls::pki_types::ServerName;
use url::{Host, Url};

const LONGEST_URL_BYTES: usize = 2048;
const HTTPS_PORTS: &[u16] = &[443, 8443];
/// Plain http reaches its own ports too.
const HTTP_PORTS: &[u16] = &[80, 443, 8080, 8443];

/// What the operator allows beyond https to public addresses.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Whether plain http may be used.
    pub allow_http: bool,
    /// Networks that are reached although they are not public, at every port.
    pub allowed_networks: Vec<IpNet>,
}

/// A URL that a message may be sent to, if its name leads where the rules allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
    host: Host<String>,
    name: ServerName<'static>,
    port: u16,
}

impl Target {
    /// Reads the URL of a receiver. Names are judged when they are resolved, for each message anew.
    ///
    /// Read a stored URL again before each message: the operator may have changed the rules.
    ///
    /// # Errors
    /// Which rule the field `url` breaks, and what is allowed.
    pub fn parse(text: &str, rules: &Rules) -> Result<Self, Refusal> {
        let (url, authority) = plain(text)?;
        if !(url.scheme() == "https" || url.scheme() == "http" && rules.allow_http) {
            let allowed = if rules.allow_http { "https:// or http://" } else { "https://" };
            return Err(wrong(format!("must begin with {allowed}")));
        }
        if authority.contains('@') {
            return Err(wrong("must not hold a user name or password"));
        }
        if url.fragment().is_some() {
            return Err(wrong("must not hold a fragment (#...)"));
        }
        let no_host = || malformed("must name a host");
        let host = url.host().ok_or_else(no_host)?.to_owned();
        let port = url.port_or_known_default().ok_or_else(no_host)?;
        let name = match &host {
            Host::Domain(name) => named(name)?,
            Host::Ipv4(address) => {
                if authority.split(':').next() != Some(address.to_string().as_str()) {
                    return Err(wrong(format!("must spell its address as {address}")));
                }
                IpAddr::V4(*address).into()
            }
            Host::Ipv6(address) => {
                let reached = reached(IpAddr::V6(*address));
                if reached.is_ipv4() {
                    return Err(wrong(format!("must spell its address as {reached}")));
                }
                IpAddr::V6(*address).into()
            }
        };
        let target = Self { url, host, name, port };
        target.check(rules)?;
        Ok(target)
    }

    /// The URL as it is requested.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Whether a message may go to this address, which is the target's own or which its name led to.
    pub(crate) fn admits(&self, address: IpAddr, rules: &Rules) -> bool {
        rules.exempts(address) || is_public(address) && self.ports().contains(&self.port)
    }

    /// What can be told before the name is resolved.
    fn check(&self, rules: &Rules) -> Result<(), Refusal> {
        let (refused, exempt) = match self.name {
            ServerName::IpAddress(address) => (!is_public(address.into()), rules.exempts(address.into())),
            // Which network it is in shows when it is resolved.
            _ => (false, !rules.allowed_networks.is_empty()),
        };
        if refused && !exempt {
            return Err(wrong("must not lead to a private, local or reserved address"));
        }
        if !exempt && !self.ports().contains(&self.port) {
            let allowed: Vec<_> = self.ports().iter().map(u16::to_string).collect();
            return Err(wrong(format!("must use port {}", allowed.join(", "))));
        }
        Ok(())
    }

    fn ports(&self) -> &'static [u16] {
        if self.url.scheme() == "https" { HTTPS_PORTS } else { HTTP_PORTS }
    }
}

impl Rules {
    fn exempts(&self, address: IpAddr) -> bool {
        let reached = reached(address);
        self.allowed_networks.iter().any(|network| network.contains(&address) || network.contains(&reached))
    }
}

/// The URL and its authority, if every reader of the text understands the same by it: a parser that drops
/// line breaks or takes `\` for `/` sees another host than a person or a log.
fn plain(text: &str) -> Result<(Url, &str), Refusal> {
    if text.len() > LONGEST_URL_BYTES {
        return Err(malformed("must have at most 2048 bytes"));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(malformed("must not hold spaces, line breaks or backslashes"));
    }
    let url = Url::parse(text)
        .map_err(|error| malformed(format!("must be a URL such as https://example.com/hook: {error}")))?;
    let authority = text
        .get(url.scheme().len()..)
        .and_then(|rest| rest.strip_prefix("://"))
        .and_then(|rest| rest.split(['/', '?', '#']).next())
        .filter(|authority| !authority.is_empty() && !authority.contains('%'))
        .ok_or_else(|| malformed("must name its host right after ://, without %"))?;
    Ok((url, authority))
}

fn named(name: &str) -> Result<ServerName<'static>, Refusal> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    if bare == "localhost" || bare.ends_with(".localhost") {
        return Err(wrong("must not lead to this machine by name"));
    }
    ServerName::try_from(bare.to_owned()).map_err(|_| malformed("must name a host that can exist"))
}

fn malformed(rule: impl std::fmt::Display) -> Refusal {
    Refusal::shape("url", format!("`url` {rule}"))
}

fn wrong(rule: impl std::fmt::Display) -> Refusal {
    Refusal::meaning("url", format!("`url` {rule}"))
}
