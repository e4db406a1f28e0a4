//! The log: text at a terminal, and otherwise one JSON object a line. Also traces.

pub mod settings;
pub mod target;
pub mod traces;

use crate::telemetry::settings::LogLevel;
use std::io::IsTerminal;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// The form of log lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// Text, in colour on a terminal.
    Text,
}

/// The level of the log, which can be changed while it is written.
#[derive(Clone, Debug)]
pub struct Level(reload::Handle<EnvFilter, Registry>);

/// Sends logs to stderr. `RUST_LOG` sets the level, else the configuration. Text has colours if
/// wanted.
pub fn start(format: Option<Format>, colours: bool, level: &LogLevel) -> Level {
    let terminal = std::io::stderr().is_terminal();
    let format = format.unwrap_or(if terminal { Format::Text } else { Format::Json });
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| filter(level));
    let (filter, handle) = reload::Layer::new(filter);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        Format::Json => lines.json().flatten_event(true).boxed(),
        Format::Text => lines.with_ansi(colours).with_target(false).boxed(),
    };
    // A second start, in a test, keeps the first one's log.
    drop(tracing_subscriber::registry().with(filter).with(lines).try_init());
    Level(handle)
}

impl Level {
    /// Uses this level from now on, unless `RUST_LOG` sets another one.
    pub fn set(&self, level: &LogLevel) {
        if EnvFilter::try_from_default_env().is_err() {
            // Fails only when the log has ended.
            drop(self.0.reload(filter(level)));
        }
    }
}

/// Logs only warnings, for commands that write to the user themselves.
pub fn start_quietly(colours: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    drop(builder.with_ansi(colours).with_target(false).try_init());
}

fn filter(level: &LogLevel) -> EnvFilter {
    EnvFilter::new(format!("{QUIET},{}", level.as_str()))
}

/// The store and the web server log little that helps an operator.
const QUIET: &str = "actix_http=off,fjall=warn,lsm_tree=warn,actix_server=warn";
