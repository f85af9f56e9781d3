//! What the answer to the one confirm call means. When in doubt: ambiguous, as a wrong refusal could cost a
//! double application and a wrong doubt only a wait.

use applyd_core::outcome::Ending;
use serde_json::Value;

use crate::document::{Reading, Refusal};
use crate::patterns;
use crate::text::Words;

/// Words that make a refusal doubtful: it may speak of a proposal that exists.
const DOUBTFUL: [&str; 12] = [
    "time out",
    "timeout",
    "internal",
    "upstream",
    "unavailable",
    "rate limit",
    "retry",
    "already",
    "duplicate",
    "existing",
    "used",
    "vj ja 10",
];

/// The meaning of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Submitted, with the proposal's id if told.
    Accepted(Option<String>),
    /// A definite no.
    Refused(Ending),
    /// Anything else, and why.
    Ambiguous(String),
}

/// Judges a complete answer: its HTTP status and its JSON-RPC reply.
pub(crate) fn verdict(http_status: u16, reply: &Value) -> Verdict {
    if !(200..300).contains(&http_status) {
        return Verdict::Ambiguous(format!("HTTP {http_status}"));
    }
    if reply.get("error").is_some() {
        return Verdict::Ambiguous("a JSON-RPC error".into());
    }
    let Some(result) = reply.get("result") else { return Verdict::Ambiguous("no result".into()) };
    let reading = Reading::of(result);
    if !reading.document.is_object() {
        return Verdict::Ambiguous("plain text instead of a document".into());
    }
    let has_error_code = reading.document.get("error_code").is_some_and(|code| !code.is_null());
    let has_new_proposal = reading.document.pointer(NEW_PROPOSAL).is_some_and(|id| !id.is_null());
    match reading.status() {
        _ if !reading.is_error && has_new_proposal => Verdict::Accepted(proposal_id(&reading.document)),
        Some("ok") if !reading.is_error && !has_error_code => {
            Verdict::Accepted(proposal_id(&reading.document))
        }
        // Two members that contradict each other prove nothing.
        Some("ok") => Verdict::Ambiguous("a success marked as an error".into()),
        Some("error" | "rejected" | "needs_details") => refused(reading.document),
        None if reading.is_error => refused(reading.document),
        Some(status) => Verdict::Ambiguous(format!("status {status}")),
        None => Verdict::Ambiguous("no status".into()),
    }
}

const NEW_PROPOSAL: &str = "/data/createJobProposal/newProposalId";

fn refused(document: Value) -> Verdict {
    let words = Words::all(&document);
    match DOUBTFUL.iter().find(|phrase| words.have(phrase)) {
        Some(phrase) => Verdict::Ambiguous(format!("a refusal that says {phrase:?}")),
        None => Verdict::Refused(patterns::ending(&Refusal(document))),
    }
}

fn proposal_id(document: &Value) -> Option<String> {
    let id = [NEW_PROPOSAL, "/data/proposal_id", "/proposal_id"]
        .into_iter()
        .find_map(|at| document.pointer(at))?;
    match id {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use applyd_core::outcome::Code;
    use serde_json::json;

    use super::*;

    fn of(document: &Value, is_error: bool) -> Verdict {
        let text = document.as_str().map_or_else(|| document.to_string(), str::to_owned);
        verdict(
            200,
            &json!({"id": 1, "result": {"isError": is_error, "content": [{"type": "text", "text": text}]}}),
        )
    }

    fn accepted(id: &str) -> Verdict {
        Verdict::Accepted(Some(id.into()))
    }

    #[test]
    fn a_success_is_told_by_status_or_new_proposal() {
        assert_eq!(of(&json!({"status": "ok"}), false), Verdict::Accepted(None));
        let told = json!({"data": {"createJobProposal": {"newProposalId": "p1"}}});
        assert_eq!(of(&told, false), accepted("p1"));
        assert_eq!(of(&json!({"status": "ok", "data": {"proposal_id": "p2"}}), false), accepted("p2"));
        assert_eq!(of(&json!({"status": "ok", "proposal_id": 3}), false), accepted("3"));
    }

    #[test]
    fn a_definite_refusal_is_a_document_without_a_doubtful_word() {
        for (document, is_error, code) in [
            (json!({"status": "rejected", "reason": "This job is closed."}), false, Code::JobClosed),
            (json!({"status": "error", "error_code": "NO", "reason": "no"}), true, Code::Refused),
            (json!({"status": "needs_details", "reason": "no"}), false, Code::InputRejected),
            (json!({"reason": "not enough Connects"}), true, Code::NotEnoughConnects),
            (json!({"status": "error", "reason": "unusedly retrying internals"}), true, Code::Refused),
        ] {
            match of(&document, is_error) {
                Verdict::Refused(ending) => assert_eq!(ending.code, code, "{document}"),
                other => panic!("{document}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_doubtful_word_anywhere_makes_it_ambiguous() {
        for word in [
            "Time out",
            "TIMEOUT",
            "internal_error",
            "UPSTREAM",
            "unavailable",
            "RATE_LIMIT_HIT",
            "retry-later",
            "already",
            "duplicate",
            "existing",
            "USED",
            "VJ-JA-10",
        ] {
            let in_code = json!({"status": "error", "error_code": word, "reason": "no"});
            let in_text = json!({"status": "rejected", "details": [{"text": format!("so: {word}.")}]});
            for document in [in_code, in_text] {
                assert!(matches!(of(&document, true), Verdict::Ambiguous(_)), "{document}");
            }
        }
    }

    #[test]
    fn everything_else_is_ambiguous() {
        for document in [
            json!({"status": "action_required", "finalize_url": "https://x"}),
            json!({"status": "pending"}),
            json!({"status": "ok", "error_code": "X"}),
            json!({}),
            json!("no thanks"),
        ] {
            assert!(matches!(of(&document, false), Verdict::Ambiguous(_)), "{document}");
        }
        assert!(matches!(of(&json!("no thanks"), true), Verdict::Ambiguous(_)));
        assert!(matches!(of(&json!({"status": "ok"}), true), Verdict::Ambiguous(_)));
        let ok = json!({"result": {"structuredContent": {"status": "ok"}}});
        for status in [302, 400, 401, 403, 404, 429, 500, 502, 504] {
            assert!(matches!(verdict(status, &ok), Verdict::Ambiguous(_)), "{status}");
        }
        let error = json!({"error": {"code": -32603, "message": "no"}});
        assert!(matches!(verdict(200, &error), Verdict::Ambiguous(_)));
    }
}
