//! The preview: made, read back, compared. It submits nothing.

use applyd_core::outcome::{Code, Ending, Trouble};
use applyd_core::terms::Terms;
use serde_json::{Value, json};

use crate::assignment::ApprovedPreview;
use crate::clock::{now_ms, time_ms};
use crate::compare::differences;
use crate::document::trace_id;
use crate::fault::Fault;
use crate::job::{self, within_balance, within_cap};
use crate::offer::Offer;
use crate::patterns;
use crate::session::Session;
use crate::text::whole;
use crate::tool::{Era, Tool};

/// A preview that holds exactly what was approved.
#[derive(Debug)]
pub(crate) struct Preview {
    /// Its id.
    pub(crate) id: String,
    /// From then on the site refuses it; Unix milliseconds.
    pub(crate) expires_at_ms: i64,
    /// What the proposal would cost, in Connects.
    pub(crate) cost_connects: i64,
    /// The site's ids of the answers about it.
    pub(crate) trace_ids: Vec<String>,
}

/// A preview as just made, not yet read back.
#[derive(Debug)]
pub(crate) struct Made {
    id: String,
    expires_at_ms: Option<i64>,
    cost_connects: Option<i64>,
    /// By a person, some time ago; else it was made a moment ago.
    is_approved: bool,
    trace_id: Option<String>,
}

/// Makes a preview and checks the boost against the site's advice.
pub(crate) async fn create(session: &Session, org_uid: &str, offer: &Offer) -> Result<Made, Trouble> {
    let document = session.call(Tool::CreatePreview, org_uid, offer.params()).await?;
    let preview = &document["preview"];
    if offer.boost_connects > 0 {
        boost_possible(&preview["boost"], offer.boost_connects)?;
    }
    Ok(Made {
        id: id(&document).ok_or(Fault::Missing("preview id"))?,
        expires_at_ms: expiry_ms(&document),
        cost_connects: job::cost(&preview["connects_cost"]),
        is_approved: false,
        trace_id: trace_id(&document),
    })
}

impl Made {
    /// The preview that a person has seen and approved.
    pub(crate) fn approved(approved: &ApprovedPreview) -> Self {
        Self {
            id: approved.id.clone(),
            expires_at_ms: Some(approved.expires_at),
            cost_connects: Some(approved.cost_connects),
            is_approved: true,
            trace_id: None,
        }
    }

    /// Reads the preview back and compares it with what was approved.
    ///
    /// # Errors
    /// `terms_changed` when anything differs; `connects_cap` or `not_enough_connects` when the cost has risen.
    pub(crate) async fn verify(
        self,
        session: &Session,
        org_uid: &str,
        era: Era,
        offer: &Offer,
        terms: &Terms,
        balance_connects: i64,
    ) -> Result<Preview, Trouble> {
        let params = json!({"type": "proposal", "id": self.id});
        let document = session.call(Tool::ReadPreview(era), org_uid, params).await;
        let document = document.map_err(|fault| if self.is_approved { gone(fault) } else { fault.into() })?;
        let mut differences = differences(offer, &document);
        if id(&document).is_some_and(|id| id != self.id) {
            differences.push("another preview was read".into());
        }
        if !differences.is_empty() {
            let ending = Ending::because(Code::TermsChanged, &differences.join(", "));
            return Err(Trouble::End(Ending { trace_id: trace_id(&document), ..ending }));
        }
        let cost =
            ["/params/connects_cost", "/params/connectsCost"].into_iter().find_map(|at| document.pointer(at));
        let told = cost.filter(|cost| !cost.is_null()).map_or(self.cost_connects, job::cost);
        let cost_connects = told.ok_or(Fault::Missing("cost"))?;
        within_balance(cost_connects, balance_connects, terms)?;
        within_cap(cost_connects, terms)?;
        let expires_at_ms =
            expiry_ms(&document).or(self.expires_at_ms).ok_or(Fault::Missing("preview expiry"))?;
        let trace_ids = [self.trace_id, trace_id(&document)].into_iter().flatten().collect();
        Ok(Preview { id: self.id, expires_at_ms, cost_connects, trace_ids })
    }
}

/// A refusal to read what a person has approved: another preview took its place, or its time is over. Another try
/// does not bring it back.
fn gone(fault: Fault) -> Trouble {
    match fault {
        Fault::Refused(refusal) if !patterns::passes(&refusal) => {
            let reason = format!("the approved preview is gone: {}", refusal.reason());
            let trace_id = refusal.trace_id();
            Trouble::End(Ending { trace_id, ..Ending::because(Code::TermsChanged, &reason) })
        }
        fault => fault.into(),
    }
}

fn id(document: &Value) -> Option<String> {
    job::id(&document["preview_id"]).or_else(|| job::id(&document["draft_id"]))
}

fn expiry_ms(document: &Value) -> Option<i64> {
    let by_ttl = || Some(now_ms() + whole(&document["ttl_seconds"])?.checked_mul(1000)?);
    time_ms(&document["expires_at"]).or_else(by_ttl)
}

/// Whether the site's advice allows this bid.
fn boost_possible(advice: &Value, bid: i64) -> Result<(), Trouble> {
    let outbid = |reason: &str| Err(Trouble::end(Code::BoostOutbid, reason));
    if advice["available"] == false || advice["recommendation"] == "skip" {
        return outbid("no boost is possible for this job");
    }
    if let Some(least) = whole(&advice["recommended_connects"]).filter(|least| bid < *least) {
        return outbid(&format!("at least {least} Connects are needed"));
    }
    if let Some(most) = whole(&advice["max_boost_connects"]).filter(|most| bid > *most) {
        return outbid(&format!("at most {most} Connects are possible"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boost_must_fit_the_advice() {
        let advice = json!({"available": true, "recommendation": "boost", "recommended_connects": 4, "max_boost_connects": 9});
        assert!(boost_possible(&advice, 4).is_ok() && boost_possible(&advice, 9).is_ok());
        assert!(boost_possible(&advice, 3).is_err() && boost_possible(&advice, 10).is_err());
        assert!(boost_possible(&json!({"available": false}), 4).is_err());
        assert!(boost_possible(&json!({"recommendation": "skip"}), 4).is_err());
    }
}
