//! `applyd upwork agree`: the operator has looked at what has changed on the site.

use applyd_store::account::Channel;
use applyd_store::pause::{self, DRIFT_GUARD, Scope};
use applyd_store::{audit, tool_schema};
use serde_json::json;

use crate::cli::{Global, operator};
use crate::failure::Failure;
use crate::output;

/// Lifts the drift guard's own pause only: another's stands for another reason.
pub(super) fn agree(global: &Global, channel: Channel) -> Result<(), Failure> {
    let agreed = crate::commands::store(global, false)?.write_blocking(move |tx| {
        let known = tool_schema::agree(tx, channel)?;
        let scope = Scope::Channel(channel);
        let standing = pause::find(tx, &scope)?;
        let is_guards = standing.as_ref().is_some_and(|pause| pause.set_by == DRIFT_GUARD);
        if is_guards {
            pause::lift(tx, &scope)?;
        }
        let sha256 = known.as_ref().map(|known| known.pinned_sha256.as_str());
        let facts = json!({"scope": scope.to_string(), "schemaSha256": sha256, "resumed": is_guards});
        audit::note(tx, "schema_agreed", &operator(), None, &facts)?;
        let still = standing.filter(|_| !is_guards).or(pause::find(tx, &Scope::All)?);
        Ok::<_, Failure>(json!({
            "channel": channel.as_str(), "schemaSha256": known.map(|known| known.pinned_sha256),
            "resumed": is_guards, "stillPaused": still.map(|pause| pause.to_string()),
        }))
    })?;
    output::print(global.json, &agreed, |agreed| {
        let channel = channel.as_str();
        let pinned = match agreed["schemaSha256"].as_str() {
            Some(sha256) => format!("the tools of {channel} as seen last are agreed to ({sha256})"),
            None => format!("no tools of {channel} were seen yet; the first that are seen are agreed to"),
        };
        let standing = match (agreed["stillPaused"].as_str(), &agreed["resumed"]) {
            (Some(still), _) => format!("; it still stands still: {still}"),
            (None, serde_json::Value::Bool(true)) => "; it is resumed".to_owned(),
            _ => String::new(),
        };
        pinned + &standing
    })
}
