//! Texts of senders and providers, made safe for a terminal and a spreadsheet.
//!
//! # Promises
//! - The result has no character that a terminal acts on: control characters, C1, direction marks.

use std::borrow::Cow;

/// Escapes every character that a terminal acts on as `\u{1b}`.
pub fn text(text: &str) -> Cow<'_, str> {
    escaped(text, |c, out| out.push_str(&format!("\\u{{{:x}}}", u32::from(c))))
}

/// The same for a text of several lines, whose line ends stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c, out| match c {
        '\n' => out.push('\n'),
        c => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
    })
}

/// Escapes such characters in JSON as `\u009b`, without changing its meaning: they stand only
/// inside strings, except for line ends, which belong to the layout.
pub fn json(text: &str) -> Cow<'_, str> {
    escaped(text, |c, out| match c {
        '\n' => out.push('\n'),
        c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
    })
}

/// Escapes a cell of a csv file. A spreadsheet would run a text that begins like a formula.
pub fn csv(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}").into() } else { cell.into() }
}

fn escaped(text: &str, write: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.contains(is_acted_on) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_acted_on(c) { write(c, &mut shown) } else { shown.push(c) }
    }
    shown.into()
}

fn is_acted_on(c: char) -> bool {
    // C0, delete and C1; then the marks that change the direction of text, and line separators.
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_written_out() {
        assert_eq!(
            text("a\u{1b}[31mb\u{9b}c\u{202e}d\r\n"),
            "a\\u{1b}[31mb\\u{9b}c\\u{202e}d\\u{d}\\u{a}"
        );
        assert_eq!(text("Bänder 漢字 🙂"), "Bänder 漢字 🙂");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let shown = json("{\n\"a\": \"\u{9b}31m\u{202e}\"}").into_owned();

        assert_eq!(shown, "{\n\"a\": \"\\u009b31m\\u202e\"}");
        let value: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(value["a"], "\u{9b}31m\u{202e}");
    }

    #[test]
    fn a_formula_is_a_text_in_a_spreadsheet() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)"] {
            assert_eq!(csv(formula), format!("'{formula}"));
        }
        assert_eq!(csv("a=1"), "a=1");
    }
}
