//! Everything the stand-in draws: latencies, wordings and trace ids from the seed, secrets from the system.

use std::fmt::Write;
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::Error;

/// Bytes in a token, code or id that nobody may guess.
const SECRET_BYTES: usize = 24;

/// The source of draws that a seed makes repeatable.
pub(crate) struct Chance(Mutex<fastrand::Rng>);

impl Chance {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self(Mutex::new(seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed)))
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        // A poisoned lock only says that a draw panicked; the generator has no invariant to break.
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A span of the range, evenly spread.
    pub(crate) fn span(&self, range: &RangeInclusive<Duration>) -> Duration {
        let spread = range.end().saturating_sub(*range.start());
        *range.start() + self.draw(|rng| spread.mul_f64(rng.f64()))
    }

    /// One of two wordings.
    pub(crate) fn either<T>(&self, [one, other]: [T; 2]) -> T {
        if self.draw(fastrand::Rng::bool) { one } else { other }
    }

    /// 32 hexadecimal digits for `trace_id`.
    pub(crate) fn trace_id(&self) -> String {
        format!("{:032x}", self.draw(|rng| rng.u128(..)))
    }
}

/// A name with a random tail that nobody can guess.
pub(crate) fn secret(prefix: &str) -> Result<String, Error> {
    let mut bytes = [0_u8; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
    Ok(format!("{prefix}{}", hex(&bytes)))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
