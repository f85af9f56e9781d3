//! What commands print: one JSON object, or text for people.

use std::io::Write;

use comfy_table::{Table, TableStyle};
use serde_json::Value;

use crate::failure::Failure;

/// Prints one JSON object, or what `text` makes of it for people.
pub(crate) fn print(json: bool, value: &Value, text: impl FnOnce(&Value) -> String) -> Result<(), Failure> {
    if json { line(&value.to_string()) } else { line(&text(value)) }
}

/// Prints a line on stdout. A reader that went away ends the program quietly.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => Ok(other?),
    }
}

/// Tells a person something that is no data.
pub(crate) fn note(text: &str) {
    // A closed stderr leaves nobody to tell.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A table without lines around it.
pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_header(head.to_vec());
    rows.into_iter().for_each(|row| {
        table.add_row(row);
    });
    table.trim_fmt()
}

/// A text as a terminal may show it: what would act on the terminal, or on the order of what is read, is written out.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

/// How many of its characters are written out.
pub(crate) fn hidden(text: &str) -> usize {
    text.chars().filter(|c| is_hidden(*c)).count()
}

/// Controls but for line and tab, and the format characters that hide or turn around what stands beside them.
fn is_hidden(c: char) -> bool {
    let is_format = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    is_format || (c.is_control() && c != '\n' && c != '\t')
}

/// A member as text, for tables and people.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => visible(text),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_stranger_wrote_acts_on_the_terminal() {
        let text = "Bad\u{1b}[2K\r\nNice\u{202e}evil\u{200b}!";
        assert_eq!(visible(text), "Bad\\u{1b}[2K\\u{d}\nNice\\u{202e}evil\\u{200b}!");
        assert_eq!(hidden(text), 4);
        let plain = "Grüße,\n\t字 🦀";
        assert_eq!((visible(plain).as_str(), hidden(plain)), (plain, 0));
    }
}
