//! `[telemetry]`: what the relay says of itself beside its metrics.

use crate::veil;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Settings of the telemetry.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The log lines that are written. Default `info`. The variable `RUST_LOG` takes precedence.
    pub log_level: LogLevel,
}

/// A choice of log lines: `info`, or a level for each module, as in `info,cadrelay::drain=debug`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogLevel(String);

impl LogLevel {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let is_level = |text: &str| LEVELS.contains(&text.to_ascii_lowercase().as_str());
        let is_module = |text: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
            !text.is_empty() && text.chars().all(plain)
        };
        let is_part = |part: &str| match part.split_once('=') {
            None => is_level(part),
            Some((module, level)) => is_module(module) && is_level(level),
        };
        text.split(',').map(str::trim).all(is_part).then(|| Self(text.to_owned()))
    }
}

impl Default for LogLevel {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format_args!(
                "{} is no level; give `error`, `warn`, `info`, `debug`, `trace` or `off`, or one for \
                 each module as in `info,cadrelay::drain=debug`",
                veil::value(&text)
            ))
        })
    }
}

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_one_word_or_one_for_each_module() {
        for right in ["info", "DEBUG", "off", "warn,cadrelay::drain=debug", "info, h2=off"] {
            assert!(LogLevel::parse(right).is_some(), "{right}");
        }
        // A filter of the library takes these for names of modules, and then says everything of them.
        for wrong in ["", "verbose", "infoo", "info,cadrelay", "a=b", "=info", "[span]=info"] {
            assert_eq!(LogLevel::parse(wrong), None, "{wrong}");
        }
    }
}
