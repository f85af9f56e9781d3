//! The guard against drift: what `tools/list` must show before anything is written.

use applyd_core::outcome::{Code, Trouble};
use applyd_core::terms::sha256_hex;
use serde_json::Value;

use crate::tool::{Era, Tool};

/// What create may demand; we could not supply more.
const CREATE_DEMANDS: [&str; 4] = ["job_reference", "cover_letter", "charged_amount", "answers"];

/// What the list says about the tools that write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    /// How previews are called.
    pub(crate) era: Era,
    /// Whether create takes milestones.
    pub(crate) milestones: bool,
    /// Of names and input schemas of create, read and confirm.
    pub(crate) schema_sha256: String,
}

/// Why nothing can be written with these tools.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// The user's own switch hides them.
    #[error(
        "the account is in compact mode; switch its tool mode to full_list on Upwork, then `applyd resume NAME`"
    )]
    Compact,
    /// One that is needed is not there.
    #[error("{0}")]
    Missing(&'static str),
    /// One wants what is not known.
    #[error("{tool} demands {name}")]
    Demand {
        /// The tool.
        tool: String,
        /// What it wants.
        name: String,
    },
}

impl Listing {
    /// Reads the `tools` of `tools/list`.
    ///
    /// # Errors
    /// [`Unfit`]: a tool that writes is missing or demands what is not known.
    pub(crate) fn of(tools: &[Value]) -> Result<Self, Unfit> {
        let find = |tool: Tool| tools.iter().find(|listed| listed["name"] == tool.name());
        let Some(create) = find(Tool::CreatePreview) else {
            let compact = tools.iter().any(|listed| listed["name"] == "upwork__execute_tool");
            return Err(if compact {
                Unfit::Compact
            } else {
                Unfit::Missing("manage_proposals is not listed")
            });
        };
        let era = if find(Tool::Confirm(Era::Preview)).is_some() { Era::Preview } else { Era::Draft };
        let confirm = find(Tool::Confirm(era)).ok_or(Unfit::Missing("no confirm tool is listed"))?;
        let read = find(Tool::ReadPreview(era)).ok_or(Unfit::Missing("no tool reads previews"))?;
        demands_only(create, &CREATE_DEMANDS)?;
        demands_only(confirm, &["type", era.key()])?;
        demands_only(read, &["type", "id"])?;
        let schemas: Vec<_> =
            [create, read, confirm].iter().map(|tool| (&tool["name"], &tool["inputSchema"])).collect();
        let schemas = serde_json::json!(schemas).to_string();
        Ok(Self { era, milestones: takes_milestones(create), schema_sha256: sha256_hex(schemas.as_bytes()) })
    }
}

/// What a tool demands in its `params`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// Its name.
    pub tool: String,
    /// The members.
    pub members: Vec<String>,
}

/// What create, read and confirm demand.
pub(crate) fn demands(tools: &[Value], era: Era) -> Vec<Demand> {
    let asked = [Tool::CreatePreview, Tool::ReadPreview(era), Tool::Confirm(era)].map(Tool::name);
    let listed = tools.iter().filter(|tool| asked.iter().any(|name| tool["name"] == *name));
    listed
        .map(|tool| Demand {
            tool: tool["name"].as_str().unwrap_or_default().to_owned(),
            members: required(tool).map(str::to_owned).collect(),
        })
        .collect()
}

/// The end that stops writes until a person has looked.
pub(crate) fn changed(reason: &str) -> Trouble {
    Trouble::end(Code::UpstreamChanged, reason)
}

fn params(tool: &Value) -> &Value {
    &tool["inputSchema"]["properties"]["params"]
}

fn required(tool: &Value) -> impl Iterator<Item = &str> {
    params(tool)["required"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn demands_only(tool: &Value, known: &[&str]) -> Result<(), Unfit> {
    match required(tool).find(|name| !known.contains(name)) {
        Some(name) => Err(Unfit::Demand {
            tool: tool["name"].as_str().unwrap_or_default().to_owned(),
            name: name.to_owned(),
        }),
        None => Ok(()),
    }
}

fn takes_milestones(create: &Value) -> bool {
    params(create)["properties"].get("milestones").is_some()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn tool(name: &str, required: Value, properties: Value) -> Value {
        let params = json!({"type": "object", "required": required, "properties": properties});
        json!({"name": format!("upwork__{name}"), "inputSchema": {"properties": {"params": params}}})
    }

    fn reason(tools: &[Value]) -> String {
        Listing::of(tools).unwrap_err().to_string()
    }

    #[test]
    fn the_newer_names_win_and_the_older_ones_still_work() {
        let create = tool("manage_proposals", json!(["job_reference"]), json!({"milestones": {}}));
        let (confirm, get) = (
            tool("confirm_preview", json!(["type", "preview_id"]), json!({})),
            tool("get_preview", json!([]), json!({})),
        );
        let (old, old_get) = (
            tool("confirm_draft", json!(["type", "draft_id"]), json!({})),
            tool("get_draft", json!([]), json!({})),
        );
        let both = [create.clone(), old.clone(), old_get.clone(), confirm, get];
        let listing = Listing::of(&both).unwrap();
        assert!(listing.era == Era::Preview && listing.milestones);
        assert_eq!(Listing::of(&[create.clone(), old.clone(), old_get]).unwrap().era, Era::Draft);
        assert!(reason(&[create, old]).contains("no tool reads previews"));
    }

    #[test]
    fn a_missing_tool_or_a_new_demand_stops_writes() {
        assert!(reason(&[tool("execute_tool", json!([]), json!({}))]).contains("full_list"));
        assert!(reason(&[]).contains("manage_proposals"));
        let create = tool("manage_proposals", json!(["engagement_token"]), json!({}));
        let rest = [tool("confirm_preview", json!([]), json!({})), tool("get_preview", json!([]), json!({}))];
        assert!(reason(&[&[create], &rest[..]].concat()).contains("engagement_token"));
    }
}
