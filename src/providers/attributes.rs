//! The fields of a body that are not part of every event, kept under their own names as posted.
//!
//! # Limits
//! Leaves out a value over 4 KiB, and everything after 256 KiB in all: the record holds the whole
//! body as well, and must not become much larger than it. Also leaves out values that a strict
//! parser would not read.

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
        // A key that is not Unicode text cannot be written here; the body still has it.
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

    /// Returns the kept fields, in order.
    pub fn finish(self) -> Vec<(Cow<'b, str>, Json<'b>)> {
        self.kept
    }
}

const MAX_VALUE: usize = 4 << 10;
const MAX_TOTAL: usize = 256 << 10;
