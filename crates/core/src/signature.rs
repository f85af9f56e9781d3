//! Signatures of webhooks, after Standard Webhooks: HMAC-SHA-256 over id, time and body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::Sha256;

const SECRET_PREFIX: &str = "whsec_";
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const VERSION: &str = "v1";
/// A message is believed this long before and after the time it names.
pub const TOLERANCE_S: i64 = 5 * 60;

/// What both ends of a webhook know; never shown by `Debug`.
#[derive(Debug)]
pub struct Secret(SecretSlice<u8>);

/// Why a message is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// Sent, or sent again by somebody, outside of [`TOLERANCE_S`].
    #[error("its time is more than five minutes off")]
    Time,
    /// None of its signatures is by this secret over these bytes.
    #[error("no signature fits")]
    Signature,
}

impl Secret {
    /// The secret of these bytes.
    #[must_use]
    pub fn new(random: [u8; 32]) -> Self {
        Self(random.to_vec().into())
    }

    /// Reads `whsec_` and base64 of 24 to 64 bytes, the lengths that Standard Webhooks knows.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(SECRET_PREFIX)?).ok()?;
        SECRET_BYTES.contains(&bytes.len()).then(|| Self(bytes.into()))
    }

    /// The text that a receiver is given: `whsec_` and base64.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{SECRET_PREFIX}{}", STANDARD.encode(self.0.expose_secret()))
    }

    /// # Panics
    /// Never: HMAC takes keys of every length.
    fn mac(&self, id: &str, timestamp_s: i64, body: &[u8]) -> Hmac<Sha256> {
        let mac = Hmac::new_from_slice(self.0.expose_secret()).expect("HMAC takes keys of every length");
        mac.chain_update(format!("{id}.{timestamp_s}.")).chain_update(body)
    }
}

/// The header `webhook-signature`: one signature by each secret, so that a rotation breaks no receiver.
#[must_use]
pub fn sign(secrets: &[Secret], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let one = |secret: &Secret| {
        let mac = secret.mac(id, timestamp_s, body).finalize().into_bytes();
        format!("{VERSION},{}", STANDARD.encode(mac))
    };
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// Whether one signature of `header` is by `secret`; compares in constant time.
///
/// # Errors
/// Why the message is not to be believed.
pub fn verify(
    secret: &Secret,
    id: &str,
    timestamp_s: i64,
    body: &[u8],
    header: &str,
    now_s: i64,
) -> Result<(), Unproven> {
    if now_s.abs_diff(timestamp_s) > TOLERANCE_S.unsigned_abs() {
        return Err(Unproven::Time);
    }
    let fits = |signature: &str| {
        let mac = signature
            .strip_prefix(VERSION)
            .and_then(|rest| STANDARD.decode(rest.strip_prefix(',')?).ok())
            .unwrap_or_default();
        secret.mac(id, timestamp_s, body).verify_slice(&mac).is_ok()
    };
    if header.split(' ').any(fits) { Ok(()) } else { Err(Unproven::Signature) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const AT_S: i64 = 1_614_265_330;

    /// The example that the libraries of Standard Webhooks are tested with.
    fn published() -> Secret {
        Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()
    }

    fn verified(header: &str, now_s: i64) -> Result<(), Unproven> {
        verify(&published(), ID, AT_S, BODY, header, now_s)
    }

    #[test]
    fn the_published_example_is_signed_as_published() {
        let published_signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(sign(&[published()], ID, AT_S, BODY), published_signature);
        assert_eq!(verified(published_signature, AT_S), Ok(()));
    }

    #[test]
    fn the_library_of_standard_webhooks_believes_what_is_signed_here() {
        let secret = Secret::new([7; 32]);
        let theirs = standardwebhooks::Webhook::new(&secret.expose()).unwrap();
        let now_s = jiff::Timestamp::now().as_second();
        let body = r#"{"name":"Zoë"}"#.as_bytes();
        assert_eq!(
            theirs.sign("evt_1", now_s, body).unwrap(),
            sign(&[Secret::new([7; 32])], "evt_1", now_s, body)
        );
        let mut headers = http::HeaderMap::new();
        headers.insert("webhook-id", "evt_1".parse().unwrap());
        headers.insert("webhook-timestamp", now_s.into());
        let both = sign(&[published(), secret], "evt_1", now_s, body);
        headers.insert("webhook-signature", both.parse().unwrap());
        theirs.verify(body, &headers).unwrap();
        assert!(theirs.verify(b"{}", &headers).is_err());
    }

    #[test]
    fn during_a_rotation_the_old_and_the_new_secret_are_believed() {
        let (old, new) = (Secret::new([1; 32]), Secret::new([2; 32]));
        let header = sign(&[Secret::new([2; 32]), Secret::new([1; 32])], ID, AT_S, BODY);
        assert_eq!(header.split(' ').count(), 2);
        for secret in [&old, &new] {
            assert_eq!(verify(secret, ID, AT_S, BODY, &header, AT_S), Ok(()));
        }
        let third = Secret::new([3; 32]);
        assert_eq!(verify(&third, ID, AT_S, BODY, &header, AT_S), Err(Unproven::Signature));
    }

    #[test]
    fn a_change_of_any_part_is_noticed() {
        let header = sign(&[published()], ID, AT_S, BODY);
        let now = AT_S;
        for (id, at_s, body) in [
            ("msg_other", AT_S, BODY),
            (ID, AT_S + 1, BODY),
            (ID, AT_S, b"{\"test\": 2432232315}".as_slice()),
            (ID, AT_S, b"".as_slice()),
        ] {
            assert_eq!(verify(&published(), id, at_s, body, &header, now), Err(Unproven::Signature));
        }
    }

    #[test]
    fn what_is_no_signature_fits_nothing() {
        let good = sign(&[published()], ID, AT_S, BODY);
        let bare = good.strip_prefix("v1,").unwrap();
        for header in [
            String::new(),
            "v1".to_owned(),
            "v1,".to_owned(),
            good[..good.len() - 5].to_owned(),
            format!("v2,{bare}"),
            format!("v1a,{bare}"),
            format!("v11,{bare}"),
            bare.to_owned(),
            format!("{good},"),
            good.replace(',', ";"),
        ] {
            assert_eq!(verified(&header, AT_S), Err(Unproven::Signature), "{header:?}");
        }
        assert_eq!(verified(&format!("v1a,{bare} v1,AAAA {good}"), AT_S), Ok(()));
    }

    #[test]
    fn five_minutes_are_tolerated_and_no_second_more() {
        let header = sign(&[published()], ID, AT_S, BODY);
        for off in [0, 300, -300] {
            assert_eq!(verified(&header, AT_S + off), Ok(()), "{off}");
        }
        for off in [301, -301, i64::MAX - AT_S, i64::MIN] {
            assert_eq!(verified(&header, AT_S.saturating_add(off)), Err(Unproven::Time), "{off}");
        }
    }

    #[test]
    fn a_secret_reads_back_and_does_not_show() {
        let secret = Secret::new([0xa5; 32]);
        let text = secret.expose();
        assert!(text.starts_with("whsec_paWl") && text.len() == 50);
        assert_eq!(Secret::parse(&text).unwrap().expose(), text);
        let shown = format!("{secret:?}");
        assert!(!shown.contains("165") && !shown.contains("paWl"), "{shown}");
        for no_secret in [
            "",
            "whsec_",
            "whsec_c2hvcnQ=",
            "whsec_?",
            &text[6..],
            &format!("{text} "),
            &text[..text.len() - 1],
        ] {
            assert!(Secret::parse(no_secret).is_none(), "{no_secret}");
        }
    }
}
