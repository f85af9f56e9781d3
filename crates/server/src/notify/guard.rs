//! Where an address that a user gave may lead: to the public internet, and where the operator allows.

use std::net::IpAddr;

use applyd_core::address::{is_public, reached};
use applyd_core::refusal::Refusal;
use axum::http::HeaderValue;
use axum::http::uri::{PathAndQuery, Uri};
use ipnet::IpNet;
use rustls::pki_types::ServerName;
use url::{Host, Position, Url};

const LONGEST_URL_BYTES: usize = 2048;
const HTTPS_PORTS: &[u16] = &[443, 8443];
/// The usual ports of plain http beside those of https.
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
    pub(super) authority: HeaderValue,
    pub(super) host: ServerName<'static>,
    pub(super) port: u16,
    pub(super) path: Uri,
}

impl Target {
    /// Reads the URL of a receiver. A name is judged when it is resolved, for each message anew.
    ///
    /// The text of a stored URL is to be read before each message: the operator may have changed the rules.
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
        let host = host(&url, authority)?;
        let port = url.port_or_known_default().unwrap_or_default();
        let path = PathAndQuery::try_from(&url[Position::BeforePath..Position::AfterQuery])
            .map_err(|_| malformed("must percent-encode unusual characters of its path"))?;
        let authority = HeaderValue::try_from(&url[Position::BeforeHost..Position::AfterPort])
            .map_err(|_| malformed("must name a host"))?;
        let target = Self { url, authority, host, port, path: path.into() };
        target.judge(rules)?;
        Ok(target)
    }

    /// The URL as it is requested.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    pub(super) fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether a message may go to this address, which is the target's own or what its name led to.
    pub(super) fn admits(&self, address: IpAddr, rules: &Rules) -> bool {
        rules.exempt(address) || is_public(address) && self.ports().contains(&self.port)
    }

    /// What can be told before a name is resolved.
    fn judge(&self, rules: &Rules) -> Result<(), Refusal> {
        let (is_public, is_exempt) = match self.host {
            ServerName::IpAddress(address) => (is_public(address.into()), rules.exempt(address.into())),
            // Whether it leads into an allowed network shows when it is resolved.
            _ => (true, !rules.allowed_networks.is_empty()),
        };
        if is_exempt {
            return Ok(());
        }
        if !is_public {
            return Err(wrong("must not lead to a private, local or reserved address"));
        }
        if !self.ports().contains(&self.port) {
            let ports: Vec<_> = self.ports().iter().map(u16::to_string).collect();
            return Err(wrong(format!("must use one of the ports {}", ports.join(", "))));
        }
        Ok(())
    }

    fn ports(&self) -> &'static [u16] {
        if self.is_secure() { HTTPS_PORTS } else { HTTP_PORTS }
    }
}

impl Rules {
    fn exempt(&self, address: IpAddr) -> bool {
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

/// The host, if an address among the hosts is spelled as what it is.
fn host(url: &Url, authority: &str) -> Result<ServerName<'static>, Refusal> {
    let (address, is_plain) = match url.host() {
        Some(Host::Ipv4(address)) => {
            let spelled = address.to_string();
            (IpAddr::V4(address), authority.split(':').next() == Some(&spelled))
        }
        Some(Host::Ipv6(address)) => {
            let address = IpAddr::V6(address);
            (reached(address), reached(address) == address)
        }
        Some(Host::Domain(name)) => return named(name),
        None => return Err(malformed("must name a host")),
    };
    if is_plain { Ok(address.into()) } else { Err(wrong(format!("must spell its address as {address}"))) }
}

fn named(name: &str) -> Result<ServerName<'static>, Refusal> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    if bare == "localhost" || bare.ends_with(".localhost") {
        return Err(wrong("must not name this machine; an operator can allow its address"));
    }
    let name = ServerName::try_from(bare.to_owned()).ok().filter(|_| !bare.ends_with('.'));
    name.ok_or_else(|| malformed("must name a host that can exist"))
}

fn malformed(rule: impl std::fmt::Display) -> Refusal {
    Refusal::shape("url", format!("`url` {rule}"))
}

fn wrong(rule: impl std::fmt::Display) -> Refusal {
    Refusal::meaning("url", format!("`url` {rule}"))
}

#[cfg(test)]
mod tests;
