//! Strict JSON: what serde lets pass and the contract does not (a repeated member, U+0000) is refused.

use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// Reads one JSON object; members may stand once in each object, at any depth.
///
/// # Errors
/// A shape refusal that names the member where one can be named, else `body`.
pub fn object(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { place: Place::Whole }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| refusal(&error.to_string()))?;
    match value {
        Value::Object(map) => Ok(map),
        other => {
            Err(Refusal::shape("body", format!("The body must be a JSON object, not {}", kind_of(&other))))
        }
    }
}

/// What a value is, in a caller's words.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Our own errors travel through serde as text; `\u{1}` separates the member's path from the sentence.
const MARK: char = '\u{1}';

fn refusal(text: &str) -> Refusal {
    match text.split_once(MARK) {
        Some((path, sentence)) => {
            let sentence = sentence.split_once(MARK).map_or(sentence, |(sentence, _position)| sentence);
            Refusal::shape(path, sentence)
        }
        None => Refusal::shape("body", format!("The body is not valid JSON: {text}")),
    }
}

/// Where a value stands. It is put into words for a refusal only: for each value of a body they could be many.
#[derive(Clone, Copy)]
enum Place<'a> {
    Whole,
    Member(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    fn refuse<E: serde::de::Error>(&self, wrong: &str) -> E {
        let path = self.to_string();
        let path = if path.is_empty() { "body" } else { &path };
        E::custom(format!("{path}{MARK}`{path}` {wrong}{MARK}"))
    }
}

/// Empty for the whole only, and free of what separates a path from its sentence.
impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Item(list, index) => write!(formatter, "{list}[{index}]"),
            Self::Member(object, name) => {
                let dot = if matches!(object, Place::Whole) { "" } else { "." };
                let name = if name.is_empty() { "\"\"" } else { &name.replace(['\0', MARK], "?") };
                write!(formatter, "{object}{dot}{name}")
            }
        }
    }
}

struct Strict<'a> {
    place: Place<'a>,
}

impl Strict<'_> {
    fn text<E: serde::de::Error>(&self, text: String) -> Result<Value, E> {
        // PostgreSQL's text cannot hold it, and no proposal needs it.
        if text.contains('\0') {
            return Err(self.place.refuse("must not contain U+0000"));
        }
        Ok(Value::String(text))
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.text(value.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        self.text(value)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) =
            items.next_element_seed(Strict { place: Place::Item(&self.place, list.len()) })?
        {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let place = Place::Member(&self.place, &name);
            if name.contains('\0') {
                return Err(place.refuse("must not contain U+0000"));
            }
            if map.contains_key(&name) {
                return Err(place.refuse("stands more than once"));
            }
            let value = members.next_value_seed(Strict { place })?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_repeated_member_is_named_at_any_depth() {
        for (body, field) in [
            (r#"{"jobId":"a","jobId":"a"}"#, "jobId"),
            (r#"{"x":1,"x":1}"#, "x"),
            (r#"{"proposal":{"hourlyRate":1,"hourlyRate":2}}"#, "proposal.hourlyRate"),
            (r#"{"questionAnswers":[{"question":"q","question":"r"}]}"#, "questionAnswers[0].question"),
            (r#"{"a":1,"\u0061":2}"#, "a"),
            (r#"{"":1,"":2}"#, "\"\""),
            (r#"{"a\u0001b":{"c":1,"c":2}}"#, "a?b.c"),
        ] {
            let refusal = object(body.as_bytes()).unwrap_err();
            assert_eq!(refusal.field, field, "{body}");
            assert!(refusal.message.contains("more than once"), "{refusal:?}");
        }
    }

    /// To name each item of this by its path would be to write 500 GB.
    #[test]
    fn many_items_under_a_long_name_are_read_at_once() {
        const LENGTH: usize = 1 << 19;
        let (name, items) = ("a".repeat(LENGTH << 1), "0,".repeat(LENGTH));
        let begun = std::time::Instant::now();
        let read = object(format!("{{\"{name}\":[{items}0]}}").as_bytes()).unwrap();
        assert_eq!(read[&name].as_array().unwrap().len(), LENGTH + 1);
        let twice = object(format!("{{\"{name}\":[{items}{{\"b\":1,\"b\":2}}]}}").as_bytes());
        assert_eq!(twice.unwrap_err().field, format!("{name}[{LENGTH}].b"));
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
    }

    #[test]
    fn what_is_no_object_is_refused_in_plain_words() {
        for body in ["", "{", "[]", "null", "5", "\"x\"", "{} {}", "{\"a\":}", "\u{feff}{}", "{\"a\":1e999}"]
        {
            let refusal = object(body.as_bytes()).unwrap_err();
            assert_eq!(refusal.field, "body", "{body}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}").unwrap_err().field, "body");
        assert_eq!(object(br#"{"a":"\ud800"}"#).unwrap_err().field, "body");
        assert_eq!(object(br#"{"a":{"b":"x\u0000"}}"#).unwrap_err().field, "a.b");
        assert_eq!(object(br#"{"a\u0001b":"x\u0000"}"#).unwrap_err().field, "a?b");
        assert_eq!(object("[".repeat(100_000).as_bytes()).unwrap_err().field, "body");
    }
}
