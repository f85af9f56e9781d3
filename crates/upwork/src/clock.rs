//! The wall clock and the times that others write.

use jiff::Timestamp;
use serde_json::Value;

/// Numbers in this range are taken for Unix milliseconds (years 2015 to 2065).
const PLAUSIBLE_MS: std::ops::Range<i64> = 1_420_000_000_000..3_000_000_000_000;

/// Now, Unix milliseconds.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// A time as RFC 3339, or Unix milliseconds as a number or a string.
pub(crate) fn time_ms(value: &Value) -> Option<i64> {
    let ms = match value {
        Value::Number(number) => number.as_i64()?,
        Value::String(text) => match text.parse::<i64>() {
            Ok(ms) => ms,
            Err(_) => text.parse::<Timestamp>().ok()?.as_millisecond(),
        },
        _ => return None,
    };
    PLAUSIBLE_MS.contains(&ms).then_some(ms)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::time_ms;

    #[test]
    fn times_come_in_three_forms_and_ids_are_none() {
        assert_eq!(time_ms(&json!("1759212345678")), Some(1_759_212_345_678));
        assert_eq!(time_ms(&json!(1_759_212_345_678_i64)), Some(1_759_212_345_678));
        assert_eq!(time_ms(&json!("2026-10-06T12:30:00Z")), Some(1_791_289_800_000));
        assert_eq!(time_ms(&json!("2099064829143857470")), None);
        assert_eq!(time_ms(&json!("Pending")), None);
    }
}
