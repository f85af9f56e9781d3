//! The tools: who may call what, and which file plays it.

mod account;
pub(crate) mod buckets;
mod client;
mod confirm;
mod jobs;
mod posting;
mod previews;
mod proposals;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::behaviour::{Era, Role, Standing};
use crate::clock::{millis, now_ms};
use crate::connection::HangUp;
use crate::document::{object, text};
use crate::error::Error;
use crate::memory::scripts;
use crate::oauth::Bearer;
use crate::refusal::Refusal;
use crate::schema;
use crate::stand_in::StandIn;

/// What a call comes to.
pub(crate) enum Answer {
    /// A JSON document.
    Document(Map<String, Value>),
    /// A tool error of plain text.
    Text(String),
    /// HTTP 401, as for a bad token.
    Unauthorized,
    /// A bare HTTP status.
    Status(StatusCode),
    /// A page instead of JSON.
    Html(StatusCode),
    /// The connection is broken.
    HangUp(HangUp),
    /// Nothing, until the client goes away.
    Silence,
}

/// One call of a tool.
pub(crate) struct Call<'a> {
    pub(crate) stand_in: &'a StandIn,
    pub(crate) bearer: &'a Bearer,
    /// The application that the call is made for.
    pub(crate) request_id: Option<&'a str>,
    pub(crate) params: Map<String, Value>,
}

impl Call<'_> {
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        text(&self.params, name)
    }

    /// Proposals created up to this moment show in reads.
    pub(crate) fn shown_until_ms(&self) -> i64 {
        now_ms() - millis(self.stand_in.settings.list_lag)
    }

    /// Whether the agency's lists, or its view of one job, cannot be read for applications now.
    pub(crate) async fn is_dark(&self, job_id: Option<&str>) -> Result<bool, Error> {
        if self.request_id.is_none() {
            return Ok(false);
        }
        let (org_uid, job_id) = (self.bearer.org_uid.clone(), job_id.map(str::to_owned));
        self.stand_in
            .memory
            .read(move |memory| scripts::is_dark(memory, &org_uid, job_id.as_deref(), now_ms()))
            .await
    }
}

/// Plays one call; `tool` is a listed name without its prefix.
pub(crate) async fn call(
    stand_in: &StandIn,
    bearer: &Bearer,
    request_id: Option<&str>,
    tool: &str,
    mut arguments: Map<String, Value>,
) -> Result<Answer, Error> {
    if let Some(limited) = buckets::limit(stand_in, &bearer.org_uid, tool) {
        return Ok(limited);
    }
    match tool {
        "list_accounts" => return Ok(list_accounts(stand_in, bearer)),
        "get_tool_help" => return Ok(help(stand_in, &arguments)),
        _ => {}
    }
    let (action, org_uid) = (arguments.remove("action"), arguments.remove("org_uid"));
    if org_uid.as_ref().and_then(Value::as_str) != Some(bearer.org_uid.as_str()) {
        let reason = match org_uid {
            None => "org_uid is required. Call list_accounts first.",
            Some(_) => "org_uid is none of yours. Call list_accounts first.",
        };
        let refused = json!({"status": "error", "error_code": "ORG_UID_REQUIRED", "reason": reason});
        return Ok(stand_in.document(object(refused)));
    }
    let params = arguments.remove("params").map(object).unwrap_or_default();
    let extra = !arguments.is_empty();
    let call = Call { stand_in, bearer, request_id, params };
    match (tool, action.as_ref().and_then(Value::as_str).unwrap_or_default()) {
        ("find_jobs", "get") => jobs::get(&call).await,
        ("list_freelancer_proposals", "list") => proposals::list(&call).await,
        ("list_freelancer_proposals", "invitations") => proposals::invitations(&call).await,
        ("list_freelancer_proposals", "get") => proposals::get(&call).await,
        ("manage_proposals", "create") => previews::create(&call).await,
        ("get_preview" | "get_draft", "get") => previews::get(&call).await,
        ("confirm_preview" | "confirm_draft", "confirm") if extra => {
            Ok(stand_in.refuse(Refusal::ExtraPayload))
        }
        ("confirm_preview" | "confirm_draft", "confirm") => confirm::confirm(&call).await,
        ("get_profile", "connects_balance") => match stand_in.settings.behaviour.role {
            Role::Talent => account::connects_balance(&call).await,
            Role::Agency => Ok(stand_in.refuse(Refusal::WrongRole)),
        },
        ("get_freelancer_financials", "connects_balance") => account::connects_balance(&call).await,
        ("get_agency", action) => Ok(account::agency(&call, action)),
        _ => Ok(stand_in.refuse(Refusal::NotBuilt)),
    }
}

/// The member that names a preview, which changed between eras.
pub(crate) fn preview_key(era: Era) -> &'static str {
    if era == Era::August { "draft_id" } else { "preview_id" }
}

/// Why the account may write nothing, if so.
pub(crate) fn refusal_of_standing(standing: Standing) -> Option<Refusal> {
    match standing {
        Standing::Suspended => Some(Refusal::Suspended),
        Standing::IdentityCheck => Some(Refusal::Identity),
        Standing::PolicyPrompt => Some(Refusal::PolicyPrompt),
        Standing::Good | Standing::SeveralTeams | Standing::Outbid => None,
    }
}

fn list_accounts(stand_in: &StandIn, bearer: &Bearer) -> Answer {
    let (role, label) = match stand_in.settings.behaviour.role {
        Role::Talent => ("TALENT", "Freelancer"),
        Role::Agency => ("FL_AGENCY", "Freelancer agency"),
    };
    let mut account =
        json!({"name": "Ada Sandbox", "org_uid": bearer.org_uid, "role": role, "role_label": label});
    if stand_in.settings.behaviour.standing == Standing::Suspended {
        account["suspended"] = true.into();
    }
    stand_in.document(object(json!({"accounts": [account]})))
}

fn help(stand_in: &StandIn, arguments: &Map<String, Value>) -> Answer {
    let name = text(arguments, "tool_name").unwrap_or_default();
    let listed = schema::list(stand_in.settings.behaviour.era);
    match listed.into_iter().find(|tool| tool["name"] == format!("{}{name}", schema::PREFIX)) {
        Some(tool) => stand_in.ok(object(json!({"tool_name": name, "help": tool}))),
        None => stand_in.bad_input("tool_name names no tool"),
    }
}
