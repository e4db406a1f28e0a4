//! JSON objects written straight into a record, member by member, and posted values read back.

use crate::event::raw::Raw;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// An object under construction.
#[derive(Debug)]
pub struct Members<'o> {
    out: &'o mut Vec<u8>,
    is_first: bool,
}

impl<'o> Members<'o> {
    /// Begins an object.
    pub fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_first: true }
    }

    /// Adds a text.
    pub fn text(&mut self, name: &str, text: &str) -> &mut Self {
        write_text(text, self.place(name));
        self
    }

    /// Adds a text, if there is one.
    pub fn text_if(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        if let Some(text) = text {
            self.text(name, text);
        }
        self
    }

    /// Adds a value that is already JSON.
    pub fn raw(&mut self, name: &str, json: &[u8]) -> &mut Self {
        self.place(name).extend_from_slice(json);
        self
    }

    /// Adds a posted body: as `raw` if every strict parser reads it, else as `rawBase64`.
    pub fn body(&mut self, raw: Raw<'_>) -> &mut Self {
        match raw {
            Raw::Portable(bytes) => self.raw("raw", bytes),
            Raw::Opaque(bytes) => self.text("rawBase64", &BASE64.encode(bytes)),
        }
    }

    /// Adds a value that the caller writes to the returned place.
    pub fn place(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.is_first {
            self.out.push(b',');
        }
        self.is_first = false;
        write_text(name, self.out);
        self.out.push(b':');
        self.out
    }

    /// Ends the object.
    pub fn end(&mut self) {
        self.out.push(b'}');
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    // Nearly every text is letters and digits; serde_json escapes the others.
    if !wants_escapes(text) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("a Vec takes any bytes");
    }
}

/// True if JSON escapes a byte of the text. Looks at every byte, because a loop without an exit takes
/// many of them in one instruction.
fn wants_escapes(text: &str) -> bool {
    text.bytes().fold(false, |found, byte| found | (byte < b' ') | (byte == b'"') | (byte == b'\\'))
}

/// The bytes of a value as written in `outer`, which it was parsed from: with the surrounding white
/// space, which the parser leaves out.
pub fn as_written<'a>(value: &'a RawValue, outer: &'a [u8]) -> &'a [u8] {
    let text = value.get().as_bytes();
    let at = (text.as_ptr() as usize).checked_sub(outer.as_ptr() as usize);
    let parts = at.and_then(|at| Some((outer.get(..at)?, outer.get(at + text.len()..)?)));
    let Some((before, after)) = parts else { return text };
    let is_space = |byte: &&u8| b" \t\r\n".contains(byte);
    let left = before.iter().rev().take_while(is_space).count();
    let right = after.iter().take_while(is_space).count();
    &outer[before.len() - left..before.len() + text.len() + right]
}

/// Reads a member that is present, even if it is `null`: a body may be `null` as well.
pub fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(value).map(Some)
}
