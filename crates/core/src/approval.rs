//! Who must approve a proposal, and what exactly an approval is bound to.
//!
//! Source: submission-protocol.md §4.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::terms::{Answer, Cents, Price, Terms, hex};

/// Who must approve an application before anything is submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Policy {
    /// Nobody; on the sandbox only.
    None,
    /// The API call is a person's decision, for keys that the operator has opted in.
    ByRequest,
    /// A named person, this one application.
    Required,
    /// The person at the desk submits, and by that approves.
    Desk,
}

impl Policy {
    /// The name in the store, in commands and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ByRequest => "by_request",
            Self::Required => "required",
            Self::Desk => "desk",
        }
    }

    /// The policy of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::None, Self::ByRequest, Self::Required, Self::Desk].into_iter().find(|p| p.as_str() == name)
    }
}

/// An approval in force.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Approval {
    /// Of what was approved, as lower-case hex.
    pub sha256: String,
    /// It counts before this, Unix milliseconds.
    pub expires_at: i64,
}

/// Everything that an approval is bound to. Whatever of it changes, the approval is void.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Name of the channel.
    pub channel: &'a str,
    /// The channel's identity: the organisation, or the account where the site finds it by that.
    pub agency: &'a str,
    /// Canonical key.
    pub job: &'a str,
    /// The profile that applies, the account's default included.
    pub profile: &'a str,
    /// As they would be sent: the price filled in, every answer there.
    pub terms: &'a Terms,
}

/// Marks the hash, so that no other use of the same bytes has it.
const DOMAIN: &[u8] = b"applyd.approval.v1";

/// Members in the order of their names, which makes the JSON canonical.
#[derive(Serialize)]
struct Canonical<'a> {
    agency: &'a str,
    answers: Vec<CanonicalAnswer<'a>>,
    boost_connects: i64,
    channel: &'a str,
    cover_letter: &'a str,
    job: &'a str,
    max_connects: Option<i64>,
    price: &'a Price,
    profile: &'a str,
    timeline: Option<&'a str>,
}

#[derive(Serialize)]
struct CanonicalAnswer<'a> {
    answer: &'a str,
    question: &'a str,
}

fn canonical(Answer { question, answer }: &Answer) -> CanonicalAnswer<'_> {
    CanonicalAnswer { answer, question }
}

impl Subject<'_> {
    /// The hash that approvals name, as lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        let terms = self.terms;
        let canonical = Canonical {
            agency: self.agency,
            answers: terms.answers.iter().map(canonical).collect(),
            boost_connects: terms.boost_connects,
            channel: self.channel,
            cover_letter: &terms.cover_letter,
            job: self.job,
            max_connects: terms.max_connects,
            price: &terms.price,
            profile: self.profile,
            timeline: terms.timeline.as_deref(),
        };
        let mut hash = Sha256::new_with_prefix(DOMAIN);
        // Strings and whole numbers only, so that this cannot fail; an empty text would match no approval.
        hash.update(serde_json::to_vec(&canonical).unwrap_or_default());
        hex(&hash.finalize())
    }
}

/// The terms as a caller's own decision covers them: the price that an hourly job without one takes, and the
/// ceiling that holds where none was given.
#[must_use]
pub fn resolved(asked: &Terms, rate: Cents, ceiling: Option<i64>) -> Terms {
    let price = if asked.price == Price::Absent { Price::Hourly(rate) } else { asked.price.clone() };
    Terms { price, max_connects: asked.max_connects.or(ceiling), ..asked.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        Terms {
            cover_letter: "Dear client".into(),
            profile_id: None,
            price: Price::Hourly(Cents::new(6500)),
            timeline: Some("1 to 3 months".into()),
            boost_connects: 4,
            max_connects: Some(20),
            answers: vec![
                Answer { question: "When?".into(), answer: "Now".into() },
                Answer { question: "Why?".into(), answer: "Rust".into() },
            ],
            auto_fill: false,
        }
    }

    fn subject(terms: &Terms) -> Subject<'_> {
        Subject { channel: "upwork", agency: "42", job: "~021", profile: "pf_1", terms }
    }

    #[test]
    fn each_bound_value_changes_the_hash_and_no_other_does() {
        let approved = terms();
        let hash = subject(&approved).sha256();
        assert_eq!(hash.len(), 64);
        let changed = |change: fn(&mut Terms)| {
            let mut terms = terms();
            change(&mut terms);
            subject(&terms).sha256()
        };
        let changes: [fn(&mut Terms); 9] = [
            |terms| terms.cover_letter.push(' '),
            |terms| terms.price = Price::Hourly(Cents::new(6501)),
            |terms| terms.price = Price::Fixed { total: Cents::new(6500), milestones: Vec::new() },
            |terms| terms.timeline = None,
            |terms| terms.boost_connects = 5,
            |terms| terms.max_connects = Some(21),
            |terms| terms.answers.reverse(),
            |terms| terms.answers[0].answer.push('.'),
            |terms| terms.answers[1].question.push('?'),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            assert_ne!(changed(change), hash, "change {index}");
        }
        for other in [
            Subject { channel: "sandbox", ..subject(&approved) },
            Subject { agency: "43", ..subject(&approved) },
            Subject { job: "~022", ..subject(&approved) },
            Subject { profile: "pf_2", ..subject(&approved) },
        ] {
            assert_ne!(other.sha256(), hash, "{other:?}");
        }
        assert_eq!(changed(|terms| terms.auto_fill = true), hash, "answers are bound, not who wrote them");
    }

    #[test]
    fn a_price_and_a_ceiling_that_were_left_out_are_filled_in() {
        let asked = Terms { price: Price::Absent, max_connects: None, ..terms() };
        let filled = resolved(&asked, Cents::new(4000), Some(16));
        assert_eq!((filled.price, filled.max_connects), (Price::Hourly(Cents::new(4000)), Some(16)));
        assert_eq!(resolved(&terms(), Cents::new(4000), Some(16)), terms());
    }

    #[test]
    fn every_policy_reads_back() {
        for policy in [Policy::None, Policy::ByRequest, Policy::Required, Policy::Desk] {
            assert_eq!(Policy::parse(policy.as_str()), Some(policy));
        }
    }
}
