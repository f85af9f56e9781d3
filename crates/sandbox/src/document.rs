//! Forms that Upwork's documents share.

use serde_json::{Map, Value};

/// Text of a participant, in the wrapping that tells models not to obey it.
pub(crate) fn participant(text: &str) -> String {
    format!("<untrusted_participant_content>\n{text}\n</untrusted_participant_content>")
}

/// The object of a `json!` literal; anything else has no members.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// A member that is text.
pub(crate) fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}
