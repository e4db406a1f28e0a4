//! What a body says beyond what every event has: fields kept by their own names, as posted.
//!
//! # Limits
//! A value over 4 KiB is left out, and so is what comes after 256 KiB in all: the record has the
//! whole body beside them, and must never be much larger than it. What a strict parser would not read
//! is left out, too.

use crate::event::json::Json;
use crate::json::Node;
use crate::json::text::Text;
use std::borrow::Cow;

/// The attributes of an event under construction.
#[derive(Debug, Default)]
pub struct Attributes<'b> {
    kept: Vec<(Cow<'b, str>, Json<'b>)>,
    bytes: usize,
}

impl<'b> Attributes<'b> {
    /// Keeps a field under its own name.
    pub fn keep(&mut self, key: &Text<'b>, value: &Node<'b>) {
        // A key that is no Unicode text could not be written; the body still has it.
        if let Some(key) = key.decode() {
            self.keep_as(key, value);
        }
    }

    /// Keeps a field under a name of ours.
    pub fn keep_as(&mut self, name: impl Into<Cow<'b, str>>, value: &Node<'b>) {
        let name = name.into();
        let (key, bytes) = (name.len(), value.raw().len());
        let is_large = key.max(bytes) > MAX_VALUE || self.bytes + key + bytes > MAX_TOTAL;
        if value.is_absent() || is_large || !value.is_portable() {
            return;
        }
        self.bytes += key + bytes;
        self.kept.push((name, Json::known(value.raw())));
    }

    /// Keeps a text under a name of ours.
    pub fn keep_text(&mut self, name: &'static str, text: &str) {
        let json = serde_json::to_string(text).expect("a text has a JSON form");
        self.kept.push((name.into(), Json::known(json)));
    }

    /// Those that were kept, in order.
    pub fn finish(self) -> Vec<(Cow<'b, str>, Json<'b>)> {
        self.kept
    }
}

const MAX_VALUE: usize = 4 << 10;
const MAX_TOTAL: usize = 256 << 10;
