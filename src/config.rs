//! The configuration: what was written, and what it means.
//!
//! A file, then the environment over it: `CADRELAY__KAFKA__BROKERS` is `kafka.brokers`. Reading
//! collects every fault instead of stopping at the first, and acts on nothing.

use crate::http::settings as http;
use crate::providers::settings as source;
use crate::providers::source::Source;
use crate::quantity::Duration;
use crate::secret::Secret;
use crate::webhooks::declared::Declared;
use crate::webhooks::settings::{self, Subscription};
use crate::{kafka, spool};
use config::{Environment, File, FileFormat};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Path as KeyPath, Segment};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// Everything that was written, each part in its module's own form.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `[http]`: the ingest listener.
    pub http: http::Settings,
    /// `[admin]`: the admin listener.
    pub admin: http::Admin,
    /// `[kafka]`: the cluster and the topics.
    pub kafka: kafka::settings::Settings,
    /// `[spool]`: where records wait.
    pub spool: spool::settings::Settings,
    /// `[dedup]`: how redeliveries are recognised.
    pub dedup: Dedup,
    /// `[[sources]]`: the inlets.
    pub sources: Vec<source::Settings>,
    /// `[[subscriptions]]`: what should exist at the providers.
    pub subscriptions: Vec<Subscription>,
    /// `[keeper]`: looking after the subscriptions that say `keep = true`.
    pub keeper: Keeper,
}

/// `[dedup]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dedup {
    /// How long ids are remembered. Default `72h`: APS retries for 48.
    pub window: Duration,
    /// For how long the same fact, told by another hook of a source, is a repeat. A source's own
    /// `facts_window` goes before it. Default: it never is.
    pub facts_window: Option<Duration>,
}

/// `[keeper]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keeper {
    /// How often subscriptions are looked at, `1s` or more. Default `5m`.
    pub interval: Duration,
    /// Whether this replica is the one that does it. Default true.
    pub enabled: bool,
}

impl Default for Keeper {
    fn default() -> Self {
        Self { interval: Duration(std::time::Duration::from_secs(300)), enabled: true }
    }
}

impl Default for Dedup {
    fn default() -> Self {
        Self { window: Duration(std::time::Duration::from_secs(72 * 3600)), facts_window: None }
    }
}

/// What the configuration means: its secrets are at hand and its parts fit together.
#[derive(Debug)]
pub struct Resolved {
    /// The sources, in the order they were written.
    pub sources: Vec<Source>,
    /// The token of the admin listener.
    pub admin_token: Option<Secret>,
    /// The subscriptions.
    pub subscriptions: Vec<Declared>,
}

/// Everything that is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub struct Error {
    /// The file, if one was read.
    pub file: Option<PathBuf>,
    /// Each fault: key, value, what would be accepted.
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

/// The file to read: the one that was named, else the first of the usual ones that exists.
pub fn find(named: Option<&Path>) -> Option<PathBuf> {
    if let Some(named) = named {
        return Some(named.to_owned());
    }
    if let Some(named) = std::env::var_os("CADRELAY_CONFIG") {
        return Some(named.into());
    }
    USUAL.iter().map(PathBuf::from).find(|path| path.exists())
}

impl Config {
    /// Reads the file, if there is one, and the environment over it.
    pub fn read(file: Option<&Path>) -> Result<Self, Error> {
        let mut faults = Vec::new();
        let config = match load(file) {
            Ok(written) => Self::parse(written, &mut faults),
            Err(fault) => {
                faults.push(fault);
                Self::default()
            }
        };
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(Error { file: file.map(Path::to_owned), faults })
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
            sources: list("sources", written.remove("sources"), faults),
            subscriptions: list("subscriptions", written.remove("subscriptions"), faults),
        };
        for key in written.keys() {
            faults.push(format!("{key}: no such section; there are {}", SECTIONS.join(", ")));
        }
        config
    }

    /// Gets the secrets, and tells everything that does not fit together.
    pub fn resolve(&self) -> Result<Resolved, Error> {
        let mut faults = self.kafka.faults();
        let window = self.dedup.window.0;
        if window.is_zero() {
            faults.push("dedup.window: 0 would recognise no redelivery".to_owned());
        }
        let interval = self.keeper.interval;
        if interval.0 < SHORTEST_KEEPER_INTERVAL {
            faults.push(format!("keeper.interval: {interval} is too short; give 1s or more"));
        }
        let mut sources = Vec::new();
        let mut names = BTreeSet::new();
        if self.sources.is_empty() {
            faults
                .push("sources: none; add a [[sources]] with name, provider and proof".to_owned());
        }
        for settings in &self.sources {
            if !names.insert(&settings.name) {
                faults.push(format!("sources: two are named {:?}", settings.name));
            }
            let facts_window = settings.facts_window.or(self.dedup.facts_window);
            match Source::new(&source::Settings { facts_window, ..settings.clone() }, window) {
                Ok(source) => sources.push(source),
                Err(error) => faults.push(error.to_string()),
            }
        }
        let exposed = !self.http.listen.ip().is_loopback() && !self.http.allow_unproven;
        for source in sources.iter().filter(|source| exposed && source.asks_nothing()) {
            faults.push(format!(
                "source {:?}: proof = \"none\" on {}, which is not a loopback address; give it a \
                 proof, or set http.allow_unproven = true",
                source.name(),
                self.http.listen
            ));
        }
        let mut warnings = Vec::new();
        let public_url = self.http.public_url.as_deref();
        let subscriptions = settings::resolve(
            &self.subscriptions,
            public_url,
            jiff::Timestamp::now(),
            &mut warnings,
        )
        .unwrap_or_else(|found| {
            faults.extend(found.iter().map(ToString::to_string));
            Vec::new()
        });
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        if self.http.body_limit.0 == 0 || self.http.body_limit.0 > MAX_BODY_LIMIT {
            faults.push(format!("http.body_limit: {} is not 1B to 1MiB", self.http.body_limit));
        }
        let admin_token = self.admin.token.as_ref().and_then(|token| match token.resolve() {
            Ok(token) => Some(token),
            Err(error) => {
                faults.push(format!("admin.token: {error}"));
                None
            }
        });
        if let Err(error) = kafka::client::producer(&self.kafka, "check") {
            faults.push(error.to_string());
        }
        if faults.is_empty() {
            Ok(Resolved { sources, admin_token, subscriptions })
        } else {
            Err(Error { file: None, faults })
        }
    }
}

