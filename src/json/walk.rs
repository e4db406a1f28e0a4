//! Walks over text that is known to be JSON, so that a byte tells what comes next.

use crate::json::text::Text;
use crate::json::{Fault, Kind, MAX_DEPTH, Node, Object, portable};

/// The tree of a text that is JSON.
pub fn tree(text: &str) -> Result<Node<'_>, Fault> {
    Walk { text, at: 0, is_ascii: text.is_ascii() }.value(0)
}

struct Walk<'a> {
    text: &'a str,
    at: usize,
    /// Most bodies are, and then there is less to look for in their strings.
    is_ascii: bool,
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
        let raw = &self.text[start..self.at];
        let is_portable = portable::is_value(&kind, raw, depth, self.is_ascii);
        Ok(Node { raw, kind, is_portable })
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
            let mut value = self.value(depth + 1)?;
            value.is_portable &= portable::is_key(&key, self.is_ascii);
            members.push((key, value));
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
