//! The receiving end of a webhook: whether a request is applyd's, and what it tells.
//!
//! Answer 2xx within 15 s, and drop events whose id came before: each is told at least once.

use std::time::SystemTime;

use applyd_core::signature::{self, Secret};
use applyd_wire::EventBody;
use reqwest::header::HeaderMap;

/// Why a request must not be believed.
#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    /// The secret is not one that applyd gave out.
    #[error("the secret is none; it begins with whsec_")]
    Secret,
    /// A header of the signature is missing or unreadable.
    #[error("the header `{0}` is missing or cannot be read")]
    Header(&'static str),
    /// Sent, or sent again by somebody, more than five minutes ago; or one of the two clocks is wrong.
    #[error("the message is more than five minutes old, or from the future")]
    Time,
    /// Another sender, another secret, or a changed body.
    #[error("no signature fits secret and body")]
    Signature,
    /// Signed by applyd, but no event that this version knows.
    #[error("the event cannot be read: {0}")]
    Event(#[from] serde_json::Error),
}

/// The event of a request, if `secret` signed it. `body` must be the bytes as they came.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use applyd_client::webhook::verify;
/// use reqwest::header::HeaderMap;
///
/// let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// let body = br#"{"id":"evt_01KAVZ3QGX4N8T0Q2V6Y9B1C5D","type":"application.applied",
/// "timestamp":"2026-11-24T18:00:00.000Z","data":{"jobId":"~022052895097657407455",
/// "processedJobId":"7f1d0c0e-6f0b-4d5e-9a43-0c0b5ab2a111","applicationStatus":"applied",
/// "applicationStatusMessage":"Successfully applied via auto-apply",
/// "queueId":"queue_01KAVZ3PZK5B7D9F1H3K5M7P9R","appliedAt":1795543200000,
/// "processedAt":1795543190000,"errorMessage":null}}"#;
/// let mut headers = HeaderMap::new();
/// headers.insert("webhook-id", "evt_01KAVZ3QGX4N8T0Q2V6Y9B1C5D".parse()?);
/// headers.insert("webhook-timestamp", "1795543201".parse()?);
/// headers.insert("webhook-signature", "v1,mWkHsVKl+kphe2E9pQ+AAuhs0ZYEXTDrmqqcoma+vak=".parse()?);
///
/// // A receiver passes `SystemTime::now()`.
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1795543202);
/// let event = verify(secret, &headers, body, now)?;
/// assert_eq!(event.kind.as_str(), "application.applied");
/// assert!(verify(secret, &headers, b"{}", now).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Why the request must not be believed; answer it with 400.
pub fn verify(
    secret: &str,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Result<EventBody, Untrusted> {
    let secret = Secret::parse(secret).ok_or(Untrusted::Secret)?;
    let id = header(headers, "webhook-id")?;
    let at = header(headers, "webhook-timestamp")?;
    let at_s = at.parse().map_err(|_| Untrusted::Header("webhook-timestamp"))?;
    let signatures = header(headers, "webhook-signature")?;
    let now_s = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed());
    signature::verify(&secret, id, at_s, body, signatures, now_s)?;
    Ok(serde_json::from_slice(body)?)
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Untrusted> {
    headers.get(name).and_then(|value| value.to_str().ok()).ok_or(Untrusted::Header(name))
}

impl From<signature::Unproven> for Untrusted {
    fn from(unproven: signature::Unproven) -> Self {
        match unproven {
            signature::Unproven::Time => Self::Time,
            signature::Unproven::Signature => Self::Signature,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::Duration;

    use super::*;

    const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    const AT_S: i64 = 1_795_543_201;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(AT_S.unsigned_abs())
    }

    fn signed(body: &[u8]) -> HeaderMap {
        let signature = signature::sign(&[Secret::parse(SECRET).unwrap()], "evt_1", AT_S, body);
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "evt_1".parse().unwrap());
        headers.insert("webhook-timestamp", AT_S.into());
        headers.insert("webhook-signature", signature.parse().unwrap());
        headers
    }

    #[test]
    fn a_request_that_misses_something_says_what() {
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            let mut headers = signed(b"{}");
            headers.remove(name);
            let untrusted = verify(SECRET, &headers, b"{}", now()).unwrap_err();
            assert!(untrusted.to_string().contains(name), "{untrusted}");
        }
        let mut headers = signed(b"{}");
        headers.insert("webhook-timestamp", "yesterday".parse().unwrap());
        let untrusted = verify(SECRET, &headers, b"{}", now()).unwrap_err();
        assert!(matches!(untrusted, Untrusted::Header("webhook-timestamp")), "{untrusted}");
    }

    #[test]
    fn each_doubt_has_its_own_name() {
        let headers = signed(b"{}");
        let is = |secret, body, now| verify(secret, &headers, body, now).unwrap_err();
        assert!(matches!(is("secret", b"{}", now()), Untrusted::Secret));
        assert!(matches!(is(SECRET, b"{}", now() + Duration::from_secs(301)), Untrusted::Time));
        assert!(matches!(is(SECRET, b"{} ", now()), Untrusted::Signature));
        assert!(matches!(is(SECRET, b"{}", now()), Untrusted::Event(_)));
    }
}
