//! The document in a tool's result, and the judgement on it.
//!
//! Order of judgement: `isError`, then `status`, then `error_code` (HTTP and JSON-RPC come before).

use serde_json::Value;

use crate::transport::LONGEST_RETRY_AFTER_SECONDS;

/// What a tool answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    /// The result is marked as an error.
    pub(crate) is_error: bool,
    /// The document; a string where the text was no JSON document.
    pub(crate) document: Value,
}

/// The site's id of an answer: kept for good, so nothing but an id passes.
pub(crate) fn trace_id(document: &Value) -> Option<String> {
    const LONGEST: usize = 64;
    let id = document.get("trace_id")?.as_str()?;
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    ((1..=LONGEST).contains(&id.len()) && id.bytes().all(is_id)).then(|| id.to_owned())
}

/// A tool's no.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal(pub(crate) Value);

impl Reading {
    /// Reads the `result` of a `tools/call`: `structuredContent` if it is an object, else the joined text.
    pub(crate) fn of(result: &Value) -> Self {
        let is_error = result.get("isError").and_then(Value::as_bool).unwrap_or(false);
        let document = match result.get("structuredContent") {
            Some(document) if document.as_object().is_some_and(|members| !members.is_empty()) => {
                document.clone()
            }
            _ => parse(joined_text(result)),
        };
        Self { is_error, document }
    }

    /// The site's id of this answer.
    pub(crate) fn trace_id(&self) -> Option<String> {
        trace_id(&self.document)
    }

    /// The document of a success. A missing `status` is none only where the document names an error.
    pub(crate) fn accepted(self) -> Result<Value, Refusal> {
        if let Some(trace_id) = self.document.get("trace_id").and_then(Value::as_str) {
            tracing::debug!(trace_id, "answered");
        }
        let has_error = self.document.get("error_code").is_some_and(|code| !code.is_null());
        let is_ok = match self.status() {
            Some(status) => status == "ok",
            None => self.document.is_object() && !has_error,
        };
        if is_ok && !self.is_error { Ok(self.document) } else { Err(Refusal(self.document)) }
    }

    /// The document's `status`.
    pub(crate) fn status(&self) -> Option<&str> {
        self.document.get("status").and_then(Value::as_str)
    }
}

impl Refusal {
    /// How long the site wants us to wait, in milliseconds; an hour at most.
    pub(crate) fn after_ms(&self) -> Option<i64> {
        let seconds = self.0.get("retry_after_seconds")?.as_f64()?;
        (seconds >= 0.0).then_some((seconds.min(LONGEST_RETRY_AFTER_SECONDS as f64) * 1000.0) as i64)
    }

    /// Whether the refusal asks for more input.
    pub(crate) fn needs_details(&self) -> bool {
        self.0.get("status").is_some_and(|status| status == "needs_details")
    }

    /// The site's reason in words, for people. Codes and traces go to the log only.
    pub(crate) fn reason(&self) -> String {
        if let Some(text) = self.0.as_str() {
            return crate::text::untag(text);
        }
        let said = ["reason", "message", "error"].into_iter().find_map(|key| self.0.get(key)?.as_str());
        crate::text::untag(said.unwrap_or_default())
    }

    /// The site's id of this answer.
    pub(crate) fn trace_id(&self) -> Option<String> {
        trace_id(&self.0)
    }

    /// Code and trace, for the operator's log.
    pub(crate) fn log(&self) {
        let member = |key: &str| self.0.get(key).and_then(Value::as_str).unwrap_or("-");
        tracing::info!(
            error_code = member("error_code"),
            status = member("status"),
            trace_id = member("trace_id"),
            "a tool refused"
        );
    }
}

fn joined_text(result: &Value) -> String {
    let parts = result.get("content").and_then(Value::as_array).into_iter().flatten();
    parts.filter_map(|part| part.get("text")?.as_str()).collect()
}

/// Text that is no JSON object stays an opaque message.
fn parse(text: String) -> Value {
    match serde_json::from_str::<Value>(&text) {
        Ok(document) if document.is_object() => document,
        _ => Value::String(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn result(text: &str) -> Value {
        json!({"content": [{"type": "text", "text": text}]})
    }

    #[test]
    fn structured_content_wins_over_text() {
        let mut result = result("{\"status\":\"error\"}");
        result["structuredContent"] = json!({"status": "ok"});
        assert_eq!(Reading::of(&result).accepted(), Ok(json!({"status": "ok"})));
        result["structuredContent"] = json!({});
        assert!(Reading::of(&result).accepted().is_err());
    }

    #[test]
    fn a_list_of_accounts_has_no_status() {
        assert!(Reading::of(&result("{\"accounts\":[]}")).accepted().is_ok());
        assert!(Reading::of(&result("{\"error_code\":\"X\"}")).accepted().is_err());
        assert!(Reading::of(&result("{\"status\":\"action_required\"}")).accepted().is_err());
    }

    #[test]
    fn a_trace_is_an_id_or_nothing() {
        let of = |trace: Value| trace_id(&json!({ "trace_id": trace }));
        assert_eq!(of(json!("0af7651916cd43dd8448eb211c80319c")).map(|id| id.len()), Some(32));
        for no_id in [json!("Dear client, hello"), json!(""), json!("a".repeat(65)), json!(7), json!(null)] {
            assert_eq!(of(no_id.clone()), None, "{no_id}");
        }
    }

    #[test]
    fn the_site_makes_nobody_wait_for_more_than_an_hour() {
        let after_ms = |seconds: Value| Refusal(json!({ "retry_after_seconds": seconds })).after_ms();
        assert_eq!(after_ms(json!(2.5)), Some(2500));
        assert_eq!(after_ms(json!(1e300)), Some(3_600_000));
        assert_eq!(after_ms(json!(-1)), None);
    }

    #[test]
    fn an_error_flag_and_opaque_text_are_refusals() {
        let mut flagged = result("{\"status\":\"ok\"}");
        flagged["isError"] = true.into();
        assert!(Reading::of(&flagged).accepted().is_err());
        let refused = Reading::of(&result("costs 10 Connects")).accepted();
        assert_eq!(refused, Err(Refusal(json!("costs 10 Connects"))));
    }
}
