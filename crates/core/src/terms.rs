//! What a proposal promises and costs: the part of a draft that is sent, compared and kept.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Money in US cents: exact, as the comparison before a confirm must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cents(i64);

impl Cents {
    /// Exactly this many cents.
    #[must_use]
    pub const fn new(cents: i64) -> Self {
        Self(cents)
    }

    /// Dollars with at most two decimals; `None` when there are more, or the number is not finite.
    #[must_use]
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        const EXACT_DOLLARS: f64 = 1e12;
        const ROUNDING: f64 = 1e-6;
        if !dollars.is_finite() || dollars.abs() > EXACT_DOLLARS {
            return None;
        }
        let cents = (dollars * 100.0).round();
        ((dollars * 100.0 - cents).abs() < ROUNDING).then_some(Self(cents as i64))
    }

    /// The number of cents.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The number as a JSON number in dollars: `65` or `65.5`.
    #[must_use]
    pub fn to_json(self) -> serde_json::Value {
        self.to_number().into()
    }

    /// The same, where only a number can stand.
    #[must_use]
    pub fn to_number(self) -> serde_json::Number {
        let cents = || serde_json::Number::from_f64(self.0 as f64 / 100.0);
        let whole = || (self.0 / 100).into();
        if self.0 % 100 == 0 { whole() } else { cents().unwrap_or_else(whole) }
    }
}

/// The price of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Price {
    /// Not given: an hourly job takes the profile's rate.
    Absent,
    /// By the hour.
    Hourly(Cents),
    /// For the whole, with or without milestones.
    Fixed {
        /// Given, or the milestones' sum.
        total: Cents,
        /// In order.
        milestones: Vec<Milestone>,
    },
}

/// One milestone of a fixed price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestone {
    /// What is delivered.
    pub description: String,
    /// What it costs.
    pub amount: Cents,
    /// `YYYY-MM-DD`.
    pub due_date: Option<String>,
}

/// An answer to a screening question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The question as asked.
    pub question: String,
    /// The answer as sent.
    pub answer: String,
}

/// Everything a caller decided about one proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Sent as given.
    pub cover_letter: String,
    /// Freelancer profile; `None`: the account's default.
    pub profile_id: Option<String>,
    /// What is charged.
    pub price: Price,
    /// Kept and shown, not sent.
    pub timeline: Option<String>,
    /// Connects bid for a boosted place; 0: none.
    pub boost_connects: i64,
    /// Ceiling for cost and boost together.
    pub max_connects: Option<i64>,
    /// In the caller's order.
    pub answers: Vec<Answer>,
    /// Whether missing answers may be written by the server.
    pub auto_fill: bool,
}

/// A question's or letter's comparable form: trimmed, white space folded.
#[must_use]
pub fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// SHA-256 as lower-case hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_have_at_most_two_decimals() {
        assert_eq!(Cents::from_dollars(65.0), Some(Cents::new(6500)));
        assert_eq!(Cents::from_dollars(0.1 + 0.2), Some(Cents::new(30)));
        assert_eq!(Cents::from_dollars(9999.99), Some(Cents::new(999_999)));
        for wrong in [65.001, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(Cents::from_dollars(wrong), None);
        }
        assert_eq!(Cents::new(6500).to_json().to_string(), "65");
        assert_eq!(Cents::new(6550).to_json().to_string(), "65.5");
    }
}
