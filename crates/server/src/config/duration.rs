//! Durations as people write them: `200ms`, `10m`, and drawn ones as `1s..3s`.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;

/// A number with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Span(Duration);

/// One, or a range to draw from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Spread {
    low: Duration,
    high: Duration,
}

impl Span {
    pub(super) fn ms(self) -> i64 {
        i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX)
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl From<Spread> for RangeInclusive<Duration> {
    fn from(spread: Spread) -> Self {
        spread.low..=spread.high
    }
}

fn one(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("`{text}` is no duration; write a number with its unit, such as 200ms, 10s, 10m or 24h");
    let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let duration: SignedDuration = text.parse().ok().filter(|_| plain).ok_or_else(wrong)?;
    Duration::try_from(duration).map_err(|_| wrong())
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        one(&text).map(Self)
    }
}

impl TryFrom<String> for Spread {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (low, high) = text.split_once("..").unwrap_or((&text, &text));
        let (low, high) = (one(low)?, one(high)?);
        if low > high {
            return Err(format!("`{text}` ends before it begins"));
        }
        Ok(Self { low, high })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn durations_need_their_unit() {
        assert_eq!(Span::try_from("200ms".to_owned()).unwrap().ms(), 200);
        assert_eq!(Span::try_from("0s".to_owned()).unwrap().ms(), 0);
        assert_eq!(Span::try_from("24h".to_owned()).unwrap().ms(), 86_400_000);
        for wrong in ["", "5", "-1s", "1 parsec", "1s..2s", "PT1S", "1s ago"] {
            assert!(Span::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
        let spread = Spread::try_from("1s..3s".to_owned()).unwrap();
        assert_eq!((spread.low.as_secs(), spread.high.as_secs()), (1, 3));
        assert_eq!(Spread::try_from("0s".to_owned()).unwrap().high, Duration::ZERO);
        assert!(Spread::try_from("3s..1s".to_owned()).is_err());
    }
}
