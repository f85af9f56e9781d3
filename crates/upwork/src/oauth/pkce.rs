//! Proof that who redeems a code has asked for it (RFC 7636, S256).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

const RANDOM_BYTES: usize = 32;

/// The secrets of one login.
pub(super) struct Pkce {
    pub(super) verifier: SecretString,
    /// Comes back with the code.
    pub(super) state: String,
}

impl Pkce {
    /// New secrets.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        Ok(Self { verifier: random()?.into(), state: random()? })
    }

    /// What goes with the question, while the verifier stays here.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose_secret()))
    }
}

fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned();
        let pkce = Pkce { verifier: verifier.into(), state: String::new() };
        assert_eq!(pkce.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_ne!(Pkce::new().unwrap().state, Pkce::new().unwrap().state);
    }
}
