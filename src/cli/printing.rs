//! Prints one line for each record that a consumer gets.

use crate::cli::colour::Colour;
use crate::kafka::tailing::Seen;
use crate::printable;
use serde_json::Value;
use std::io::Write;

/// The form of printed events.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// One line of JSON.
    Json,
    /// One line of text with colours.
    Colour,
    /// One line of text.
    Plain,
}

impl Style {
    /// JSON if it is asked for, else text, with colours if stdout gets them.
    pub fn of(json: bool, colour: Colour) -> Self {
        match (json, colour.suits(&std::io::stdout())) {
            (true, _) => Self::Json,
            (false, true) => Self::Colour,
            (false, false) => Self::Plain,
        }
    }
}

/// Prints one record.
pub fn print(style: Style, seen: &Seen) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if style == Style::Json {
        writeln!(out, "{}", printable::json(&serde_json::to_string(seen)?))?;
        return out.flush();
    }
    let value: Value = serde_json::from_str(seen.value.get()).unwrap_or_default();
    let text =
        |field: &str| printable::text(value.get(field).and_then(Value::as_str).unwrap_or_default());
    let (dim, bold, off) =
        if style == Style::Colour { ("\x1b[2m", "\x1b[1;36m", "\x1b[0m") } else { ("", "", "") };
    let time = text("receivedAt");
    let name = if text("event").is_empty() { text("reason") } else { text("event") };
    let subject =
        if text("subject").is_empty() { printable::text(&seen.key) } else { text("subject") };
    let place = format!("{}[{}]@{}", seen.topic, seen.partition, seen.offset);
    writeln!(out, "{dim}{time}{off} {bold}{name}{off} {subject} {dim}{} {place}{off}", text("id"))?;
    out.flush()
}
