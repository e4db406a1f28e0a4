//! `[telemetry]`: the relay's reports of itself beside its metrics.

use crate::veil;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::path::PathBuf;
use url::Url;

/// Settings of the telemetry.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The log lines that are written. Default `info`. The variable `RUST_LOG` takes precedence.
    pub log_level: LogLevel,
    /// The collector that takes spans by OTLP over HTTP: `http://collector:4318`. Default: no spans.
    pub otlp: Option<Otlp>,
    /// With `https`: a PEM file of the authorities that sign the collector's certificate. Default:
    /// the system's.
    pub otlp_ca: Option<PathBuf>,
}

/// The URL of a collector that takes OTLP over HTTP, as protobuf. Not shown, because it may hold a token.
#[derive(Clone, Eq, PartialEq)]
pub struct Otlp(Url);

impl Otlp {
    /// The URL for traces: as written, or with the usual path if it has none.
    pub fn traces(&self) -> Url {
        let mut url = self.0.clone();
        if url.path() == "/" {
            url.set_path("/v1/traces");
        }
        url
    }

    /// True if the calls go over TLS.
    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or(NO_COLLECTOR)?;
        match url.username().is_empty() && url.password().is_none() {
            true => Ok(Self(url)),
            false => Err(CREDENTIALS),
        }
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Otlp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
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

const NO_COLLECTOR: &str =
    "this is not the URL of a collector; give one such as `http://collector:4318`";
const CREDENTIALS: &str =
    "no user or password goes into this URL; give a header in OTEL_EXPORTER_OTLP_HEADERS";
const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_by_its_address_or_by_the_whole_url_of_its_traces() {
        let traces = |text: &str| Otlp::parse(text).map(|otlp| otlp.traces().to_string());

        assert_eq!(traces("http://c:4318"), Ok("http://c:4318/v1/traces".to_owned()));
        assert_eq!(traces("https://c/otlp/v1/traces"), Ok("https://c/otlp/v1/traces".to_owned()));
        for wrong in ["c:4318", "grpc://c:4317", "http://", "s3cret"] {
            assert_eq!(traces(wrong), Err(NO_COLLECTOR), "{wrong}");
        }
        assert_eq!(traces("https://user:s3cret@c:4318"), Err(CREDENTIALS));
    }

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
