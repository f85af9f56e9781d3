//! `If-None-Match`: an answer that the caller has already is not sent again. RFC 9110 §13.1.2.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};

/// The tags that the caller knows; nothing is copied where none are sent.
pub(crate) struct Unless(Vec<HeaderValue>);

impl<S: Sync> FromRequestParts<S> for Unless {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect()))
    }
}

impl Unless {
    /// Whether the caller has sent any.
    pub(crate) fn is_given(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether the caller has this one. Weak and strong forms are alike here; our own tags have no comma inside.
    pub(crate) fn has(&self, etag: &HeaderValue) -> bool {
        let tags = self.0.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        tags.map(<[u8]>::trim_ascii).any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_weak_forms_and_the_star_match() {
        let etag = HeaderValue::from_static("\"ab\"");
        for (lines, has) in [
            (&[][..], false),
            (&["\"ab\""][..], true),
            (&["W/\"ab\""][..], true),
            (&["\"x\", W/\"y\" ,\"ab\""][..], true),
            (&["\"x\"", "\"ab\""][..], true),
            (&["*"][..], true),
            (&["ab"][..], false),
            (&["\"abc\""][..], false),
            (&["w/\"ab\""][..], false),
        ] {
            let unless = Unless(lines.iter().map(|line| HeaderValue::from_static(line)).collect());
            assert_eq!((unless.has(&etag), unless.is_given()), (has, !lines.is_empty()), "{lines:?}");
        }
    }
}
