//! A JSON body as a tree that borrows from it: parsed once, read by name, hashed in any key order.
//!
//! The tree keeps what identity needs and no available parser gives: numbers as written, strings
//! with lone surrogates, and the last of a repeated key. So a walk of our own reads the text, once;
//! tests hold it to accept exactly what serde_json accepts.
//!
//! # Promises
//! - Time and memory grow with the length of the body, whatever it contains.
//! - Nothing is changed: [`Node::raw`] is the text as posted.
//! - [`Node::is_portable`] tells values that every strict parser reads from values that only we
//!   read.
//!
//! # Limits
//! Nesting deeper than [`MAX_DEPTH`] is refused, so that the users of a tree may recurse.
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

/// The greatest nesting of objects and arrays.
pub const MAX_DEPTH: usize = 128;

/// The greatest length of a name, in bytes: an id, a URN, a time. It goes into keys and headers,
/// several times.
pub const MAX_NAME: usize = 1 << 10;

/// A value and its text as posted.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    raw: &'a str,
    kind: Kind<'a>,
    is_portable: bool,
}

/// The kind of a value.
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
    /// True if every member is portable, including those whose key occurs again.
    is_portable: bool,
}

/// The reason why a body has no tree.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The body is not JSON.
    NotJson,
    /// It is nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

/// Strips the byte order mark that some senders put before a body.
pub fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Parses a whole body, which must have no byte order mark.
pub fn parse(body: &[u8]) -> Result<Node<'_>, Fault> {
    let text = std::str::from_utf8(body).map_err(|_| Fault::NotJson)?;
    match walk::tree(text) {
        // The walk ended there. A body that is no JSON is reported as such, wherever the fault
        // stands.
        Err(Fault::TooDeep) => check(text).and(Err(Fault::TooDeep)),
        tree => tree,
    }
}

/// Checks that a text is JSON, of any depth.
fn check(text: &str) -> Result<(), Fault> {
    // Skipping a value takes no stack, however deep it is.
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|_| Fault::NotJson)
}

impl<'a> Node<'a> {
    /// The value as posted.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// The kind of the value.
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

    /// True if every strict parser reads the value, and its key if it has one.
    pub fn is_portable(&self) -> bool {
        self.is_portable
    }

    /// The text, if the value is a string that can be a name: portable, not empty, at most
    /// [`MAX_NAME`] bytes, no control characters.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        let Kind::Text(text) = &self.kind else { return None };
        let text = text.decode().filter(|_| self.is_portable)?;
        // Looks at every byte, because a loop without an exit takes many of them in one instruction.
        let is_plain =
            || text.bytes().fold(true, |plain, byte| plain & (b' '..0x7f).contains(&byte));
        let fits = (1..=MAX_NAME).contains(&text.len())
            && (is_plain() || !text.contains(char::is_control));
        fits.then_some(text)
    }

    /// True if the value stands for nothing: `null`, an empty string, or 24 zeros, which Onshape
    /// writes for a missing id.
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

    /// The value of a key, unless it is absent. Looks at every member: meant for objects that are
    /// read in a few places.
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

/// The members whose key occurs again later. Keys are compared only if an earlier key has the same
/// length and last byte, or happens to share its bit.
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

/// The same for objects of any size, in linear time.
fn repeated_of_many(members: &[(Text<'_>, Node<'_>)]) -> Vec<usize> {
    let mut last = HashMap::with_capacity(members.len());
    members.iter().enumerate().filter_map(|(at, (key, _))| last.insert(key, at)).collect()
}

/// Onshape: "not applicable".
const NO_ID: &str = "000000000000000000000000";

#[cfg(test)]
mod tests;
