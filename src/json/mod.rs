//! A JSON body as a tree that borrows from it: parsed once, read by name, hashed in any order.
//!
//! serde_json decides what is JSON. What it cannot give, and identity needs, is kept here: numbers
//! as written, strings with lone surrogates, and of a repeated key the last.
//!
//! # Promises
//! - Time and memory grow with the length of the body, whatever is in it.
//! - Nothing is changed: [`Node::raw`] is the text as posted.
//!
//! # Limits
//! Deeper than [`MAX_DEPTH`] is refused, so that whoever walks a tree may recurse.
//!
//! Knows nothing of events: what a key means is the providers' business.

pub mod canonical;
mod decimal;
pub mod text;

use crate::json::text::Text;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::collections::HashMap;

/// How deep objects and arrays may lie in each other.
pub const MAX_DEPTH: usize = 128;

/// How long a name may be: an id, a URN, a time. It goes into keys and headers, several times.
pub const MAX_NAME: usize = 1 << 10;

/// A value and its text as posted.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    raw: &'a str,
    kind: Kind<'a>,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Kind<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number, as written.
    Number,
    /// A string.
    Text(Text<'a>),
    /// An array.
    Array(Vec<Node<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// The members of an object as posted, each key once.
#[derive(Clone, Debug)]
pub struct Object<'a>(Vec<(Text<'a>, Node<'a>)>);

/// Why there is no tree.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The bytes are not JSON text.
    NotJson,
    /// It is nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

/// A body without the byte order mark that some senders put before it.
pub fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Parses a whole body, which has no byte order mark.
pub fn parse(body: &[u8]) -> Result<Node<'_>, Fault> {
    let text = checked(body)?;
    Walk { text, at: 0 }.value(0)
}

/// The body's text, if it is JSON, of any depth.
pub fn checked(body: &[u8]) -> Result<&str, Fault> {
    let text = std::str::from_utf8(body).map_err(|_| Fault::NotJson)?;
    // Ignoring a value takes no stack, however deep it is.
    serde_json::from_str::<IgnoredAny>(text).map_err(|_| Fault::NotJson)?;
    Ok(text)
}

impl<'a> Node<'a> {
    /// The value as posted.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// What the value is.
    pub fn kind(&self) -> &Kind<'a> {
        &self.kind
    }

    /// The members, if it is an object.
    pub fn object(&self) -> Option<&Object<'a>> {
        match &self.kind {
            Kind::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The text, if it is a string that can be a name: not empty, at most [`MAX_NAME`] bytes, no
    /// control characters, no lone surrogates.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        let Kind::Text(text) = &self.kind else { return None };
        let text = text.decode()?;
        let is_plain = text.bytes().all(|byte| (b' '..0x7f).contains(&byte));
        let fits =
            (1..=MAX_NAME).contains(&text.len()) && (is_plain || !text.contains(char::is_control));
        fits.then_some(text)
    }

    /// Whether the value says nothing: `null`, an empty string, or the id that Onshape writes where
    /// there is none, 24 zeros.
    pub fn is_absent(&self) -> bool {
        match &self.kind {
            Kind::Null => true,
            Kind::Text(text) => text.as_json().is_empty() || text.as_json() == NO_ID,
            Kind::Bool | Kind::Number | Kind::Array(_) | Kind::Object(_) => false,
        }
    }
}

impl<'a> Object<'a> {
    /// The members in the order they were posted.
    pub fn iter(&self) -> impl Iterator<Item = (&Text<'a>, &Node<'a>)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The value of a key, if it says anything. Looks at every member: for objects that are read in
    /// a few places.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        let (_, value) = self.0.iter().find(|(name, _)| name.as_json() == key)?;
        (!value.is_absent()).then_some(value)
    }

    /// The name under a key; see [`Node::text`].
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)?.text()
    }

    /// Keeps the last of repeated keys, as most parsers do.
    fn new(mut members: Vec<(Text<'a>, Node<'a>)>) -> Self {
        let repeated = if members.len() <= FEW {
            repeated_of_few(&members)
        } else {
            repeated_of_many(&members)
        };
        if !repeated.is_empty() {
            let mut keep = vec![true; members.len()];
            for at in repeated {
                keep[at] = false;
            }
            let mut keep = keep.into_iter();
            members.retain(|_| keep.next().unwrap_or(true));
        }
        Self(members)
    }
}

/// Up to this many members, comparing keys is faster than hashing them.
const FEW: usize = 32;

/// The members whose key comes again. Keys are compared only where length and last byte are such
/// that one of those before could be the same.
fn repeated_of_few(members: &[(Text<'_>, Node<'_>)]) -> Vec<usize> {
    let mut repeated = Vec::new();
    let mut seen = 0_u64;
    for (at, (key, _)) in members.iter().enumerate() {
        let last = key.as_json().as_bytes().last().copied().unwrap_or_default();
        let mark = 1 << ((usize::from(last) + 7 * key.as_json().len()) % 64);
        if seen & mark != 0 {
            repeated.extend(members[..at].iter().rposition(|(earlier, _)| earlier == key));
        }
        seen |= mark;
    }
    repeated
}

/// The same for objects of any size, in time that grows with it.
fn repeated_of_many(members: &[(Text<'_>, Node<'_>)]) -> Vec<usize> {
    let mut last = HashMap::with_capacity(members.len());
    members.iter().enumerate().filter_map(|(at, (key, _))| last.insert(key, at)).collect()
}

/// Onshape: "not applicable".
const NO_ID: &str = "000000000000000000000000";

