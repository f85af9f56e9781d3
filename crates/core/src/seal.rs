//! Encryption at rest of grants and secrets: ChaCha20-Poly1305 under the operator's master key.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use secrecy::{ExposeSecret, SecretBox};

const NONCE_BYTES: usize = 12;

/// The operator's key, 32 bytes; never shown by `Debug`.
#[derive(Debug)]
pub struct MasterKey(SecretBox<[u8; 32]>);

/// What was sealed cannot be opened: another key, another place, or damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot be opened with this master key")]
pub struct Unreadable;

impl MasterKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// Seals `plain` for one `place` (a table and a row), so that it cannot be moved to another.
    ///
    /// # Panics
    /// Never for input that fits in memory.
    #[must_use]
    pub fn seal(&self, nonce: [u8; NONCE_BYTES], place: &str, plain: &[u8]) -> Vec<u8> {
        let payload = Payload { msg: plain, aad: place.as_bytes() };
        let sealed = self
            .cipher()
            .encrypt(&Nonce::from(nonce), payload)
            .expect("the cipher only refuses input beyond 256 GiB");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Opens what [`Self::seal`] made for the same place.
    ///
    /// # Errors
    /// When key, place or bytes differ.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(Unreadable)?;
        let payload = Payload { msg: body, aad: place.as_bytes() };
        self.cipher().decrypt(&Nonce::from(*nonce), payload).map_err(|_| Unreadable)
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(*self.0.expose_secret()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_and_place_open_it() {
        let key = MasterKey::new([1; 32]);
        let sealed = key.seal([9; 12], "grant/a", b"token");
        assert_eq!(key.open("grant/a", &sealed), Ok(b"token".to_vec()));
        assert_eq!(key.open("grant/b", &sealed), Err(Unreadable));
        assert_eq!(MasterKey::new([2; 32]).open("grant/a", &sealed), Err(Unreadable));
        assert_eq!(key.open("grant/a", &sealed[..5]), Err(Unreadable));
        assert!(!format!("{key:?}").contains('1'));
    }
}
