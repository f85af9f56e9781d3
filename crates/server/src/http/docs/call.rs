//! One operation, as the page shows it.

use axum::http::Method;
use serde_json::Value;

use super::described::{Content, Described, Member, Operation, Parameter};
use crate::http::openapi::PERSON;
use crate::http::quota;

/// One operation.
pub(super) struct Call {
    pub(super) anchor: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) summary: String,
    pub(super) description: String,
    /// How often a key may call it; none where no key is asked.
    pub(super) limit: Option<String>,
    pub(super) parameters: Vec<Member>,
    pub(super) body: Vec<Member>,
    pub(super) answers: Vec<Answer>,
    pub(super) curl: String,
}

/// What comes back with one code.
pub(super) struct Answer {
    pub(super) code: String,
    pub(super) text: String,
    /// Of a success; all errors have the same members.
    pub(super) members: Vec<Member>,
    pub(super) example: Option<String>,
}

impl Call {
    pub(super) fn of(described: &Described, path: &str, method: &str, operation: &Operation) -> Self {
        let method = method.to_uppercase();
        let limit = limit(&method, path);
        let body = operation.request_body.as_ref();
        let example = body.and_then(|body| described.example(body));
        Self {
            anchor: operation.operation_id.clone(),
            path: path.to_owned(),
            summary: operation.summary.clone(),
            description: operation.description.clone(),
            parameters: operation.parameters.iter().map(|one| parameter(described, one)).collect(),
            body: body.map(|body| described.members(body)).unwrap_or_default(),
            answers: operation.responses.iter().map(|(code, one)| answer(described, code, one)).collect(),
            curl: curl(&method, path, operation, example, limit.is_some()),
            method,
            limit,
        }
    }
}

fn limit(method: &str, path: &str) -> Option<String> {
    let limits = quota::endpoint(&method.parse::<Method>().ok()?, path)?.limits();
    let per_day = limits.per_day.map(|per_day| format!(", {per_day} a day")).unwrap_or_default();
    Some(format!("{} a minute{per_day}", limits.per_minute))
}

fn parameter(described: &Described, parameter: &Parameter) -> Member {
    Member {
        name: parameter.name.clone(),
        kind: format!("{}, {}", parameter.place, described.kind(&parameter.schema, parameter.required)),
        is_required: parameter.required,
        text: parameter.description.clone(),
    }
}

fn answer(described: &Described, code: &str, content: &Content) -> Answer {
    let is_success = code.starts_with('2');
    Answer {
        code: code.to_owned(),
        text: content.description.clone(),
        members: if is_success { described.members(content) } else { Vec::new() },
        example: described.example(content).filter(|_| is_success).map(|example| format!("{example:#}")),
    }
}

/// A line for a POSIX shell.
fn curl(method: &str, path: &str, operation: &Operation, body: Option<&Value>, has_key: bool) -> String {
    let mut url = format!("$APPLYD_URL{path}");
    for one in operation.parameters.iter().filter(|one| one.place == "path") {
        url = url.replace(&format!("{{{}}}", one.name), &text(one));
    }
    let asked = |one: &&Parameter| one.place == "query" && (one.required || one.example.is_some());
    if let Some(first) = operation.parameters.iter().find(asked) {
        url += &format!("?{}={}", first.name, text(first));
    }
    // What curl takes for itself is not said.
    let is_implied = method == "GET" || (method == "POST" && body.is_some());
    let method = if is_implied { String::new() } else { format!(" -X {method}") };
    let mut line = format!("curl{method} \"{url}\"");
    if operation.security.iter().any(|one| one.contains_key(PERSON)) {
        line += " \\\n  -H \"Authorization: Bearer YOUR_TOKEN\"";
    } else if has_key {
        line += " \\\n  -H \"x-api-key: YOUR_API_KEY\"";
    }
    if let Some(body) = body {
        let body = format!("{body:#}").replace('\'', r"'\''");
        line += &format!(" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{body}'");
    }
    line
}

/// The example, or words in place of it: braces would mean something to curl.
fn text(parameter: &Parameter) -> String {
    match &parameter.example {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => {
            let words = parameter.name.replace("Id", "_id").to_uppercase();
            format!("YOUR_{}", words.trim_start_matches('_'))
        }
    }
}
