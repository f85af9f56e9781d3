//! The comparison that must hold before a confirm: what the site has stored is what was approved, all of it and
//! nothing else.

use applyd_core::terms::{Milestone, folded};
use serde_json::{Map, Value};

use crate::offer::Offer;
use crate::text::{cents, untag, whole};

/// A term of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Term {
    Job,
    Letter,
    Amount,
    Answers,
    Boost,
    Milestones,
    /// Never sent, so it must be empty.
    Unsent,
}

/// Keys without `_` and in lower case, as stored terms come in camel case and mirrors in snake case.
const TERMS: [(&str, Term); 11] = [
    ("jobreference", Term::Job),
    ("coverletter", Term::Letter),
    ("chargedamount", Term::Amount),
    ("answers", Term::Answers),
    ("boostconnects", Term::Boost),
    ("milestones", Term::Milestones),
    ("teamorgid", Term::Unsent),
    ("attachments", Term::Unsent),
    ("certificateids", Term::Unsent),
    ("portfolioprojectids", Term::Unsent),
    ("duration", Term::Unsent),
];

/// Keys beside the stored terms that promise nothing. Any other non-empty member there is a term nobody approved.
const INFORMATION: [&str; 15] = [
    "connectscost",
    "connectsbalance",
    "canapply",
    "screeningquestions",
    "type",
    "status",
    "plan",
    "boost",
    "milestonesallowed",
    "unmetpreferredqualifications",
    "bidstatsavailable",
    "expiresat",
    "previewid",
    "draftid",
    "traceid",
];

/// What differs between an offer and a preview as read back; empty when the confirm may follow.
pub(crate) fn differences(offer: &Offer, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_complete = false;
    walk(document, &mut |object| {
        for (key, value) in object {
            match term(key) {
                Some(term) if !agrees(offer, term, value) => found.push(format!("{key} differs")),
                _ => {}
            }
        }
        if holds_all(offer, object) {
            is_complete = true;
            found.extend(unapproved(object).map(|key| format!("{key} was not approved")));
        }
    });
    if !is_complete {
        found.push("no object holds all approved terms".into());
    }
    found
}

