//! Identity by content, for bodies that carry no id of their own.

use crate::event::id::EventId;
use crate::json::canonical;
use crate::json::{Node, Object};

/// The identity of an object, as if it had none of the given keys.
pub fn of_object(object: &Object<'_>, without: &[&str]) -> EventId {
    let mut text = Vec::with_capacity(EXPECTED);
    canonical::write_object(object, without, &mut text);
    EventId::of_content(&text)
}

/// One part of an identity that is put together.
#[derive(Clone, Copy, Debug)]
pub enum Part<'p, 'b> {
    /// A text.
    Text(&'p str),
    /// A value as posted.
    Value(&'p Node<'b>),
}

/// The identity of an object with the parts that are there, given in the order of their names.
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

/// The usual body has no more.
const EXPECTED: usize = 4 << 10;

fn write_text(text: &str, out: &mut Vec<u8>) {
    // It escapes what RFC 8785 escapes, in the same way.
    serde_json::to_writer(out, text).expect("a Vec takes any bytes");
}
