//! The job as `find_jobs` shows it, and whether it may be applied to at all.

use applyd_core::job_ref::JobKey;
use applyd_core::outcome::{Code, Trouble};
use applyd_core::terms::Terms;
use serde_json::{Value, json};

use crate::accounts::Organisation;
use crate::fault::Fault;
use crate::objection::{Objection, Objections};
use crate::session::Session;
use crate::text::{untag, whole};
use crate::tool::Tool;

/// Words of `workFlowState.status` that mean the end; an unknown word alone is no closure.
const CLOSED_WORDS: [&str; 6] = ["CLOSED", "CANCELLED", "CANCELED", "FILLED", "EXPIRED", "REMOVED"];

/// One job, as read with one grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    /// The numeric id.
    pub(crate) id: String,
    /// How it is paid.
    pub(crate) contract: Contract,
    /// The screening questions in order, without tags.
    pub(crate) questions: Vec<String>,
    /// What a proposal costs, in Connects.
    pub(crate) cost_connects: i64,
    /// What the organisation has, in Connects.
    pub(crate) balance_connects: i64,
    can_apply: bool,
    has_applied: bool,
}

/// How a job is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contract {
    /// By the hour.
    Hourly,
    /// For the whole.
    Fixed,
}

/// Reads a job. One that was asked for by its number is that one or none; a ciphertext of letters tells no number.
pub(crate) async fn read(session: &Session, org_uid: &str, job: &JobKey) -> Result<Value, Fault> {
    let document = session.call(Tool::ReadJob, org_uid, json!({"id": job.as_str()})).await?;
    let told = id(&document["data"]["marketplaceJobPosting"]["id"]);
    match told {
        Some(told) if job.numeric().is_some_and(|asked| asked != told) => Err(Fault::AnotherJob),
        _ => Ok(document),
    }
}

/// What a proposal costs, in Connects: never less than nothing.
pub(crate) fn cost(value: &Value) -> Option<i64> {
    whole(value).filter(|cost| *cost >= 0)
}

/// The flag that says whether the organisation has applied.
pub(crate) fn has_applied(document: &Value) -> Result<bool, Fault> {
    document["applied"].as_bool().ok_or(Fault::Missing("applied flag"))
}

impl Job {
    /// Reads the document of a job.
    ///
    /// # Errors
    /// `job_closed`, judged first as a closed job may lack all else; a passing fault when what decides is missing.
    pub(crate) fn of(document: &Value) -> Result<Self, Trouble> {
        let posting = &document["data"]["marketplaceJobPosting"];
        let can_apply = document["can_apply"].as_bool();
        let state = posting["workFlowState"]["status"].as_str().unwrap_or_default();
        if can_apply != Some(true) && is_closed(state) {
            return Err(Trouble::end(Code::JobClosed, ""));
        }
        let contract = match posting["contractTerms"]["contractType"].as_str() {
            Some("HOURLY") => Contract::Hourly,
            Some("FIXED" | "FIXED_PRICE") => Contract::Fixed,
            _ => return Err(Fault::Missing("contract type").into()),
        };
        Ok(Self {
            id: id(&posting["id"]).ok_or(Fault::Missing("job id"))?,
            contract,
            questions: questions(document).collect(),
            cost_connects: cost(&document["connects_cost"]).ok_or(Fault::Missing("cost"))?,
            balance_connects: whole(&document["connects_balance"]).ok_or(Fault::Missing("balance"))?,
            can_apply: can_apply.ok_or(Fault::Missing("can_apply"))?,
            has_applied: has_applied(document)?,
        })
    }

    /// What stands against a proposal, in the order that the sandbox publishes. The applied flag comes before what
    /// it explains: who has applied cannot apply again.
    pub(crate) fn objections(&self, organisation: &Organisation, terms: &Terms) -> Objections {
        let applied = self.has_applied.then(|| Objection::new(Code::AlreadyApplied, ""));
        let suspended =
            organisation.is_suspended.then(|| Objection::new(Code::NotEligible, "the account is suspended"));
        // A missing permission is explained by what was found before it.
        let short = within_balance(self.cost_connects, self.balance_connects, terms).err();
        let explained = applied.is_some() || suspended.is_some() || short.is_some();
        let barred = (!self.can_apply && !explained).then(|| Objection::new(Code::NotEligible, ""));
        let capped = within_cap(self.cost_connects, terms).err();
        [applied, short, suspended, barred, capped].into_iter().flatten().collect()
    }
}

