//! What people copy: ids and commands.

use std::fmt;

use askama::filters::{Html, HtmlSafe, escape};

/// A text that a click copies; without scripts it is only read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copied<'a>(pub(super) &'a str);

impl fmt::Display for Copied<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(text) = escape(self.0, Html);
        write!(f, r#"<span class="copied"><code>{text}</code>"#)?;
        write!(
            f,
            r#"<button type="button" class="copy script-only" data-copy="{text}" aria-label="Copy {text}">Copy</button></span>"#
        )
    }
}

// The text is escaped, also for an attribute.
impl HtmlSafe for Copied<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_text_is_markup() {
        let told = Copied(r#""><script>alert(1)</script>'"#).to_string();
        assert!(
            !told.contains("<script>") && !told.contains(r#"""><"#) && told.contains("&#34;&#62;&#60;script"),
            "{told}"
        );
    }
}
