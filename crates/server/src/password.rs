//! Passwords of people: argon2id with the parameters that its library recommends.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::{Error, PasswordHasher, PasswordVerifier};

/// What a password is compared with where there is none, so that nobody can tell by the time.
static NOBODYS: LazyLock<String> = LazyLock::new(|| hash("nobody has this password").unwrap_or_default());

/// The hash of a password as a PHC string; takes its time.
///
/// # Errors
/// The machine has no random bytes.
pub fn hash(password: &str) -> Result<String, Error> {
    Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())
}

/// Whether a password has this hash; takes as long where there is none.
#[must_use]
pub fn is_right(password: &str, hash: Option<&str>) -> bool {
    let is_equal = Argon2::default().verify_password(password.as_bytes(), hash.unwrap_or(&NOBODYS)).is_ok();
    is_equal && hash.is_some()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn only_the_password_is_right_and_nothing_is_where_there_is_none() {
        let stored = hash("correct horse battery").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(is_right("correct horse battery", Some(&stored)));
        assert!(!is_right("correct horse batterY", Some(&stored)));
        assert!(!is_right("nobody has this password", None));
        assert!(!is_right("", Some("damaged")));
    }
}
