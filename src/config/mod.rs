//! The configuration: its written form, and its meaning.
//!
//! Reads a file, then the environment over it: `CADRELAY__KAFKA__BROKERS` is `kafka.brokers`.
//! Collects every fault instead of stopping at the first, and changes nothing.

mod checks;
pub mod dedup;
mod reading;
pub mod restart;
pub mod sections;

use crate::config::dedup::Dedup;
use crate::config::reading::{list, section};
use crate::config::sections::Keeper;
use crate::http::server::tls::Certificate;
use crate::http::settings as http;
use crate::providers::settings as source;
use crate::providers::source::Source;
use crate::secret::Secret;
use crate::shared::Target;
use crate::webhooks::declared::Declared;
use crate::webhooks::settings::Subscription;
use crate::{kafka, spool, telemetry};
use serde_json::{Map, Value};
use std::fmt;
use std::path::{Path, PathBuf};

/// The written configuration, each section in its module's own type.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `[http]`: the ingest listener.
    pub http: http::Settings,
    /// `[admin]`: the admin listener.
    pub admin: http::Admin,
    /// `[kafka]`: the cluster and the topics.
    pub kafka: kafka::settings::Settings,
    /// `[spool]`: the place where records wait.
    pub spool: spool::settings::Settings,
    /// `[dedup]`: the recognition of redeliveries.
    pub dedup: Dedup,
    /// `[[sources]]`: the inlets.
    pub sources: Vec<source::Settings>,
    /// `[[subscriptions]]`: the subscriptions that should exist at the providers.
    pub subscriptions: Vec<Subscription>,
    /// `[keeper]`: the upkeep of subscriptions with `keep = true`.
    pub keeper: Keeper,
    /// `[telemetry]`: the log, and traces.
    pub telemetry: telemetry::settings::Settings,
}

/// The resolved configuration: every secret and file was read once, and the parts fit together.
#[derive(Debug)]
pub struct Resolved {
    /// The settings. The secrets of `[kafka.client]` are filled in.
    pub config: Config,
    /// The certificate of the ingest listener, with its key.
    pub certificate: Option<Certificate>,
    /// The sources, in the order in which they were written.
    pub sources: Vec<Source>,
    /// The token of the admin listener.
    pub admin_token: Option<Secret>,
    /// The subscriptions.
    pub subscriptions: Vec<Declared>,
    /// The Redis that replicas share, if they share one.
    pub shared: Option<Target>,
    /// The collector of spans, if there is one.
    pub collector: Option<telemetry::target::Target>,
    /// Warnings, which are no faults. The caller shows them.
    pub warnings: Vec<String>,
}

/// All faults of the configuration.
#[derive(Debug, thiserror::Error)]
pub struct Error {
    /// The file, if one was read.
    pub file: Option<PathBuf>,
    /// The faults, each with its key, its value and the accepted values.
    pub faults: Vec<String>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "the configuration {} is wrong:", file.display())?,
            None => write!(f, "the configuration is wrong:")?,
        }
        self.faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

/// The file to read: the named one, else the first of the usual ones that exists.
pub fn find(named: Option<&Path>) -> Option<PathBuf> {
    if let Some(named) = named {
        return Some(named.to_owned());
    }
    if let Some(named) = std::env::var_os("CADRELAY_CONFIG") {
        return Some(named.into());
    }
    USUAL.iter().map(PathBuf::from).find(|path| path.exists())
}

/// Reads file and environment as one tree, for a caller that needs a part of it. Faults show no
/// value.
pub fn tree(file: &Path) -> Result<serde_json::Map<String, serde_json::Value>, Vec<String>> {
    reading::load(Some(file))
}

impl Config {
    /// Reads the file, if there is one, and the environment over it.
    pub fn read(file: Option<&Path>) -> Result<Self, Error> {
        let mut faults = Vec::new();
        let config = Self::read_what_can_be(file, &mut faults);
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(Error { file: file.map(Path::to_owned), faults })
        }
    }

    fn read_what_can_be(file: Option<&Path>, faults: &mut Vec<String>) -> Self {
        match reading::load(file) {
            Ok(written) => Self::parse(written, faults),
            Err(found) => {
                faults.extend(found);
                Self::default()
            }
        }
    }

    fn parse(mut written: Map<String, Value>, faults: &mut Vec<String>) -> Self {
        let mut part = |key: &str| written.remove(key).unwrap_or(Value::Object(Map::new()));
        let config = Self {
            http: section("http", part("http"), faults),
            admin: section("admin", part("admin"), faults),
            kafka: section("kafka", part("kafka"), faults),
            spool: section("spool", part("spool"), faults),
            dedup: section("dedup", part("dedup"), faults),
            keeper: section("keeper", part("keeper"), faults),
            telemetry: section("telemetry", part("telemetry"), faults),
            sources: list("sources", written.remove("sources"), faults),
            subscriptions: list("subscriptions", written.remove("subscriptions"), faults),
        };
        for key in written.keys() {
            faults.push(format!("{key}: no such section; there are {}", SECTIONS.join(", ")));
        }
        config
    }

    /// Reads the secrets and files, and reports everything that does not fit together.
    pub fn resolve(self) -> Result<Resolved, Error> {
        let mut faults = Vec::new();
        let resolved = checks::resolve(self, &mut faults);
        if faults.is_empty() { Ok(resolved) } else { Err(Error { file: None, faults }) }
    }
}

