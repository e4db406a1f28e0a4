//! Finds the JSON that every strict parser reads: texts of Unicode characters and numbers of
//! doubles, as in I-JSON (RFC 7493), within the default limits of common parsers. A key may occur
//! twice: nearly all parsers take that, and the last one wins.
//!
//! A record holds the sender's JSON inside our own, so a value that one parser refuses would cost
//! its readers the whole record.

use crate::json::text::Text;
use crate::json::{Kind, Node};

/// The greatest nesting of objects and arrays. serde_json reads 127 levels, and a record in
/// structured mode adds two around the body.
const MAX_DEPTH: usize = 125;

/// The greatest length of a number in bytes: Jackson reads no more.
const MAX_NUMBER: usize = 1_000;

/// The greatest length of a key in bytes: Jackson reads no more characters.
const MAX_KEY: usize = 50_000;

/// True if a value is portable, given that its parts were checked already. `depth` is the number of
/// objects and arrays around it; `is_ascii` says that the whole text is ASCII.
pub fn is_value(kind: &Kind<'_>, raw: &str, depth: usize, is_ascii: bool) -> bool {
    match kind {
        Kind::Null | Kind::Bool => true,
        Kind::Number => is_number(raw),
        Kind::Text(text) => is_text(text, is_ascii),
        Kind::Array(items) => depth < MAX_DEPTH && items.iter().all(Node::is_portable),
        Kind::Object(object) => depth < MAX_DEPTH && object.is_portable,
    }
}

/// True if a key is portable.
pub fn is_key(key: &Text<'_>, is_ascii: bool) -> bool {
    key.as_json().len() <= MAX_KEY && is_text(key, is_ascii)
}

/// True if the text is Unicode, without code points that are no characters.
fn is_text(text: &Text<'_>, is_ascii: bool) -> bool {
    let is_plain = is_ascii && !text.had_escapes();
    is_plain || text.decode().is_some_and(|text| !text.contains(is_no_character))
}

/// True for code points that Unicode reserves for internal use by programs.
fn is_no_character(char: char) -> bool {
    matches!(char, '\u{fdd0}'..='\u{fdef}') || u32::from(char) & 0xfffe == 0xfffe
}

/// True if a double can stand for the number, though perhaps not with all its digits: it must not
/// become infinite, nor zero without being zero.
fn is_number(text: &str) -> bool {
    let has_exponent = || text.bytes().any(|byte| matches!(byte, b'e' | b'E'));
    // The largest double has 309 digits before the point, and the smallest 324 zeros behind it.
    if text.len() <= 300 && !has_exponent() {
        return true;
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    let is_zero = !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    let is_in_range = |value: f64| value.is_finite() && (value != 0.0 || is_zero);
    text.len() <= MAX_NUMBER && text.parse().is_ok_and(is_in_range)
}

#[cfg(test)]
mod tests {
    use crate::json::parse;

    #[track_caller]
    fn check(text: &str, expected: bool) {
        assert_eq!(parse(text.as_bytes()).unwrap().is_portable(), expected, "{text:.100}");
    }

    #[test]
    fn what_a_double_cannot_stand_for_is_not_portable() {
        check("1.7976931348623157e308", true);
        check("5e-324", true);
        check("0e999999", true);
        check("123456789012345678901234567890", true);
        check("1e999", false);
        check("-1e400", false);
        check("1e-999", false);
        check(&"9".repeat(400), false);
        check(&format!("0.{}1", "0".repeat(1_000)), false);
        check(&format!("0.{}", "1".repeat(900)), true);
    }

    #[test]
    fn what_is_no_unicode_text_is_not_portable_wherever_it_stands() {
        for text in [r#""\ud800""#, r#""\udc00x""#, "\"\u{ffff}\"", r#""\ufdd0""#] {
            check(text, false);
            check(&format!("[{text}]"), false);
            check(&format!(r#"{{"a":{text}}}"#), false);
            check(&format!("{{{text}:1}}"), false);
        }
        check(r#"["\ud83d\ude00","é","\u0000"]"#, true);
    }

    #[test]
    fn what_a_repeated_key_hides_counts() {
        check(r#"{"a":1e999,"a":1}"#, false);
    }

    #[test]
    fn a_very_long_key_is_not_portable_and_one_that_comes_twice_is() {
        check(r#"{"a":1,"\u0061":2}"#, true);
        check(&format!(r#"{{"{}":1}}"#, "k".repeat(50_001)), false);
    }

    #[test]
    fn what_lies_deeper_than_parsers_go_is_not_portable() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));

        check(&nested(125), true);
        check(&nested(126), false);
    }
}
