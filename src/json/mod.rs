//! A JSON body as a tree that borrows from it: parsed once, read by name, hashed in any order.
//!
//! What no parser at hand gives, and identity needs, is kept here: numbers as written, strings with lone
//! surrogates, and of a repeated key the last. So the text is read by a walk of our own, once; tests hold
//! it to take what serde_json takes, and nothing else.
//!
//! # Promises
//! - Time and memory grow with the length of the body, whatever is in it.
//! - Nothing is changed: [`Node::raw`] is the text as posted.
//! - [`Node::is_portable`] tells what every strict parser reads from what only we do.
//!
//! # Limits
//! Deeper than [`MAX_DEPTH`] is refused, so that whoever walks a tree may recurse.
//!
//! Knows nothing of events: what a key means is the providers' business.

pub mod canonical;
mod decimal;
mod portable;
pub mod text;
mod walk;

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
    is_portable: bool,
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
pub struct Object<'a> {
    members: Vec<(Text<'a>, Node<'a>)>,
    /// Every member is portable, those whose key comes again included.
    is_portable: bool,
}

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
    let text = std::str::from_utf8(body).map_err(|_| Fault::NotJson)?;
    match walk::tree(text) {
        // The walk ended there. What is no JSON is told first, wherever it stands.
        Err(Fault::TooDeep) => checked(body).and(Err(Fault::TooDeep)),
        tree => tree,
    }
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

    /// Whether every strict parser reads the value, and its key if it has one.
    pub fn is_portable(&self) -> bool {
        self.is_portable
    }

    /// The text, if it is a string that can be a name: portable, not empty, at most [`MAX_NAME`]
    /// bytes, no control characters.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        let Kind::Text(text) = &self.kind else { return None };
        let text = text.decode().filter(|_| self.is_portable)?;
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
        self.members.iter().map(|(key, value)| (key, value))
    }

    /// The value of a key, if it says anything. Looks at every member: for objects that are read in
    /// a few places.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        let (_, value) = self.members.iter().find(|(name, _)| name.as_json() == key)?;
        (!value.is_absent()).then_some(value)
    }

    /// The name under a key; see [`Node::text`].
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)?.text()
    }

    /// Keeps the last of repeated keys, as most parsers do.
    fn new(mut members: Vec<(Text<'a>, Node<'a>)>) -> Self {
        let is_portable = members.iter().all(|(_, value)| value.is_portable);
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
        Self { members, is_portable }
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

    #[test]
    fn what_is_no_json_is_refused_wherever_it_stands() {
        for text in [
            "",
            " ",
            "{",
            "[",
            "\"",
            "{]",
            "[}",
            "[1",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\" 1}",
            "{a:1}",
            "{1:1}",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[,]",
            "{,}",
            "{\"a\":1,}",
            "{\"a\":1 \"b\":2}",
            "1 2",
            "nul",
            "nulll",
            "True",
            "01",
            "-",
            "-a",
            "+1",
            "1.",
            ".5",
            "1.e5",
            "1e",
            "1e+",
            "0x1",
            "--1",
            "1-",
            "00",
            "-01",
            "Infinity",
            "NaN",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\\\"",
            "\"\\",
            "\"\\u\"",
            "\"a\nb\"",
            "\"\t\"",
            "\"\u{0}\"",
            "\u{b}1",
            "\u{a0}1",
            "\u{feff}1",
            "'a'",
            "[1]]",
            "/**/1",
            "// a\n1",
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err(), Fault::NotJson, "{text:?}");
            let within = format!("{{\"a\":[{text}]}}");
            let is_json = serde_json::from_str::<IgnoredAny>(&within).is_ok();
            assert_eq!(parse(within.as_bytes()).is_ok(), is_json, "{within:?}");
        }
        for text in [
            "0",
            "-0",
            "0.0",
            "1E5",
            "1e-5",
            "0e0",
            "-10.25e+3",
            "\"\\u12aF\\/\\b\"",
            "[ ]",
            "{ }",
            "\r\n\t [\n1 ,\t2\r] ",
        ] {
            assert!(parse(text.as_bytes()).is_ok(), "{text:?}");
        }
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(199));
        assert_eq!(parse(deep.as_bytes()).unwrap_err(), Fault::NotJson);
    }

    /// JSON with one place changed, or none, and what parsers have stumbled over.
    fn nearly_json() -> impl Strategy<Value = String> {
        let sound = prop_oneof![
            Just(
                r#"{"event":"x","n":-12.50e+3,"list":[1, true,null,"\\u00e9\\n"],"o":{ "a" : {} }}"#
            ),
            Just("{\"a\":[[],{},\"\",0],\n\t\"\\ud800\":false}"),
            Just(r#"[1e5,-0,0.1,"é😀\\\\","\\/"]"#),
        ];
        let pieces = prop_oneof![
            Just(""),
            Just("\""),
            Just("\\"),
            Just(","),
            Just(":"),
            Just("["),
            Just("}"),
            Just("0"),
            Just("-"),
            Just("."),
            Just("e"),
            Just(" "),
            Just("\n"),
            Just("\u{1}"),
            Just("u"),
            Just("n"),
            Just("é"),
            Just("\\u"),
        ];
        (sound, any::<prop::sample::Index>(), 0..3_usize, pieces).prop_map(
            |(sound, at, cut, piece)| {
                let chars: Vec<char> = sound.chars().collect();
                let at = at.index(chars.len());
                let end = (at + cut).min(chars.len());
                chars[..at]
                    .iter()
                    .copied()
                    .chain(piece.chars())
                    .chain(chars[end..].iter().copied())
                    .collect()
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn arbitrary_text_is_read_as_serde_json_reads_it(
            text in prop_oneof![".{0,60}", "[\\[\\]{}\",:0-9a-z\\\\ .\\-+eEu\n\t]{0,60}", nearly_json()],
        ) {
            let valid = serde_json::from_str::<IgnoredAny>(&text).is_ok();

            prop_assert_eq!(parse(text.as_bytes()).is_ok(), valid);
        }
    }
}
