//! Times and spans as people read them.

use std::fmt;

use askama::filters::HtmlSafe;
use jiff::Timestamp;

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A time, seen from another: `3 min ago`, and the exact one on hover.
#[derive(Debug, Clone, Copy)]
pub(super) struct When {
    /// Unix milliseconds.
    pub(super) at: i64,
    /// From when it is seen.
    pub(super) now: i64,
}

/// The element of a page.
impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(at) = Timestamp::from_millisecond(self.at) else { return f.write_str("–") };
        let exact = at.strftime("%Y-%m-%d %H:%M:%S UTC");
        write!(f, r#"<time datetime="{at:.3}" title="{exact}">"#)?;
        let away = Span((self.now - self.at).abs());
        match self.now - self.at {
            away_ms if away_ms.abs() < SECOND_MS => f.write_str("now")?,
            0.. => write!(f, "{away} ago")?,
            _ => write!(f, "in {away}")?,
        }
        f.write_str("</time>")
    }
}

// Made of numbers only.
impl HtmlSafe for When {}

/// A span in milliseconds, in its largest unit, and so rounded down. Number and unit stay on one line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span(pub(super) i64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms if ms < SECOND_MS => write!(f, "{ms}\u{a0}ms"),
            ms if ms < 10 * SECOND_MS => write!(f, "{}.{}\u{a0}s", ms / SECOND_MS, ms % SECOND_MS / 100),
            ms if ms < MINUTE_MS => write!(f, "{}\u{a0}s", ms / SECOND_MS),
            ms if ms < HOUR_MS => write!(f, "{}\u{a0}min", ms / MINUTE_MS),
            ms if ms < DAY_MS => write!(f, "{}\u{a0}h", ms / HOUR_MS),
            ms => write!(f, "{}\u{a0}d", ms / DAY_MS),
        }
    }
}

/// How long something took, in milliseconds, with as much of it as matters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Took(pub(super) i64);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minutes, seconds) = (self.0 / MINUTE_MS, self.0 % MINUTE_MS / SECOND_MS);
        match self.0 {
            ms if (MINUTE_MS..HOUR_MS).contains(&ms) => write!(f, "{minutes}\u{a0}min {seconds}\u{a0}s"),
            ms => Span(ms).fmt(f),
        }
    }
}

/// A number with its thousands apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count(pub(super) i64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.unsigned_abs().to_string();
        if self.0 < 0 {
            f.write_str("−")?;
        }
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_say_them_with_the_exact_one_beside_it() {
        let now = 1_800_000_000_000;
        let told = |at| When { at, now }.to_string();
        assert_eq!(
            told(now - 185_000),
            r#"<time datetime="2027-01-15T07:56:55.000Z" title="2027-01-15 07:56:55 UTC">3 min ago</time>"#
        );
        assert!(told(now - 20).contains(">now<") && told(now + 7_200_000).contains(">in 2 h<"));
        assert_eq!(
            [Span(7), Span(1_250), Span(59_999), Span(90_000_000)].map(|span| span.to_string()),
            ["7 ms", "1.2 s", "59 s", "1 d"]
        );
        assert_eq!(Took(119_999).to_string(), "1 min 59 s");
        assert_eq!(
            [Count(0), Count(999), Count(-1_234_567)].map(|count| count.to_string()),
            ["0", "999", "−1,234,567"]
        );
    }
}
