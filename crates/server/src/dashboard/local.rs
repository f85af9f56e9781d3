//! A place in the dashboard to go to: never one of somebody else's.

use std::fmt;

const LONGEST_BYTES: usize = 2000;

/// A path of the dashboard, with its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Local(String);

impl Local {
    /// The place of a text, or the first page.
    pub(super) fn parse(text: &str) -> Self {
        let rest = text.strip_prefix("/dashboard");
        let is_inside = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        let is_plain =
            text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') && !text.contains("//");
        if is_inside && is_plain && text.len() <= LONGEST_BYTES {
            Self(text.to_owned())
        } else {
            Self::first()
        }
    }

    /// The first page.
    pub(super) fn first() -> Self {
        Self("/dashboard".to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Where one signs in and comes back here.
    pub(super) fn sign_in(&self, was_signed_in: bool) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if *self != Self::first() {
            query.append_pair("next", &self.0);
        }
        if was_signed_in {
            query.append_pair("ended", "1");
        }
        let query = query.finish();
        if query.is_empty() { "/dashboard/sign-in".to_owned() } else { format!("/dashboard/sign-in?{query}") }
    }
}

impl fmt::Display for Local {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out_of_the_dashboard() {
        for inside in ["/dashboard", "/dashboard?a=b", "/dashboard/applications?status=failed&q=%2F%2F"] {
            assert_eq!(Local::parse(inside).as_str(), inside);
        }
        for outside in [
            "",
            "/",
            "//evil.example",
            "https://evil.example/dashboard",
            "/dashboardx",
            "/dashboard//evil.example",
            "/dashboard/\\evil.example",
            "\\\\evil.example",
            "javascript:alert(1)",
            "/dashboard/\r\nset-cookie: a=b",
            "/dashboard/é",
        ] {
            assert_eq!(Local::parse(outside), Local::first(), "{outside}");
        }
        let back = Local::parse("/dashboard/x?a=b&c").sign_in(true);
        assert_eq!(back, "/dashboard/sign-in?next=%2Fdashboard%2Fx%3Fa%3Db%26c&ended=1");
    }
}
