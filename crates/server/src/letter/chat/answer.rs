//! The answer of a chat endpoint: one whole text, or nothing.

use applyd_core::letter::LONGEST_LETTER_CHARS;
use serde::Deserialize;
use serde_json::Value;

use super::super::{Tokens, Unwritten};

/// Reasons to end that leave no whole letter; servers have many words for a good end.
const CUT_SHORT: [&str; 4] = ["length", "content_filter", "tool_calls", "function_call"];

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    #[serde(default)]
    refusal: Value,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
}

/// The letter, trimmed, and what it took.
pub(super) fn read(body: &[u8]) -> Result<(String, Tokens), Unwritten> {
    let unusable = |what| Err(Unwritten::Unusable(what));
    let Ok(completion) = serde_json::from_slice::<Completion>(body) else {
        return unusable("it is no chat completion");
    };
    let Some(choice) = completion.choices.into_iter().next() else { return unusable("it has no choice") };
    if choice.finish_reason.is_some_and(|reason| CUT_SHORT.contains(&reason.as_str())) {
        return unusable("it was cut short");
    }
    if !choice.message.refusal.is_null() {
        return unusable("it is a refusal");
    }
    let content = choice.message.content.unwrap_or_default();
    let text = content.trim();
    if text.is_empty() {
        return unusable("it has no text");
    }
    // A letter is never cut: it would end in the middle of a promise.
    if text.chars().count() > LONGEST_LETTER_CHARS {
        return unusable("it is longer than 5000 characters");
    }
    if text.contains('\0') || text.starts_with("<think") {
        return unusable("it is no letter");
    }
    let usage = completion.usage;
    let tokens = Tokens {
        prompt: usage.as_ref().and_then(|usage| usage.prompt_tokens),
        completion: usage.as_ref().and_then(|usage| usage.completion_tokens),
    };
    Ok((text.to_owned(), tokens))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn of(content: &Value, finish: &str) -> Result<(String, Tokens), Unwritten> {
        let choice = json!({"message": {"role": "assistant", "content": content}, "finish_reason": finish});
        let usage = json!({"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10});
        read(json!({"model": "m", "choices": [choice], "usage": usage}).to_string().as_bytes())
    }

    #[test]
    fn a_whole_text_is_a_letter() {
        let tokens = Tokens { prompt: Some(7), completion: Some(3) };
        assert_eq!(of(&json!(" Hello \n"), "stop").unwrap(), ("Hello".to_owned(), tokens));
        assert_eq!(of(&json!("🦀".repeat(5000)), "eos").unwrap().0.chars().count(), 5000);
        let least = read(br#"{"choices":[{"message":{"content":"x"}}]}"#).unwrap();
        assert_eq!(least, ("x".to_owned(), Tokens::default()));
    }

    #[test]
    fn all_else_is_unusable() {
        for content in [
            json!(null),
            json!(""),
            json!(" \n\t"),
            json!(5),
            json!(["x"]),
            json!([{"type": "text", "text": "x"}]),
            json!({"text": "x"}),
            json!("🦀".repeat(5001)),
            json!("a\u{0}b"),
            json!("<think>hm</think> Hello"),
        ] {
            assert!(matches!(of(&content, "stop"), Err(Unwritten::Unusable(_))), "{content}");
        }
        for finish in CUT_SHORT {
            assert!(of(&json!("Hello"), finish).is_err(), "{finish}");
        }
        for body in [
            "",
            "{}",
            "null",
            "<html>busy</html>",
            r#"{"choices":[]}"#,
            r#"{"choices":[{"text":"x"}]}"#,
            r#"{"choices":[{"message":{"content":"x","refusal":"no"}}]}"#,
            r#"{"error":{"message":"x"}}"#,
            r#"{"choices":[{"message":{"content":"x"}}]} trailing"#,
        ] {
            assert!(matches!(read(body.as_bytes()), Err(Unwritten::Unusable(_))), "{body}");
        }
    }
}
