//! `tools/list`: names, annotations and input schemas.

use serde_json::{Value, json};

use crate::behaviour::Era;

/// What stands before every tool's name.
pub(crate) const PREFIX: &str = "upwork__";

const OCTOBER: [&str; 32] = [
    "boost_profile",
    "confirm_attachment_upload",
    "confirm_draft",
    "confirm_preview",
    "find_jobs",
    "find_saved_jobs",
    "get_account",
    "get_agency",
    "get_draft",
    "get_freelancer_dashboard",
    "get_freelancer_financials",
    "get_messages",
    "get_preview",
    "get_profile",
    "get_tool_help",
    "get_upload_status",
    "list_accounts",
    "list_contracts",
    "list_freelancer_proposals",
    "list_milestones",
    "list_offers",
    "manage_meetings",
    "manage_proposals",
    "respond_to_offer",
    "save_job",
    "send_message",
    "set_tool_mode",
    "set_tool_permission",
    "start_attachment_upload",
    "store_uploaded_files",
    "submit_milestones",
    "update_profile",
];
const AUGUST: [&str; 12] = [
    "confirm_draft",
    "find_jobs",
    "get_account",
    "get_agency",
    "get_draft",
    "get_freelancer_financials",
    "get_profile",
    "get_tool_help",
    "list_accounts",
    "list_freelancer_proposals",
    "manage_proposals",
    "update_draft",
];
const COMPACT: [&str; 4] = ["execute_tool", "get_tool_help", "list_accounts", "search_tools"];

/// The tools of an era, without their prefix.
pub(crate) fn names(era: Era) -> &'static [&'static str] {
    match era {
        Era::October | Era::OctoberWithoutMilestones | Era::OctoberChanged => &OCTOBER,
        Era::August => &AUGUST,
        Era::Compact => &COMPACT,
    }
}

/// The tools of an era, as `tools/list` shows them.
pub(crate) fn list(era: Era) -> Vec<Value> {
    names(era).iter().map(|name| tool(name, era)).collect()
}

fn tool(name: &str, era: Era) -> Value {
    let mut tool = json!({
        "name": format!("{PREFIX}{name}"),
        "description": description(name),
        "inputSchema": input(name, era),
    });
    if name.starts_with("get_") || name.starts_with("list_") || name.starts_with("find_") {
        tool["annotations"] = json!({"readOnlyHint": true});
    } else if name.starts_with("confirm_") {
        tool["annotations"] = json!({"destructiveHint": true});
    }
    tool
}

fn description(name: &str) -> String {
    match name {
        "confirm_preview" => {
            "Submits what a preview holds. Ask the user to confirm each single write.".into()
        }
        "confirm_draft" | "get_draft" => format!("{name} (deprecated)"),
        _ => format!("{name} of the stand-in; see get_tool_help"),
    }
}

fn input(name: &str, era: Era) -> Value {
    let key = crate::tools::preview_key(if name.ends_with("_draft") { Era::August } else { era });
    match name {
        "list_accounts" => json!({"type": "object", "properties": {}}),
        "get_tool_help" => json!({
            "type": "object", "required": ["tool_name"], "properties": {"tool_name": {"type": "string"}},
        }),
        "execute_tool" => json!({
            "type": "object", "required": ["tool_name"],
            "properties": {
                "tool_name": {"type": "string"}, "action": {"type": "string"}, "org_uid": {"type": "string"},
                "role": {"type": "string"}, "params": {"type": "object"},
            },
        }),
        "find_jobs" => with_params(
            &["get", "search", "smart_search"],
            json!({"type": "object", "properties": {"id": {"type": "string"}, "job_id": {"type": "string"}}}),
        ),
        "list_freelancer_proposals" => with_params(
            &["list", "invitations", "get"],
            json!({"type": "object", "properties": {
                "status": {"type": "string"}, "job_posting_id": {"type": "string"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 10}, "cursor": {"type": "string"},
                "sort_field": {"enum": ["CREATEDDATETIME", "MODIFIEDDATETIME"]},
                "sort_order": {"enum": ["ASC", "DESC"]},
                "id": {"type": "string"}, "proposal_id": {"type": "string"},
            }}),
        ),
        "manage_proposals" => with_params(
            &[
                "create",
                "accept_invitation",
                "decline_invitation",
                "withdraw",
                "edit_terms",
                "send_proposal",
                "acknowledge_policy",
            ],
            create(era),
        ),
        "get_preview" | "get_draft" => with_params(
            &["get"],
            json!({"type": "object", "required": ["type", "id"],
                "properties": {"type": {"type": "string"}, "id": {"type": "string"}}}),
        ),
        "confirm_preview" | "confirm_draft" => {
            let mut schema = with_params(
                &["confirm"],
                json!({"type": "object", "required": ["type", key],
                    "properties": {"type": {"type": "string"}, key: {"type": "string"}}}),
            );
            schema["required"] = json!(["action", "org_uid", "params"]);
            schema
        }
        "get_profile" | "get_freelancer_financials" => with_params(
            &["connects_balance"],
            json!({"type": "object", "properties": {"limit": {"type": "integer"}, "cursor": {"type": "string"}}}),
        ),
        "get_agency" => with_params(
            &["get_profile", "list_agencies", "list_teams", "list_members"],
            json!({"type": "object"}),
        ),
        _ => json!({
            "type": "object", "required": ["action", "org_uid"],
            "properties": {
                "action": {"type": "string"}, "org_uid": {"type": "string"}, "params": {"type": "object"},
            },
        }),
    }
}

fn with_params(actions: &[&str], params: Value) -> Value {
    json!({
        "type": "object", "required": ["action", "org_uid"],
        "properties": {"action": {"enum": actions}, "org_uid": {"type": "string"}, "params": params},
    })
}

fn create(era: Era) -> Value {
    let ids = json!({"type": "array", "items": {"type": "string"}});
    let mut schema = json!({
        "type": "object", "required": ["job_reference", "cover_letter", "charged_amount"],
        "properties": {
            "job_reference": {"type": "string", "description": "numeric id of the job"},
            "cover_letter": {"type": "string", "maxLength": 5000},
            "charged_amount": {"type": "number"},
            "answers": {"type": "array", "items": {"type": "object", "required": ["question", "answer"],
                "properties": {"question": {"type": "string"}, "answer": {"type": "string"}}}},
            "boost_connects": {"type": "integer", "minimum": 1},
            "team_org_id": {"type": "string"},
            "attachments": ids, "certificate_ids": ids, "portfolio_project_ids": ids,
        },
    });
    if era == Era::October {
        schema["properties"]["milestones"] = json!({
            "type": "array",
            "items": {"type": "object", "required": ["description", "amount"], "properties": {
                "description": {"type": "string"}, "amount": {"type": "number"}, "due_date": {"type": "string"},
            }},
        });
    }
    if era == Era::OctoberChanged {
        schema["properties"]["engagement_token"] = json!({"type": "string"});
        schema["required"] = json!(["job_reference", "cover_letter", "charged_amount", "engagement_token"]);
    }
    schema
}
