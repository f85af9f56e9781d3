//! What the site's words mean: the one table that refines codes nobody has published.
//!
//! Phrases are whole words in any case; `#` stands for a number. The first row with a phrase that is found decides.

use applyd_core::outcome::{Code, Ending, Trouble};

use crate::document::Refusal;
use crate::text::Words;

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It ends so.
    Ends(Code),
    /// Another try may work.
    Passing,
    /// A person must accept a policy on the site.
    Policy,
}

use Meaning::{Ends, Passing, Policy};

/// Specific phrases first, single words last.
const TABLE: &[(Meaning, &[&str])] = &[
    (
        Ends(Code::AlreadyApplied),
        &[
            "vj ja 10",
            "already applied",
            "already have a proposal",
            "existing proposal",
            "prior proposal",
            "duplicate proposal",
        ],
    ),
    (Ends(Code::InvitationExists), &["invitation exists", "pending invitation", "have an invitation"]),
    (
        Passing,
        &[
            "no such preview",
            "preview not found",
            "preview unknown",
            "preview expired",
            "preview has expired",
            "preview is too old",
            "preview superseded",
            "preview was superseded",
            "newer preview",
            "preview used",
            "preview was used",
        ],
    ),
    (
        Ends(Code::JobClosed),
        &[
            "job closed",
            "job is closed",
            "posting closed",
            "posting is closed",
            "no longer open",
            "no longer available",
            "no longer accepting",
            "job not found",
            "posting not found",
            "not visible",
            "job is private",
        ],
    ),
    (
        Passing,
        &[
            "rate limit",
            "sensitive rate limit exceeded",
            "too many requests",
            "try again",
            "retry",
            "internal",
            "upstream",
            "unavailable",
            "timeout",
            "time out",
            "timed out",
        ],
    ),
    (Policy, &["policy", "policies"]),
    (Ends(Code::BoostOutbid), &["boost", "boosted", "outbid"]),
    (
        Ends(Code::NotEnoughConnects),
        &["enough connects", "costs # connects", "connects short", "need #", "connects"],
    ),
    (
        Ends(Code::NotEligible),
        &[
            "eligible",
            "ineligible",
            "eligibility",
            "location",
            "country",
            "countries",
            "qualification",
            "qualifications",
            "suspended",
            "identity",
            "role",
        ],
    ),
    (Ends(Code::JobClosed), &["closed"]),
    (Ends(Code::MissingAnswer), &["screening question", "screening questions", "answers missing"]),
    (
        Ends(Code::InputRejected),
        &["schema", "invalid input", "validation", "required field", "missing field"],
    ),
];

/// The meaning of a refusal; `None` where no phrase is found.
fn known(refusal: &Refusal) -> Option<Meaning> {
    let words = Words::own(&refusal.0);
    TABLE
        .iter()
        .find(|(_, phrases)| phrases.iter().any(|phrase| words.have(phrase)))
        .map(|(meaning, _)| *meaning)
}

/// Whether the same read may work a moment later. A preview that is gone does not come back.
pub(crate) fn passes(refusal: &Refusal) -> bool {
    let words = Words::own(&refusal.0);
    let is_about_preview = words.have("preview") || words.have("draft");
    refusal.after_ms().is_some() || (known(refusal) == Some(Passing) && !is_about_preview)
}

/// What a refusal before the intent comes to.
pub(crate) fn trouble(refusal: &Refusal) -> Trouble {
    refusal.log();
    let reason = refusal.reason();
    if let Some(after_ms) = refusal.after_ms() {
        return Trouble::Passing { reason, after_ms: Some(after_ms) };
    }
    match known(refusal) {
        Some(Ends(code)) => end(code, refusal),
        Some(Passing) => Trouble::passing(reason),
        Some(Policy) => Trouble::Policy { reason },
        None if refusal.needs_details() => end(Code::InputRejected, refusal),
        None => end(Code::Refused, refusal),
    }
}

fn end(code: Code, refusal: &Refusal) -> Trouble {
    Trouble::End(because(code, refusal))
}

fn because(code: Code, refusal: &Refusal) -> Ending {
    Ending { trace_id: refusal.trace_id(), ..Ending::because(code, &refusal.reason()) }
}

/// How a definite refusal of the one send ends it.
pub(crate) fn ending(refusal: &Refusal) -> Ending {
    refusal.log();
    let code = match known(refusal) {
        Some(Ends(code)) => code,
        Some(Policy) => Code::PolicyPending,
        None if refusal.needs_details() => Code::InputRejected,
        Some(Passing) | None => Code::Refused,
    };
    because(code, refusal)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused(document: Value) -> Trouble {
        trouble(&Refusal(document))
    }

    fn code(text: &str) -> Option<Code> {
        match refused(json!({"status": "rejected", "error_code": "X", "reason": text})) {
            Trouble::End(ending) => Some(ending.code),
            _ => None,
        }
    }

    #[test]
    fn the_words_of_a_refusal_decide() {
        for (text, expected) in [
            ("You do not have enough Connects for this proposal.", Code::NotEnoughConnects),
            ("This job costs 10 Connects; you need 6 more.", Code::NotEnoughConnects),
            ("The posting is no longer open to new proposals.", Code::JobClosed),
            ("Job not found.", Code::JobClosed),
            ("You are not eligible: the client hires in another location.", Code::NotEligible),
            ("Verify your identity first.", Code::NotEligible),
            ("Bid more Connects to boost this proposal.", Code::BoostOutbid),
            ("Refused (VJ-JA-10).", Code::AlreadyApplied),
            ("You already have a proposal for this job.", Code::AlreadyApplied),
            ("The client's settings turned this proposal down.", Code::Refused),
        ] {
            assert_eq!(code(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn some_refusals_pass_and_some_wait_for_a_person() {
        assert!(matches!(
            refused(json!({"reason": "Internal error"})),
            Trouble::Passing { after_ms: None, .. }
        ));
        assert!(matches!(refused(json!({"reason": "The preview has expired."})), Trouble::Passing { .. }));
        let limited = json!({"error_code": "SENSITIVE_RATE_LIMIT_EXCEEDED", "reason": "slow", "retry_after_seconds": 2.5});
        assert!(matches!(refused(limited), Trouble::Passing { after_ms: Some(2500), .. }));
        let policy = json!({"reason": "Acknowledge the policy on upwork.com first."});
        assert!(matches!(refused(policy), Trouble::Policy { .. }));
    }

    #[test]
    fn missing_details_are_the_inputs_fault() {
        let answers =
            json!({"status": "needs_details", "reason": "The client's screening questions need answers."});
        assert!(matches!(refused(answers), Trouble::End(Ending { code: Code::MissingAnswer, .. })));
        let team = json!({"status": "needs_details", "reason": "Choose a team: team_org_id is missing."});
        assert!(matches!(refused(team), Trouble::End(Ending { code: Code::InputRejected, .. })));
    }

    #[test]
    fn at_the_confirm_every_refusal_is_an_end() {
        let end = |text: &str| ending(&Refusal(json!({"status": "error", "reason": text}))).code;
        assert_eq!(end("There is no such preview."), Code::Refused);
        assert_eq!(end("This job is closed."), Code::JobClosed);
        assert_eq!(end("A policy waits for your acknowledgement."), Code::PolicyPending);
    }
}
