//! Secrets of endpoints: made here, sealed for their row, opened only to sign.

use applyd_core::ids::WebhookId;
use applyd_core::seal::MasterKey;
use applyd_core::signature::Secret;

/// A new secret, and what is kept of it.
///
/// # Errors
/// The system has no random bytes.
pub fn make(key: &MasterKey, webhook: &WebhookId) -> std::io::Result<(Secret, Vec<u8>)> {
    let (mut random, mut nonce) = ([0; 32], [0; 12]);
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    getrandom::fill(&mut nonce).map_err(std::io::Error::other)?;
    let secret = Secret::new(random);
    let sealed = key.seal(nonce, &place(webhook), secret.expose().as_bytes());
    Ok((secret, sealed))
}

/// `None`: sealed with another key, or damaged.
pub(super) fn open(key: &MasterKey, webhook: &WebhookId, sealed: &[u8]) -> Option<Secret> {
    let plain = key.open(&place(webhook), sealed).ok()?;
    Secret::parse(std::str::from_utf8(&plain).ok()?)
}

fn place(webhook: &WebhookId) -> String {
    format!("webhook/{webhook}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_secret_is_opened_for_its_own_endpoint_only() {
        let (key, webhook) = (MasterKey::new([1; 32]), WebhookId::new(1, 1));
        let (secret, sealed) = make(&key, &webhook).unwrap();
        assert_eq!(open(&key, &webhook, &sealed).unwrap().expose(), secret.expose());
        assert!(open(&key, &WebhookId::new(1, 2), &sealed).is_none());
        assert!(open(&MasterKey::new([2; 32]), &webhook, &sealed).is_none());
        assert!(!String::from_utf8_lossy(&sealed).contains("whsec_"));
    }
}