impl Resolved {
    /// Reads the file, if there is one, the environment over it, and all that they name.
    pub fn read(file: Option<&Path>) -> Result<Self, Error> {
        let mut faults = Vec::new();
        let config = Config::read_what_can_be(file, &mut faults);
        let is_read = faults.is_empty();
        let mut found = Vec::new();
        let resolved = checks::resolve(config, &mut found);
        // A source that could not be read is no missing source.
        found.retain(|fault| is_read || !fault.starts_with(checks::NO_SOURCES));
        faults.extend(found);
        if faults.is_empty() {
            Ok(resolved)
        } else {
            Err(Error { file: file.map(Path::to_owned), faults })
        }
    }
}

const USUAL: [&str; 2] = ["cadrelay.toml", "/etc/cadrelay/cadrelay.toml"];
const SECTIONS: [&str; 9] =
    ["http", "admin", "kafka", "spool", "dedup", "sources", "subscriptions", "keeper", "telemetry"];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Config::read(Some(file.path()))
    }

    #[test]
    fn a_file_is_read_and_what_it_leaves_out_has_a_default() {
        let config = read(
            r#"
            [http]
            listen = "0.0.0.0:9000"
            [kafka]
            partitions = 3
            topics = { "onshape.document" = "plm.onshape" }
            client = { "security.protocol" = "SSL" }
            [dedup]
            window = "48h"
            [[sources]]
            name = "acme"
            provider = "onshape"
            proof = { hmac = ["key"] }
            "#,
        )
        .unwrap();

        assert_eq!(config.http.listen.to_string(), "0.0.0.0:9000");
        assert_eq!(config.kafka.partitions, 3);
        assert_eq!(config.kafka.topics["onshape.document"], "plm.onshape");
        assert!(config.kafka.client.contains_key("security.protocol"));
        assert_eq!(config.dedup.window.to_string(), "2d");
        assert_eq!(config.admin.listen.port(), 9464);
        assert_eq!(config.sources[0].name, "acme");
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_key_and_what_is_accepted() {
        let error = read(
            r#"
            [http]
            listen = "nowhere"
            body_limit = 7
            port = 1
            [kafka]
            partitions = "six"
            [spoool]
            [[sources]]
            name = "acme"
            provider = "solidworks"
            proof = "none"
            "#,
        )
        .unwrap_err()
        .to_string();

        for part in [
            "http.listen: ",
            "http.body_limit: ",
            "a size such as",
            "http.port: unknown field `port`, expected one of `listen`",
            "kafka.partitions: ",
            "spoool: no such section",
            "sources[0].provider (\"acme\"): ",
            "expected `onshape` or `aps`",
        ] {
            assert!(error.contains(part), "{part} in {error}");
        }
    }

    #[test]
    fn a_keeper_that_would_never_rest_is_refused() {
        let sources = "[[sources]]\nname = \"a\"\nprovider = \"aps\"\nproof = \"none\"";
        let config = |interval| read(&format!("[keeper]\ninterval = \"{interval}\"\n{sources}"));

        assert!(config("1s").unwrap().resolve().is_ok());
        let refused = config("0s").unwrap().resolve().unwrap_err().to_string();
        assert!(refused.contains("keeper.interval: 0"), "{refused}");
    }

    #[test]
    fn a_source_without_proof_is_refused_where_strangers_can_reach_it() {
        let config = |listen: &str, more: &str| {
            let text = format!(
                "[http]\nlisten = \"{listen}\"\n{more}\n[[sources]]\nname = \"a\"\n\
                 provider = \"aps\"\nproof = \"none\""
            );
            read(&text).unwrap()
        };

        assert!(config("127.0.0.1:1", "").resolve().is_ok());
        assert!(config("0.0.0.0:1", "allow_unproven = true").resolve().is_ok());
        let refused = config("0.0.0.0:1", "").resolve().unwrap_err().to_string();
        assert!(refused.contains("http.allow_unproven"), "{refused}");
    }
}
