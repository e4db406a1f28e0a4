//! Logs: text for people at a terminal, one JSON object a line for everything else.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// The form of log lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// Text, in colour on a terminal.
    Text,
}

/// Sends logs to stderr. `RUST_LOG` says which; by default what an operator wants to know.
pub fn start(format: Option<Format>) {
    let terminal = std::io::stderr().is_terminal();
    let format = format.unwrap_or(if terminal { Format::Text } else { Format::Json });
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        Format::Json => builder.json().flatten_event(true).try_init(),
        Format::Text => builder.with_ansi(terminal).with_target(false).try_init(),
    };
    // A second start, in a test, keeps the first.
    drop(started);
}

/// Warnings alone, for commands that talk to a person themselves.
pub fn start_quietly() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    drop(builder.with_ansi(terminal).with_target(false).try_init());
}

/// The store and the web server say little that an operator can use.
const DEFAULT_FILTER: &str = "info,actix_http=off,fjall=warn,lsm_tree=warn,actix_server=warn";
