//! Parameters of a query.

use std::ops::RangeInclusive;

use applyd_core::refusal::Refusal;

/// The first of this name.
pub(crate) fn find(query: &str, name: &str) -> Option<String> {
    let mut all = url::form_urlencoded::parse(query.as_bytes());
    all.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

/// A whole number in digits, or `absent`.
pub(crate) fn whole(
    query: &str,
    name: &str,
    absent: i64,
    allowed: RangeInclusive<i64>,
) -> Result<i64, Refusal> {
    let Some(text) = find(query, name) else { return Ok(absent) };
    let is_whole = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_whole && allowed.contains(number)).ok_or_else(|| {
        let (low, high) = (allowed.start(), allowed.end());
        Refusal::meaning(name, format!("`{name}` must be a whole number from {low} to {high}"))
    })
}