/// Whether the balance carries cost and boost.
pub(crate) fn within_balance(
    cost_connects: i64,
    balance_connects: i64,
    terms: &Terms,
) -> Result<(), Objection> {
    let total = cost_connects.saturating_add(terms.boost_connects);
    if balance_connects >= total {
        return Ok(());
    }
    Err(Objection::new(Code::NotEnoughConnects, &format!("{total} needed, {balance_connects} there")))
}

/// Whether the caller's ceiling carries cost and boost.
pub(crate) fn within_cap(cost_connects: i64, terms: &Terms) -> Result<(), Objection> {
    let total = cost_connects.saturating_add(terms.boost_connects);
    match terms.max_connects {
        Some(most) if total > most => {
            let reason = format!("{total} Connects would be spent, {most} allowed");
            Err(Objection::in_field(Code::ConnectsCap, &reason, "proposal.maxConnects"))
        }
        _ => Ok(()),
    }
}

/// An id as string or number.
pub(crate) fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) if id.is_u64() => Some(id.to_string()),
        _ => None,
    }
}

/// Whether a word of `workFlowState.status` means the end.
pub(crate) fn is_closed(state: &str) -> bool {
    CLOSED_WORDS.iter().any(|word| state.eq_ignore_ascii_case(word))
}

/// The screening questions in order, without tags.
pub(crate) fn questions(document: &Value) -> impl Iterator<Item = String> {
    document["screening_questions"].as_array().into_iter().flatten().filter_map(question)
}

fn question(value: &Value) -> Option<String> {
    let text = value.as_str().or_else(|| value["question"].as_str())?;
    Some(untag(text)).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use applyd_core::terms::Price;

    use super::*;
    use crate::accounts::Role;

    fn document() -> Value {
        json!({
            "status": "ok", "can_apply": true, "applied": false, "connects_cost": 10.0, "connects_balance": 100,
            "screening_questions": [
                "<untrusted_participant_content>\nQ1?\n</untrusted_participant_content>", {"question": "Q2?"}
            ],
            "data": {"marketplaceJobPosting": {
                "id": "7", "contractTerms": {"contractType": "HOURLY"}, "workFlowState": {"status": "ACTIVE"},
            }},
        })
    }

    fn code(document: &Value, terms: &Terms, is_suspended: bool) -> Option<Code> {
        let organisation = Organisation { org_uid: "1".into(), role: Role::Freelancer, is_suspended };
        let objections = Job::of(document).map(|job| job.objections(&organisation, terms));
        match objections.map(|objections| objections.into_iter().next()) {
            Ok(first) => first.map(|objection| objection.ending.code),
            Err(Trouble::End(ending)) => Some(ending.code),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn terms(boost_connects: i64, max_connects: Option<i64>) -> Terms {
        Terms {
            cover_letter: "x".into(),
            profile_id: None,
            price: Price::Absent,
            timeline: None,
            boost_connects,
            max_connects,
            answers: Vec::new(),
            auto_fill: false,
        }
    }

    #[test]
    fn it_reads_numbers_and_questions_in_their_forms() {
        let job = Job::of(&document()).unwrap();
        assert_eq!((job.cost_connects, job.questions), (10, vec!["Q1?".to_owned(), "Q2?".to_owned()]));
    }

    #[test]
    fn the_first_reason_against_it_decides() {
        let free = terms(0, None);
        let mut document = document();
        assert_eq!(code(&document, &free, false), None);
        assert_eq!(code(&document, &terms(4, Some(13)), false), Some(Code::ConnectsCap));
        assert_eq!(code(&document, &terms(91, Some(13)), false), Some(Code::NotEnoughConnects));
        assert_eq!(code(&document, &free, true), Some(Code::NotEligible));
        document["data"]["marketplaceJobPosting"]["workFlowState"]["status"] = "CLOSED".into();
        assert_eq!(
            code(&document, &free, false),
            None,
            "a word alone is no closure while it can be applied to"
        );
        document["can_apply"] = false.into();
        document["connects_balance"] = 4.into();
        document["applied"] = true.into();
        assert_eq!(code(&document, &free, false), Some(Code::JobClosed));
        document["data"]["marketplaceJobPosting"]["workFlowState"]["status"] = "NEW_WORD".into();
        assert_eq!(code(&document, &free, false), Some(Code::AlreadyApplied));
        document["applied"] = false.into();
        assert_eq!(code(&document, &free, false), Some(Code::NotEnoughConnects));
        document["connects_balance"] = 40.into();
        assert_eq!(code(&document, &terms(0, Some(1)), false), Some(Code::NotEligible));
    }
}
