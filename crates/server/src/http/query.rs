//! Parameters of a query.

use std::borrow::Cow;

/// The first value of a parameter.
pub(crate) fn first<'a>(query: &'a str, wanted: &str) -> Option<Cow<'a, str>> {
    url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted).map(|(_, value)| value)
}
