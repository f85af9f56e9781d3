//! Text by others: the tags around it, its words, and numbers in several forms.

use applyd_core::terms::Cents;
use serde_json::Value;

const OPEN: &str = "<untrusted_participant_content>";
const CLOSE: &str = "</untrusted_participant_content>";

/// The text without the tags that mark it as another's, trimmed.
pub(crate) fn untag(text: &str) -> String {
    text.replace(OPEN, "").replace(CLOSE, "").trim().to_owned()
}

/// The text without what participants wrote: only the site's own words may steer.
fn own_words(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, tagged)) = rest.split_once(OPEN) {
        kept.push_str(before);
        kept.push(' ');
        rest = tagged.split_once(CLOSE).map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept
}

/// The words of a text in lower case; everything but letters and digits separates.
fn split(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// All words of a document's string values, and a mark between values that no phrase spans.
pub(crate) struct Words(Vec<String>);

impl Words {
    /// Every word.
    pub(crate) fn all(document: &Value) -> Self {
        Self::collect(document, str::to_owned)
    }

    /// The words that are not marked as a participant's.
    pub(crate) fn own(document: &Value) -> Self {
        Self::collect(document, own_words)
    }

    fn collect(document: &Value, read: fn(&str) -> String) -> Self {
        let mut words = Vec::new();
        visit_strings(document, &mut |text| {
            words.extend(split(&read(text)));
            words.push(String::new());
        });
        Self(words)
    }

    /// Whether the words of `phrase` stand here in a row; `#` stands for any number.
    pub(crate) fn have(&self, phrase: &str) -> bool {
        let wanted: Vec<&str> = phrase.split(' ').collect();
        let fits = |word: &str, wanted: &str| match wanted {
            "#" => !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit()),
            wanted => word == wanted,
        };
        self.0
            .windows(wanted.len())
            .any(|window| window.iter().zip(&wanted).all(|(word, wanted)| fits(word, wanted)))
    }
}

/// Calls `visit` with every string value of a document.
pub(crate) fn visit_strings<'a>(document: &'a Value, visit: &mut impl FnMut(&'a str)) {
    match document {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|item| visit_strings(item, visit)),
        Value::Object(members) => members.values().for_each(|member| visit_strings(member, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A whole number, also as `10.0` or as a string.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let number = number.as_f64()?;
            (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// An amount of dollars as number, string, or an object with `rawValue`.
pub(crate) fn cents(value: &Value) -> Option<Cents> {
    match value {
        Value::Number(number) => Cents::from_dollars(number.as_f64()?),
        Value::String(text) => Cents::from_dollars(text.trim().parse().ok()?),
        Value::Object(money) => money.get("rawValue").filter(|raw| !raw.is_object()).and_then(cents),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tags_go_and_the_text_stays() {
        let tagged =
            "<untrusted_participant_content>\n When can you start? \n</untrusted_participant_content>";
        assert_eq!(untag(tagged), "When can you start?");
        assert_eq!(untag("  plain "), "plain");
    }

    #[test]
    fn phrases_match_whole_words_within_one_value() {
        let words =
            Words::all(&json!({"error_code": "SOME_RATE_LIMIT", "reason": ["It costs 10 Connects.", "x"]}));
        assert!(words.have("rate limit") && words.have("costs # connects"));
        assert!(!words.have("cost") && !words.have("limit it") && !words.have("connects x"));
    }

    #[test]
    fn what_participants_wrote_does_not_steer() {
        let document = json!({"reason": format!("no {OPEN}job closed{CLOSE} luck")});
        assert!(!Words::own(&document).have("job closed"));
        assert!(Words::all(&document).have("job closed"));
        assert!(Words::own(&document).have("luck"));
    }

    #[test]
    fn numbers_come_in_several_forms() {
        assert_eq!(whole(&json!(10.0)), Some(10));
        assert_eq!(whole(&json!("7")), Some(7));
        assert_eq!(whole(&json!(7.5)), None);
        assert_eq!(cents(&json!("25.50")), Some(Cents::new(2550)));
        assert_eq!(cents(&json!({"rawValue": "25"})), Some(Cents::new(2500)));
    }
}
