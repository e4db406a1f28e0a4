//! JSON strings for identity: told apart exactly, even if they are no Unicode text.

use std::borrow::Cow;

/// A string without its quotes, with the one escaping that RFC 8785 chose.
///
/// Two are equal if and only if the strings are equal, lone surrogates included.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    /// Takes the inside of a JSON string without a backslash.
    pub fn plain(inside: &'a str) -> Self {
        Self(Cow::Borrowed(inside))
    }

    /// Takes the inside of a JSON string with backslashes, and escapes it canonically.
    pub fn with_escapes(inside: &str) -> Self {
        let mut text = String::with_capacity(inside.len());
        for unit in Units(inside) {
            match unit {
                Unit::Char(char) => push_escaped(char, &mut text),
                Unit::Lone(surrogate) => text.push_str(&format!("\\u{surrogate:04x}")),
            }
        }
        Self(Cow::Owned(text))
    }

    /// The inside of the JSON string, in its canonical form.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// True if it was posted with escapes.
    pub fn had_escapes(&self) -> bool {
        matches!(self.0, Cow::Owned(_))
    }

    /// The string itself, unless it has lone surrogates and so is no Unicode text.
    pub fn decode(&self) -> Option<Cow<'a, str>> {
        match &self.0 {
            Cow::Borrowed(text) => Some(Cow::Borrowed(text)),
            Cow::Owned(text) => Units(text)
                .map(|unit| match unit {
                    Unit::Char(char) => Some(char),
                    Unit::Lone(_) => None,
                })
                .collect::<Option<String>>()
                .map(Cow::Owned),
        }
    }

    /// True if the order of its bytes is the order of its UTF-16 units: ASCII and nothing escaped.
    pub fn is_simple(&self) -> bool {
        matches!(self.0, Cow::Borrowed(_)) && self.0.is_ascii()
    }

    /// The string in UTF-16, the order in which RFC 8785 sorts keys.
    pub fn utf16(&self) -> Vec<u16> {
        let mut buffer = [0; 2];
        let mut units = Vec::with_capacity(self.0.len());
        for unit in Units(&self.0) {
            match unit {
                Unit::Char(char) => units.extend_from_slice(char.encode_utf16(&mut buffer)),
                Unit::Lone(surrogate) => units.push(surrogate),
            }
        }
        units
    }
}

/// Escapes a character as RFC 8785 and ECMAScript do.
fn push_escaped(char: char, text: &mut String) {
    match char {
        '"' => text.push_str("\\\""),
        '\\' => text.push_str("\\\\"),
        '\u{8}' => text.push_str("\\b"),
        '\u{c}' => text.push_str("\\f"),
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        '\0'..='\u{1f}' => text.push_str(&format!("\\u{:04x}", u32::from(char))),
        _ => text.push(char),
    }
}

/// A unit of a JSON string: a character, or half of a surrogate pair.
enum Unit {
    Char(char),
    Lone(u16),
}

/// Walks the inside of a valid JSON string.
struct Units<'s>(&'s str);

impl Iterator for Units<'_> {
    type Item = Unit;

    fn next(&mut self) -> Option<Unit> {
        let char = self.take()?;
        if char != '\\' {
            return Some(Unit::Char(char));
        }
        let char = match self.take()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.escaped_unit(),
            itself => itself,
        };
        Some(Unit::Char(char))
    }
}

impl Units<'_> {
    fn take(&mut self) -> Option<char> {
        let mut chars = self.0.chars();
        let char = chars.next()?;
        self.0 = chars.as_str();
        Some(char)
    }

    /// Reads what follows `\u`: a character, alone or as a pair of surrogates, or a lone half of
    /// such a pair.
    fn escaped_unit(&mut self) -> Option<Unit> {
        let first = self.four_digits()?;
        let mut units = [first, 0];
        let mut used = 1;
        if (0xd800..0xdc00).contains(&first) {
            let mut ahead = Self(self.0);
            let second = ahead.0.strip_prefix("\\u").and_then(|rest| {
                ahead.0 = rest;
                ahead.four_digits()
            });
            if let Some(second) = second.filter(|second| (0xdc00..0xe000).contains(second)) {
                units[1] = second;
                used = 2;
                self.0 = ahead.0;
            }
        }
        match char::decode_utf16(units[..used].iter().copied()).next()? {
            Ok(char) => Some(Unit::Char(char)),
            Err(lone) => Some(Unit::Lone(lone.unpaired_surrogate())),
        }
    }

    fn four_digits(&mut self) -> Option<u16> {
        let (digits, rest) = self.0.split_at_checked(4)?;
        self.0 = rest;
        u16::from_str_radix(digits, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_string_has_one_form() {
        let form = |inside: &str| Text::with_escapes(inside).as_json().to_owned();

        assert_eq!(form(r"\u0061\/\u00e9"), "a/é");
        assert_eq!(form(r"\u000a\u001F\u0022\\"), r#"\n\u001f\"\\"#);
        assert_eq!(form(r"\ud83d\ude00"), "😀");
        assert_eq!(form(r"\uD83D"), r"\ud83d");
        assert_eq!(form(r"\ud83d\ud83d\ude00\udc00x"), r"\ud83d😀\udc00x");
    }

    #[test]
    fn strings_with_different_lone_surrogates_differ() {
        assert_ne!(Text::with_escapes(r"\ud800"), Text::with_escapes(r"\ud801"));
    }

    #[test]
    fn a_string_is_decoded_if_it_is_text() {
        assert_eq!(Text::with_escapes(r"a\nb\u0000").decode().as_deref(), Some("a\nb\0"));
        assert_eq!(Text::with_escapes(r"a\ud800").decode(), None);
        assert_eq!(Text::plain("é").decode().as_deref(), Some("é"));
    }
}
