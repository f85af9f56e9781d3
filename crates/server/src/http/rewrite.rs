//! Aliases: older paths of the same endpoints, rewritten before routing, never answered by a redirect.
//! Source: uphunt-api.md §1.

use std::borrow::Cow;

use axum::http::{Request, Uri};

/// An older path, and the one that it stands for.
pub(crate) struct Alias {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) target: &'static str,
}

const fn alias(method: &'static str, path: &'static str, target: &'static str) -> Alias {
    Alias { method, path, target }
}

const APPLY: &str = "/api/auto-apply-v2/apply";
const FREELANCERS: &str = "/api/auto-apply-v2/freelancers";
const JOB: &str = "/api/jobs/by-ciphertext";
const CLIENT_JOBS: &str = "/api/clients/{companyId}/jobs";
/// Where `proposal` was called `applicationOptions`.
const LEGACY_APPLY: &str = "/api/auto-apply/external";

/// All of them, for the description of the API.
pub(crate) const ALIASES: [Alias; 8] = [
    alias("POST", LEGACY_APPLY, APPLY),
    alias("GET", "/api/auto-apply/external/freelancers", FREELANCERS),
    alias("GET", "/api/v1/clients/{companyId}/jobs", CLIENT_JOBS),
    alias("GET", "/api/v2/clients/{companyId}/jobs", CLIENT_JOBS),
    alias("GET", "/api/v1/jobs/by-ciphertext", JOB),
    alias("GET", "/api/v2/jobs/by-ciphertext", JOB),
    alias("GET", "/api/v1/jobs/{ciphertext}", JOB),
    alias("GET", "/api/v2/jobs/{ciphertext}", JOB),
];

/// The request came by the legacy path of apply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Legacy;

/// Puts the path of an alias right.
pub(crate) fn rewrite<B>(mut request: Request<B>) -> Request<B> {
    let Some(target) = target(request.uri()) else { return request };
    let is_legacy_apply = request.uri().path() == LEGACY_APPLY;
    // What is put together from the parts of a URI is a URI.
    if let Ok(uri) = target.parse() {
        *request.uri_mut() = uri;
        if is_legacy_apply {
            request.extensions_mut().insert(Legacy);
        }
    }
    request
}

fn target(uri: &Uri) -> Option<String> {
    let path = uri.path();
    if path == LEGACY_APPLY {
        return Some(with_query(APPLY.into(), uri));
    }
    if path == "/api/auto-apply/external/freelancers" {
        return Some(with_query(FREELANCERS.into(), uri));
    }
    let rest = path.strip_prefix("/api/v1/").or_else(|| path.strip_prefix("/api/v2/"))?;
    if rest.starts_with("clients/") || rest == "jobs/by-ciphertext" {
        return Some(with_query(format!("/api/{rest}").into(), uri));
    }
    let ciphertext = rest.strip_prefix("jobs/").filter(|one| !one.is_empty() && !one.contains('/'))?;
    // A path may hold what separates the parts of a query.
    Some(format!("{JOB}?cipher={}", ciphertext.replace('&', "%26").replace('+', "%2B")))
}

fn with_query(path: Cow<'_, str>, uri: &Uri) -> String {
    match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn each_alias_leads_to_its_target_and_nothing_else_is_touched() {
        let rewritten = |from: &str| target(&from.parse().unwrap());
        for (from, to) in [
            ("/api/auto-apply/external", "/api/auto-apply-v2/apply"),
            ("/api/auto-apply/external/freelancers?x=1", "/api/auto-apply-v2/freelancers?x=1"),
            ("/api/v1/clients/12/jobs", "/api/clients/12/jobs"),
            ("/api/v2/clients/12/jobs?a=b", "/api/clients/12/jobs?a=b"),
            ("/api/v2/jobs/by-ciphertext?cipher=~021", "/api/jobs/by-ciphertext?cipher=~021"),
            ("/api/v1/jobs/~021", "/api/jobs/by-ciphertext?cipher=~021"),
            ("/api/v2/jobs/%7E021?cipher=~022", "/api/jobs/by-ciphertext?cipher=%7E021"),
            ("/api/v2/jobs/~02+&cipher=1", "/api/jobs/by-ciphertext?cipher=~02%2B%26cipher=1"),
        ] {
            assert_eq!(rewritten(from).as_deref(), Some(to), "{from}");
        }
        for other in ["/api/v1/jobs/", "/api/v1/jobs/a/b", "/api/v3/jobs/a", "/api/v1/webhooks", "/", "*"] {
            assert_eq!(rewritten(other), None, "{other}");
        }
    }
}