/// File and environment as one tree, not yet understood.
fn load(file: Option<&Path>) -> Result<Map<String, Value>, String> {
    let mut builder = config::Config::builder();
    if let Some(file) = file {
        let text = std::fs::read_to_string(file)
            .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
        builder = builder.add_source(File::from_str(&text, FileFormat::Toml));
    }
    let environment = Environment::with_prefix("CADRELAY").prefix_separator("__").separator("__");
    builder
        .add_source(environment)
        .build()
        .and_then(config::Config::try_deserialize)
        .map_err(|error| error.to_string())
}

/// Reads one section. A value that is wrong is noted and left out, so that the next one is looked at.
fn section<T: DeserializeOwned + Default>(
    name: &str,
    mut written: Value,
    faults: &mut Vec<String>,
) -> T {
    loop {
        let error = match serde_path_to_error::deserialize::<_, T>(&written) {
            Ok(section) => return section,
            Err(error) => error,
        };
        let (path, cause) = (error.path().clone(), error.into_inner());
        let key = key_of(name, &path, &cause);
        let Some(wrong) = remove(&mut written, &path, &cause) else {
            faults.push(format!("{key}: {cause}"));
            return T::default();
        };
        // The environment has text alone; what is a number or true there is read again as one.
        match wrong.as_str().and_then(|text| serde_json::from_str(text).ok()) {
            Some(plain @ (Value::Number(_) | Value::Bool(_))) => put(&mut written, &path, plain),
            _ => faults.push(format!("{key}: {cause}")),
        }
    }
}

/// Reads a list of tables, each by itself.
fn list<T: DeserializeOwned>(
    section: &str,
    written: Option<Value>,
    faults: &mut Vec<String>,
) -> Vec<T> {
    let entries = match written {
        None => return Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(_) => {
            faults.push(format!("{section}: write each one as [[{section}]]"));
            return Vec::new();
        }
    };
    let mut read = Vec::new();
    for (at, entry) in entries.into_iter().enumerate() {
        let name = entry.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        match serde_path_to_error::deserialize::<_, T>(&entry) {
            Ok(entry) => read.push(entry),
            Err(error) => {
                let (path, cause) = (error.path().clone(), error.into_inner());
                let key = key_of(&format!("{section}[{at}]"), &path, &cause);
                let of = if name.is_empty() { name } else { format!(" ({name:?})") };
                faults.push(format!("{key}{of}: {cause}"));
            }
        }
    }
    read
}

/// The key that a fault is about. For an unknown field the path ends at its parent or at itself.
fn key_of(section: &str, path: &KeyPath, cause: &serde_json::Error) -> String {
    let path = path.to_string();
    let mut key = section.to_owned();
    if path != "." && !path.is_empty() {
        key = format!("{key}.{path}");
    }
    match unknown_field(cause) {
        Some(field) if !key.ends_with(&field) => format!("{key}.{field}"),
        _ => key,
    }
}

fn unknown_field(cause: &serde_json::Error) -> Option<String> {
    let text = cause.to_string();
    let rest = text.strip_prefix("unknown field `")?;
    rest.split_once('`').map(|(field, _)| field.to_owned())
}

/// Takes the wrong value out of the tree.
fn remove(tree: &mut Value, path: &KeyPath, cause: &serde_json::Error) -> Option<Value> {
    let mut keys: Vec<String> = keys_of(path)?;
    if let Some(field) = unknown_field(cause)
        && keys.last() != Some(&field)
    {
        keys.push(field);
    }
    let last = keys.pop()?;
    let mut at = tree;
    for key in &keys {
        at = at.get_mut(key)?;
    }
    at.as_object_mut()?.remove(&last)
}

fn put(tree: &mut Value, path: &KeyPath, value: Value) {
    let Some(mut keys) = keys_of(path) else { return };
    let Some(last) = keys.pop() else { return };
    let mut at = tree;
    for key in &keys {
        match at.get_mut(key) {
            Some(inner) => at = inner,
            None => return,
        }
    }
    if let Some(object) = at.as_object_mut() {
        object.insert(last, value);
    }
}

fn keys_of(path: &KeyPath) -> Option<Vec<String>> {
    path.iter()
        .map(|segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            Segment::Seq { .. } | Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

const USUAL: [&str; 2] = ["cadrelay.toml", "/etc/cadrelay/cadrelay.toml"];
const SECTIONS: [&str; 8] =
    ["http", "admin", "kafka", "spool", "dedup", "sources", "subscriptions", "keeper"];
/// Looking more often would only use up what a provider lets us ask.
const SHORTEST_KEEPER_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);
/// What the topics take, less what a record adds to a body.
const MAX_BODY_LIMIT: u64 = 1 << 20;

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
