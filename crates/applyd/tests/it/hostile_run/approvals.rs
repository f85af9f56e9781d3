//! I2 and A4, and what a stop means, by the audit alone.

use serde_json::Value;

use super::judge::Evidence;

impl Evidence {
    /// Nothing was sent that nobody had approved, exactly so; and nothing while it stood still.
    pub(super) fn approved(&self, broken: &mut Vec<String>) {
        for (id, lines) in &self.audit {
            let intents = lines.iter().filter(|line| is_intent(line));
            for (intent, stop) in intents.flat_map(|intent| self.stops.iter().map(move |stop| (intent, stop)))
            {
                let at = intent["at"].as_str().unwrap_or_default();
                let stands =
                    stop.account.as_ref().is_none_or(|account| intent["accountId"] == account.as_str());
                if stands && stop.since.as_str() < at && at < stop.until.as_str() {
                    broken.push(format!("{id} was sent at {at}, although {stop:?}"));
                }
            }
        }
        let governed = self.counted.iter().filter(|((account, _), _)| self.governed.contains(account));
        for (pair, counted) in governed {
            for id in counted.proposals.iter().filter_map(|proposal| proposal["queueId"].as_str()) {
                let lines = self.audit.get(id).map(Vec::as_slice).unwrap_or_default();
                if !was_approved(lines) {
                    broken.push(format!("I2 {pair:?}: {id} was sent unapproved: {lines:?}"));
                }
            }
        }
    }
}

fn is_intent(line: &Value) -> bool {
    line["act"] == "intent" || line["act"] == "recovered"
}

/// Whether its one intent has the hash of an approval that stood then.
fn was_approved(lines: &[Value]) -> bool {
    let mut standing = None;
    for line in lines {
        match line["act"].as_str().unwrap_or_default() {
            "approved" | "by_request" => standing = line["sha256"].as_str(),
            "void" | "approval_needed" | "declined" => standing = None,
            "intent" | "recovered" => return standing.is_some() && standing == line["sha256"].as_str(),
            _ => {}
        }
    }
    false
}
