//! Who a request is from, as far as it tells.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use applyd_store::session::Session;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};

use super::local::Local;
use crate::http::Peer;

/// A request's origin and session; the guard finds it, handlers only read it.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    /// Set when a session stands.
    pub(super) session: Option<Arc<Session>>,
    /// What its forms must carry; empty: it has none.
    pub(super) csrf: String,
    /// A cookie of a session came along, whatever it was good for.
    pub(super) was_signed_in: bool,
    pub(super) is_https: bool,
    /// By script, for a part of a page.
    pub(super) is_htmx: bool,
    /// From a link of somebody else's, so without our cookies.
    pub(super) is_from_elsewhere: bool,
    /// The page it is for.
    pub(super) at: Local,
    /// Where it comes from, for the count of wrong passwords.
    pub(super) address: String,
}

impl Visitor {
    pub(super) fn of(request: &Request) -> Self {
        let headers = request.headers();
        let is_htmx = headers.contains_key("hx-request");
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        Self {
            session: None,
            csrf: String::new(),
            was_signed_in: false,
            is_https: text(headers, "x-forwarded-proto")
                .is_some_and(|proto| proto.eq_ignore_ascii_case("https")),
            is_htmx,
            is_from_elsewhere: text(headers, "sec-fetch-site") == Some("cross-site"),
            at: if request.method() == "GET" { Local::parse(path) } else { Local::first() },
            address: address(request),
        }
    }

    /// Whether a form carries what it must; both are hashed first, so that the time tells nothing of them.
    pub(super) fn knows(&self, csrf: &str) -> bool {
        !self.csrf.is_empty() && Sha256::digest(csrf.as_bytes()) == Sha256::digest(self.csrf.as_bytes())
    }
}

/// What a form of the sign-in carries: nobody can tell it who does not have the cookie.
pub(super) fn csrf_of_visit(visit: &str) -> String {
    let sha256 = Sha256::digest(format!("form of {visit}").as_bytes());
    sha256.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Behind a proxy of this network the address that it saw, which it writes last; otherwise anybody could name one.
fn address(request: &Request) -> String {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.to_canonical());
    let is_near = match peer {
        Some(IpAddr::V4(near)) => near.is_loopback() || near.is_private(),
        Some(IpAddr::V6(near)) => near.is_loopback() || near.is_unique_local(),
        None => false,
    };
    let forwarded = text(request.headers(), "x-forwarded-for").and_then(|all| all.rsplit(',').next());
    let forwarded = forwarded.and_then(|last| last.trim().parse::<IpAddr>().ok()).filter(|_| is_near);
    forwarded.or(peer).map_or_else(|| "unknown".to_owned(), |address| address.to_string())
}

/// Whether a browser says that a request comes from a page of ours. One that says nothing has the form's token.
pub(super) fn is_of_ours(headers: &HeaderMap) -> bool {
    if let Some(site) = text(headers, "sec-fetch-site") {
        return site == "same-origin";
    }
    // Without a referrer a browser writes `null` for a page of ours too.
    let Some(origin) = text(headers, header::ORIGIN.as_str()).filter(|origin| *origin != "null") else {
        return true;
    };
    let host = text(headers, header::HOST.as_str()).unwrap_or_default();
    origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(host))
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // Every route of the dashboard is guarded; one that is not would be nobody's.
        let nobody = || Self::of(&Request::default());
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(nobody))
    }
}