/// Walks over text that is known to be JSON, so that a byte decides what comes next.
struct Walk<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Walk<'a> {
    fn value(&mut self, depth: usize) -> Result<Node<'a>, Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        let first = self.peek();
        let start = self.at;
        let kind = match first {
            b'"' => Kind::Text(self.string()),
            b'{' => Kind::Object(self.object(depth)?),
            b'[' => Kind::Array(self.array(depth)?),
            b'n' => self.word("null", Kind::Null),
            b't' => self.word("true", Kind::Bool),
            b'f' => self.word("false", Kind::Bool),
            _ => self.number(),
        };
        Ok(Node { raw: &self.text[start..self.at], kind })
    }

    fn object(&mut self, depth: usize) -> Result<Object<'a>, Fault> {
        if depth == MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        let mut members = Vec::new();
        self.at += 1;
        while self.peek() != b'}' {
            let key = self.string();
            self.skip_colon();
            members.push((key, self.value(depth + 1)?));
            self.skip_comma();
        }
        self.at += 1;
        Ok(Object::new(members))
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Node<'a>>, Fault> {
        if depth == MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        let mut items = Vec::new();
        self.at += 1;
        while self.peek() != b']' {
            items.push(self.value(depth + 1)?);
            self.skip_comma();
        }
        self.at += 1;
        Ok(items)
    }

    fn string(&mut self) -> Text<'a> {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut end = start;
        let mut has_escapes = false;
        loop {
            end += memchr::memchr2(b'"', b'\\', &bytes[end..]).expect("a JSON string ends");
            if bytes[end] == b'"' {
                break;
            }
            has_escapes = true;
            end += 2;
        }
        self.at = end + 1;
        let inside = &self.text[start..end];
        if has_escapes { Text::with_escapes(inside) } else { Text::plain(inside) }
    }

    fn number(&mut self) -> Kind<'a> {
        let rest = &self.text.as_bytes()[self.at..];
        let is_in_number =
            |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        self.at += rest.iter().take_while(|byte| is_in_number(byte)).count();
        Kind::Number
    }

    fn word(&mut self, word: &str, kind: Kind<'a>) -> Kind<'a> {
        self.at += word.len();
        kind
    }

    /// The next byte that is not white space, to which it moves.
    fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while matches!(bytes[self.at], b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        bytes[self.at]
    }

    fn skip_colon(&mut self) {
        let colon = self.peek();
        debug_assert_eq!(colon, b':');
        self.at += 1;
        self.peek();
    }

    fn skip_comma(&mut self) {
        if self.peek() == b',' {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn a_hundred_and_twenty_eight_levels_are_read_and_no_more() {
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(parse(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err(), Fault::TooDeep);
        assert_eq!(parse(nested(500_000).as_bytes()).unwrap_err(), Fault::TooDeep);
        assert_eq!(parse("[".repeat(500_000).as_bytes()).unwrap_err(), Fault::NotJson);
    }

    #[test]
    fn a_scalar_below_the_last_level_is_read() {
        let text = format!("{}7{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));

        assert!(parse(text.as_bytes()).is_ok());
    }

    #[test]
    fn the_last_of_repeated_keys_wins_however_it_is_spelt() {
        let body = parse(br#"{"a":1,"b":2,"\u0061":3}"#).unwrap();
        let object = body.object().unwrap();

        assert_eq!(object.get("a").unwrap().raw(), "3");
        assert_eq!(object.iter().count(), 2);
    }

    #[test]
    fn of_many_repeats_the_last_is_left() {
        for count in [3, FEW, FEW + 1] {
            let members: Vec<_> = (0..count).map(|at| format!(r#""k":{at}"#)).collect();
            let text = format!("{{{}}}", members.join(","));

            let body = parse(text.as_bytes()).unwrap();

            let raws: Vec<_> =
                body.object().unwrap().iter().map(|(_, value)| value.raw().to_owned()).collect();
            assert_eq!(raws, [(count - 1).to_string()]);
        }
    }

    #[test]
    fn a_hundred_thousand_keys_are_read_each_once() {
        let members: Vec<_> =
            (0..100_000).map(|at| format!(r#""k{}":{at}"#, at % 50_000)).collect();
        let text = format!("{{{}}}", members.join(","));

        let body = parse(text.as_bytes()).unwrap();

        let object = body.object().unwrap();
        assert_eq!(object.iter().count(), 50_000);
        assert_eq!(object.get("k7").unwrap().raw(), "50007");
    }

    #[test]
    fn what_says_nothing_is_absent() {
        let body = parse(
            br#"{"null":null,"empty":"","zeros":"000000000000000000000000","no":false,"zero":0}"#,
        )
        .unwrap();
        let object = body.object().unwrap();

        assert!(["null", "empty", "zeros"].iter().all(|key| object.get(key).is_none()));
        assert!(["no", "zero"].iter().all(|key| object.get(key).is_some()));
    }

    #[test]
    fn text_that_cannot_be_a_name_is_none() {
        let body = parse(br#"["\ud800","a\nb","\ud83d\ude00","plain",7]"#).unwrap();
        let Kind::Array(items) = body.kind() else { panic!("an array") };

        let texts: Vec<_> = items.iter().map(|item| item.text().map(Cow::into_owned)).collect();

        assert_eq!(texts, [None, None, Some("😀".into()), Some("plain".into()), None]);
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_read_as_serde_json_reads_it(text in ".{0,60}|[\\[\\]{}\",:0-9a-z\\\\ .-]{0,60}") {
            let valid = serde_json::from_str::<IgnoredAny>(&text).is_ok();

            prop_assert_eq!(parse(text.as_bytes()).is_ok(), valid);
        }
    }
}
