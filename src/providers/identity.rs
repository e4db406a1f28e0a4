//! Identity by content, for bodies that carry no id of their own.

use crate::event::id::EventId;
use crate::json::canonical;
use crate::json::{Node, Object};

/// The identity of an object, as if the given keys were absent.
pub fn of_object(object: &Object<'_>, without: &[&str]) -> EventId {
    let mut text = Vec::with_capacity(EXPECTED);
    canonical::write_object(object, without, &mut text);
    EventId::of_content(&text)
}

/// One part of a composed identity.
#[derive(Clone, Copy, Debug)]
pub enum Part<'p, 'b> {
    /// A text.
    Text(&'p str),
    /// A value as posted.
    Value(&'p Node<'b>),
}

/// The identity composed of the parts that are present. The caller gives them in the order of their
/// names.
pub fn of_parts(parts: &[(&str, Option<Part<'_, '_>>)]) -> EventId {
    let mut text = Vec::with_capacity(EXPECTED);
    text.push(b'{');
    for (name, part) in parts {
        let Some(part) = part else { continue };
        if text.len() > 1 {
            text.push(b',');
        }
        write_text(name, &mut text);
        text.push(b':');
        match part {
            Part::Text(part) => write_text(part, &mut text),
            Part::Value(value) => canonical::write(value, &mut text),
        }
    }
    text.push(b'}');
    EventId::of_content(&text)
}

/// A usual body is no longer than this.
const EXPECTED: usize = 4 << 10;

fn write_text(text: &str, out: &mut Vec<u8>) {
    // serde_json escapes exactly what RFC 8785 escapes.
    serde_json::to_writer(out, text).expect("a Vec takes any bytes");
}
