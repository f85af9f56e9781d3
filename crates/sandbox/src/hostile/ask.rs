//! What a request asks for, as far as misfortunes care.

use axum::http::HeaderMap;
use serde_json::Value;

use crate::schema::PREFIX;

/// A call that is made for an application.
pub(super) struct Ask {
    pub(super) sort: Sort,
    /// The application.
    pub(super) label: String,
    /// The job that the call names, else the application.
    pub(super) subject: String,
    /// Method, tool, action and status.
    pub(super) name: String,
    pub(super) message: Value,
}

/// Sorts of calls that can go wrong in their own ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Tools,
    Job,
    List,
    Balance,
    Create,
    ReadPreview,
    Confirm,
    Other,
}

impl Ask {
    /// Reads a request; none if it has no label or is no request.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let label = headers.get("x-request-id")?.to_str().ok()?;
        let message: Value = serde_json::from_slice(body).ok()?;
        message.get("id")?;
        let method = message["method"].as_str()?;
        let call = &message["params"];
        let tool = call["name"].as_str().unwrap_or_default();
        let tool = tool.strip_prefix(PREFIX).unwrap_or(tool);
        let (action, params) = (text(&call["arguments"]["action"]), &call["arguments"]["params"]);
        let sort = match (method, tool, action) {
            ("tools/list", ..) => Sort::Tools,
            (_, "find_jobs", _) => Sort::Job,
            (_, "list_freelancer_proposals", "list") => Sort::List,
            (_, "get_profile" | "get_freelancer_financials", _) => Sort::Balance,
            (_, "manage_proposals", _) => Sort::Create,
            (_, "get_preview" | "get_draft", _) => Sort::ReadPreview,
            (_, "confirm_preview" | "confirm_draft", _) => Sort::Confirm,
            _ => Sort::Other,
        };
        let job = ["id", "job_reference", "job_posting_id"]
            .iter()
            .find_map(|key| params[*key].as_str().filter(|_| sort != Sort::ReadPreview));
        let name = format!("{method} {tool} {action} {}", text(&params["status"]));
        Some(Self { sort, label: label.to_owned(), subject: job.unwrap_or(label).to_owned(), name, message })
    }

    /// The preview that the call names.
    pub(super) fn preview_id(&self) -> Option<String> {
        let params = &self.message["params"]["arguments"]["params"];
        let keys: &[&str] = match self.sort {
            Sort::Confirm => &["preview_id", "draft_id"],
            Sort::ReadPreview => &["id"],
            _ => &[],
        };
        keys.iter().find_map(|key| params[*key].as_str()).map(str::to_owned)
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
