//! `cadrelay tail`: the topics as a consumer sees them.

use crate::cli::configured::WhichKafka;
use crate::cli::exit::{Exit, Failure};
use crate::cli::serve;
use crate::kafka::tailing::{From, Seen, Tail};
use serde_json::Value;
use std::io::{IsTerminal, Write};

/// Flags of `tail`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    kafka: WhichKafka,
    /// Read this topic only; may be given several times [default: all of ours]
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    /// Where to begin
    #[arg(long, value_enum, default_value = "end")]
    from: From,
    /// One JSON object a line, with topic, partition, offset, key, headers and value
    #[arg(long)]
    json: bool,
    /// End after so many events
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// No colour
    #[arg(long)]
    no_color: bool,
}

impl Args {
    /// Prints events until Ctrl-C, or `--count`.
    pub async fn run(self) -> Result<Exit, Failure> {
        let settings = self.kafka.settings()?;
        let shutdown = serve::shutdown()?;
        let failed = |error: crate::kafka::client::Error| Failure::usage(error.to_string());
        let mut tail = Tail::open(settings, self.topic.clone(), self.from).map_err(failed)?;
        let style = match (self.json, std::io::stdout().is_terminal() && !self.no_color) {
            (true, _) => Style::Json,
            (false, true) => Style::Colour,
            (false, false) => Style::Plain,
        };
        let printing = tokio::task::spawn_blocking(move || {
            let mut left = self.count;
            while left != Some(0) {
                if let Some(seen) = tail.poll() {
                    if print(style, &seen).is_err() {
                        break;
                    }
                    left = left.map(|left| left - 1);
                }
            }
        });
        tokio::select! {
            printed = printing => printed.map_err(|error| Failure::failed(error.to_string()))?,
            // The reader has no state to save: the process may end in the middle of a poll.
            () = shutdown => std::process::exit(0),
        }
        Ok(Exit::Done)
    }
}

/// How events are shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// One JSON object a line.
    Json,
    /// One line of text with colours.
    Colour,
    /// One line of text.
    Plain,
}

/// Prints one record.
pub fn print(style: Style, seen: &Seen) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if style == Style::Json {
        serde_json::to_writer(&mut out, seen)?;
        writeln!(out)?;
        return out.flush();
    }
    let value: Value = serde_json::from_str(seen.value.get()).unwrap_or_default();
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
    let (dim, bold, off) =
        if style == Style::Colour { ("\x1b[2m", "\x1b[1;36m", "\x1b[0m") } else { ("", "", "") };
    let time = text("receivedAt");
    let name = if text("event").is_empty() { text("reason") } else { text("event") };
    let subject = if text("subject").is_empty() { &seen.key } else { text("subject") };
    let place = format!("{}[{}]@{}", seen.topic, seen.partition, seen.offset);
    writeln!(out, "{dim}{time}{off} {bold}{name}{off} {subject} {dim}{} {place}{off}", text("id"))?;
    out.flush()
}
