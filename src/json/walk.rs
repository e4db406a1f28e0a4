//! Reads JSON text into a tree in one walk, and checks that it is JSON (RFC 8259).

use crate::json::text::Text;
use crate::json::{Fault, Kind, MAX_DEPTH, Node, Object, portable};

/// Reads the tree of a text. Stops at a [`Fault::TooDeep`] without checking the rest.
pub fn tree(text: &str) -> Result<Node<'_>, Fault> {
    let (mut all, mut has_controls) = (0, false);
    for byte in text.bytes() {
        all |= byte;
        has_controls |= byte < b' ';
    }
    let mut walk = Walk { text, at: 0, is_ascii: all.is_ascii(), has_controls };
    walk.skip_space();
    let node = walk.value(0)?;
    walk.skip_space();
    if walk.at == text.len() { Ok(node) } else { Err(Fault::NotJson) }
}

struct Walk<'a> {
    text: &'a str,
    at: usize,
    /// True for most bodies; their strings then need fewer checks.
    is_ascii: bool,
    /// True if the text has control characters such as line breaks, which strings may not have.
    has_controls: bool,
}

impl<'a> Walk<'a> {
    fn value(&mut self, depth: usize) -> Result<Node<'a>, Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        let start = self.at;
        let kind = match self.peek() {
            Some(b'"') => Kind::Text(self.string()?),
            Some(b'{') => Kind::Object(self.object(depth)?),
            Some(b'[') => Kind::Array(self.array(depth)?),
            Some(b'n') => self.word("null", Kind::Null)?,
            Some(b't') => self.word("true", Kind::Bool)?,
            Some(b'f') => self.word("false", Kind::Bool)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(_) | None => return Err(Fault::NotJson),
        };
        let raw = &self.text[start..self.at];
        let is_portable = portable::is_value(&kind, raw, depth, self.is_ascii);
        Ok(Node { raw, kind, is_portable })
    }

    fn object(&mut self, depth: usize) -> Result<Object<'a>, Fault> {
        // A body has several fields; the objects in it may be many and small.
        let mut members = Vec::with_capacity(if depth == 0 { USUAL_FIELDS } else { 0 });
        let mut more = self.open(b'}', depth)?;
        while more {
            if self.peek() != Some(b'"') {
                return Err(Fault::NotJson);
            }
            let key = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            let mut value = self.value(depth + 1)?;
            value.is_portable &= portable::is_key(&key, self.is_ascii);
            members.push((key, value));
            more = self.goes_on(b'}')?;
        }
        Ok(Object::new(members))
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Node<'a>>, Fault> {
        let mut items = Vec::new();
        let mut more = self.open(b']', depth)?;
        while more {
            items.push(self.value(depth + 1)?);
            more = self.goes_on(b']')?;
        }
        Ok(items)
    }

    /// Steps to the first item of an object or array. False if it is empty; its end is then passed.
    fn open(&mut self, end: u8, depth: usize) -> Result<bool, Fault> {
        if depth == MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        self.at += 1;
        self.skip_space();
        let is_empty = self.peek() == Some(end);
        self.at += usize::from(is_empty);
        Ok(!is_empty)
    }

    /// Steps from the end of an item to the next. False if there is none.
    fn goes_on(&mut self, end: u8) -> Result<bool, Fault> {
        self.skip_space();
        let next = self.peek();
        self.at += 1;
        if next == Some(b',') {
            self.skip_space();
            return Ok(true);
        }
        if next == Some(end) { Ok(false) } else { Err(Fault::NotJson) }
    }

    /// Reads the string whose quote is next.
    fn string(&mut self) -> Result<Text<'a>, Fault> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut end = start;
        let mut has_escapes = false;
        loop {
            end += memchr::memchr2(b'"', b'\\', &bytes[end..]).ok_or(Fault::NotJson)?;
            if bytes[end] == b'"' {
                break;
            }
            has_escapes = true;
            end += escape(&bytes[end..]).ok_or(Fault::NotJson)?;
        }
        self.at = end + 1;
        let inside = &self.text[start..end];
        if self.has_controls && inside.bytes().any(|byte| byte < b' ') {
            return Err(Fault::NotJson);
        }
        Ok(if has_escapes { Text::with_escapes(inside) } else { Text::plain(inside) })
    }

    fn number(&mut self) -> Result<Kind<'a>, Fault> {
        self.at += usize::from(self.peek() == Some(b'-'));
        // A number has no leading zeros, so no digit follows a zero here.
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(Kind::Number)
    }

    /// Skips digits. There must be at least one.
    fn digits(&mut self) -> Result<(), Fault> {
        let rest = &self.text.as_bytes()[self.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        if digits > 0 { Ok(()) } else { Err(Fault::NotJson) }
    }

    fn word(&mut self, word: &str, kind: Kind<'a>) -> Result<Kind<'a>, Fault> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Fault::NotJson);
        }
        self.at += word.len();
        Ok(kind)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        let is_it = self.peek() == Some(byte);
        self.at += 1;
        if is_it { Ok(()) } else { Err(Fault::NotJson) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}

/// The length of the escape at the start of the text. `None` if it is not a valid escape.
fn escape(text: &[u8]) -> Option<usize> {
    match text.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => text.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}

/// A body of Onshape has a dozen fields.
const USUAL_FIELDS: usize = 16;
