//! What a person sees of a text: hidden characters are how instructions are smuggled past a reader.

/// Without controls and invisible characters; lines end in `\n`; trimmed.
///
/// Joiners of emoji and of some scripts go too: a model reads the words without them.
pub(super) fn visible(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let shown = text.chars().filter_map(|c| match c {
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\t' => Some(' '),
        c if c.is_control() || is_invisible(c) => None,
        c => Some(c),
    });
    shown.collect::<String>().trim().to_owned()
}

/// The same in one line, white space folded.
pub(super) fn visible_line(text: &str) -> String {
    crate::terms::folded(&visible(text))
}

/// Unicode's format characters, fillers, variation selectors, tags and noncharacters.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
        | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || c as u32 & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_seen_stays() {
        let tags: String = "hidden".chars().filter_map(|c| char::from_u32(0xe0000 + c as u32)).collect();
        for (given, seen) in [
            ("  a\r\nb\rc\u{2028}d\u{85}e\tf \0\u{7}\u{1b}[31m", "a\nb\nc\nd\ne f [31m"),
            ("i\u{200b}g\u{2060}nore\u{202e} \u{feff}this\u{ffff}", "ignore this"),
            (&format!("job{tags}"), "job"),
            ("日本語 עברית e\u{301} 🦀", "日本語 עברית e\u{301} 🦀"),
        ] {
            assert_eq!(visible(given), seen);
        }
        assert_eq!(visible_line(" a \n\n b\u{2029}c "), "a b c");
    }
}