fn walk(value: &Value, visit: &mut impl FnMut(&Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            visit(object);
            object.values().for_each(|member| walk(member, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        _ => {}
    }
}

fn plain(key: &str) -> String {
    key.replace('_', "").to_lowercase()
}

fn term(key: &str) -> Option<Term> {
    let key = plain(key);
    TERMS.iter().find(|(name, _)| *name == key).map(|(_, term)| *term)
}

fn holds_all(offer: &Offer, object: &Map<String, Value>) -> bool {
    let holds =
        |wanted: Term| object.iter().any(|(key, value)| term(key) == Some(wanted) && !is_empty(value));
    holds(Term::Job)
        && holds(Term::Letter)
        && holds(Term::Amount)
        && (offer.answers.is_empty() || holds(Term::Answers))
        && (offer.boost_connects == 0 || holds(Term::Boost))
        && (offer.milestones.is_empty() || holds(Term::Milestones))
}

fn unapproved(object: &Map<String, Value>) -> impl Iterator<Item = &str> {
    object
        .iter()
        .filter(|(key, value)| term(key).is_none() && !is_information(key, value) && !is_empty(value))
        .map(|(key, _)| key.as_str())
}

/// A boost as an object is the site's advice; as a number it would be a bid.
fn is_information(key: &str, value: &Value) -> bool {
    let key = plain(key);
    INFORMATION.contains(&key.as_str()) && (key != "boost" || value.is_object())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

fn agrees(offer: &Offer, term: Term, value: &Value) -> bool {
    match term {
        Term::Job => crate::job::id(value).is_some_and(|id| id == offer.job),
        Term::Letter => value.as_str().is_some_and(|letter| untag(letter) == offer.letter.trim()),
        Term::Amount => cents(value) == Some(offer.amount),
        Term::Answers => same_answers(offer, value),
        Term::Boost => {
            is_empty(value) && offer.boost_connects == 0 || whole(value) == Some(offer.boost_connects)
        }
        Term::Milestones => same_milestones(&offer.milestones, value),
        Term::Unsent => is_empty(value),
    }
}

fn same_answers(offer: &Offer, value: &Value) -> bool {
    let stored = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |item: &Value, key: &str| untag(item[key].as_str().unwrap_or_default());
    (value.is_array() || is_empty(value))
        && stored.len() == offer.answers.len()
        && stored.iter().zip(&offer.answers).all(|(stored, sent)| {
            folded(&text(stored, "question")) == folded(&sent.question)
                && text(stored, "answer") == sent.answer.trim()
        })
}

fn same_milestones(sent: &[Milestone], value: &Value) -> bool {
    let stored = value.as_array().map(Vec::as_slice).unwrap_or_default();
    (value.is_array() || is_empty(value))
        && stored.len() == sent.len()
        && stored.iter().zip(sent).all(|(stored, sent)| {
            let due_date = stored.get("due_date").or_else(|| stored.get("dueDate")).and_then(Value::as_str);
            stored["description"].as_str().map(untag).as_deref() == Some(sent.description.trim())
                && cents(&stored["amount"]) == Some(sent.amount)
                && due_date == sent.due_date.as_deref()
        })
}

#[cfg(test)]
mod tests {
    use applyd_core::terms::{Answer, Cents};
    use serde_json::json;

    use super::*;

    fn offer() -> Offer {
        Offer {
            job: "7".into(),
            letter: "Dear client".into(),
            amount: Cents::new(2500),
            answers: vec![Answer { question: "When?".into(), answer: "Now".into() }],
            boost_connects: 0,
            milestones: Vec::new(),
        }
    }

    fn stored() -> Value {
        json!({"status": "ok", "preview_id": "p", "params": {
            "jobReference": "7",
            "coverLetter": "<untrusted_participant_content>\nDear client\n</untrusted_participant_content>",
            "chargedAmount": 25.0, "connects_cost": 13.0, "attachments": [], "teamOrgId": null,
            "answers": [{"question": "When?", "answer": "Now"}],
        }})
    }

    fn differs(key: &str, value: Value) -> bool {
        let mut stored = stored();
        stored["params"][key] = value;
        !differences(&offer(), &stored).is_empty()
    }

    #[test]
    fn equal_terms_and_equal_mirrors_agree() {
        assert_eq!(differences(&offer(), &stored()), Vec::<String>::new());
        let mut mirrored = stored();
        mirrored["preview"] = json!({"cover_letter": "Dear client", "boost_connects": 0});
        mirrored["cacheScope"] = "new".into();
        mirrored["params"]["boost"] = json!({"available": true, "recommended_connects": 40});
        assert_eq!(differences(&offer(), &mirrored), Vec::<String>::new());
    }

    #[test]
    fn every_changed_or_added_term_is_found() {
        for (key, value) in [
            ("jobReference", json!("8")),
            ("coverLetter", json!("Dear")),
            ("coverLetter", json!("Dear  client")),
            ("chargedAmount", json!(25.01)),
            ("answers", json!([])),
            ("answers", json!([{"question": "When?", "answer": "Later"}])),
            ("boostConnects", json!(4)),
            ("boost", json!(40)),
            ("boost", json!("40")),
            ("boost", json!([40])),
            ("teamOrgId", json!("1")),
            ("attachments", json!(["a"])),
            ("milestones", json!([{"description": "x", "amount": 1}])),
            ("rateIncrease", json!({"percent": 5})),
        ] {
            assert!(differs(key, value.clone()), "{key}: {value}");
        }
    }

    #[test]
    fn a_missing_term_and_a_different_mirror_are_found() {
        let mut missing = stored();
        if let Some(params) = missing["params"].as_object_mut() {
            params.remove("chargedAmount");
        }
        missing["preview"] = json!({"charged_amount": 25});
        assert_eq!(differences(&offer(), &missing), ["no object holds all approved terms"]);
        let mut mirrored = stored();
        mirrored["preview"] = json!({"charged_amount": 26});
        assert_eq!(differences(&offer(), &mirrored), ["charged_amount differs"]);
    }

    #[test]
    fn an_approved_boost_and_milestones_must_be_there() {
        let boosted = Offer { boost_connects: 5, ..offer() };
        assert!(!differences(&boosted, &stored()).is_empty());
        let mut with_boost = stored();
        with_boost["params"]["boostConnects"] = json!(5.0);
        assert!(differences(&boosted, &with_boost).is_empty());
        let milestone = Milestone { description: "a".into(), amount: Cents::new(2500), due_date: None };
        let fixed = Offer { milestones: vec![milestone], ..offer() };
        assert!(!differences(&fixed, &stored()).is_empty());
        let mut with_milestones = stored();
        with_milestones["params"]["milestones"] = json!([{"description": "a", "amount": "25"}]);
        assert!(differences(&fixed, &with_milestones).is_empty());
    }
}
