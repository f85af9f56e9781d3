//! Signing in to the dashboard: how long links, sessions and their tokens last, and when one has to wait.

const MINUTE_MS: i64 = 60 * 1000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A one-time link is good for so long.
pub const LINK_LIVES_MS: i64 = 15 * MINUTE_MS;
/// A session ends when nobody has used it for so long.
pub const IDLE_MS: i64 = 12 * HOUR_MS;
/// A session ends after so long, however much it is used.
pub const SESSION_LIVES_MS: i64 = 30 * DAY_MS;
/// A session's token is replaced after so long.
pub const TOKEN_LIVES_MS: i64 = HOUR_MS;
/// What was under way when a token was replaced may still bring the one before it.
pub const PREVIOUS_LIVES_MS: i64 = MINUTE_MS;
/// That a session is used is written down so often, not at each request.
pub const SEEN_EVERY_MS: i64 = MINUTE_MS;

/// Wrong passwords count for so long.
pub const WRONG_COUNTS_MS: i64 = 15 * MINUTE_MS;
/// So many wrong passwords for one name, and the next one has to wait.
pub const MOST_WRONG_OF_NAME: usize = 5;
/// So many from one address. More than of a name: an office has one address.
pub const MOST_WRONG_OF_ADDRESS: usize = 20;

const SHORTEST_PASSWORD_CHARS: usize = 12;
const LONGEST_PASSWORD_BYTES: usize = 1024;

/// Until when whoever got it wrong at these times has to wait, oldest first; `None`: not at all.
#[must_use]
pub fn wait_until(wrong: &[i64], most: usize, now: i64) -> Option<i64> {
    let counted: Vec<i64> = wrong.iter().copied().filter(|at| now - at < WRONG_COUNTS_MS).collect();
    let first_to_be_over = counted.len().checked_sub(most)?;
    counted.get(first_to_be_over).map(|at| at + WRONG_COUNTS_MS)
}

/// Whether a text may be a password.
///
/// # Errors
/// What is allowed.
pub fn check_password(text: &str) -> Result<(), String> {
    let is_long_enough = text.chars().count() >= SHORTEST_PASSWORD_CHARS;
    if is_long_enough && text.len() <= LONGEST_PASSWORD_BYTES {
        Ok(())
    } else {
        Err(format!(
            "must have at least {SHORTEST_PASSWORD_CHARS} characters, and {LONGEST_PASSWORD_BYTES} bytes at the most"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_wrong_too_often_waits_until_one_of_them_is_old_enough() {
        let now = 1_000_000_000;
        assert_eq!(wait_until(&[], 5, now), None);
        assert_eq!(wait_until(&[now - 4, now - 3, now - 2, now - 1], 5, now), None);
        let five = [now - 50, now - 40, now - 30, now - 20, now - 10];
        assert_eq!(wait_until(&five, 5, now), Some(now - 50 + WRONG_COUNTS_MS));
        let six = [now - 60, now - 50, now - 40, now - 30, now - 20, now - 10];
        assert_eq!(wait_until(&six, 5, now), Some(now - 50 + WRONG_COUNTS_MS));
        assert_eq!(wait_until(&five, 5, now - 50 + WRONG_COUNTS_MS), None);
    }

    #[test]
    fn a_password_has_twelve_characters_whatever_their_bytes() {
        assert!(check_password("elf zeichen").is_err());
        assert!(check_password("zwölf zeiche").is_ok());
        assert!(check_password(&"x".repeat(1025)).is_err());
    }
}
