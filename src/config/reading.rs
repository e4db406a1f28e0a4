//! Reads a file and the environment over it into typed sections, and reports every fault at once.
//!
//! # Promises
//! - A fault names its key and the accepted values, and shows no value that could be a secret.
//! - A wrong value hides no other fault: it is left out, and reading goes on.
//!
//! Does not know the meaning of the sections.

use crate::small_file;
use crate::veil;
use config::{Environment, File, FileFormat};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Path as KeyPath, Segment};
use std::collections::BTreeSet;
use std::path::Path;

/// Reads the file and the environment into one tree.
pub(super) fn load(file: Option<&Path>) -> Result<Map<String, Value>, Vec<String>> {
    let mut builder = config::Config::builder();
    if let Some(file) = file {
        let text = small_file::read_text(file)
            .map_err(|error| vec![format!("{} cannot be read: {error}", file.display())])?;
        is_toml(&text).map_err(|fault| vec![fault])?;
        builder = builder.add_source(File::from_str(&text, FileFormat::Toml));
    }
    let variables = Variables::get()?;
    let environment = Environment::with_prefix("CADRELAY")
        .prefix_separator("__")
        .separator("__")
        .source(Some(variables.keys.into_iter().collect()));
    let mut tree: Map<String, Value> = builder
        .add_source(environment)
        .build()
        .and_then(config::Config::try_deserialize)
        .map_err(|error| vec![veil::parser(&error)])?;
    join_properties(&mut tree, variables.properties);
    Ok(tree)
}

/// Reports the place at which the text stops being TOML. The line itself is not shown: it may hold
/// a secret.
fn is_toml(text: &str) -> Result<(), String> {
    let Err(error) = toml::from_str::<toml::Table>(text) else { return Ok(()) };
    let at = error.span().map_or(text.len(), |span| span.start.min(text.len()));
    let before = text.get(..at).unwrap_or(text);
    // Where a line ends too early, the parser stops at the beginning of the next one.
    let said = before.trim_end();
    let is_unfinished = before.get(said.len()..).is_some_and(|blank| blank.contains('\n'))
        && toml::from_str::<toml::Table>(before).is_err();
    let before = if is_unfinished { said } else { before };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    let problem = match error.message() {
        // These messages name only a key, and keys are no secrets; other messages may repeat text
        // from the file.
        said if said.starts_with("duplicate key") => "a key is written twice",
        said if said.contains("quote") => "a text is not quoted, or its quotes do not end",
        _ => "this is not TOML",
    };
    Err(format!("line {line}, column {column}: {problem}"))
}

/// The environment's part of the configuration.
#[derive(Debug, Default)]
struct Variables {
    /// `CADRELAY__KAFKA__BROKERS`: a key of a section.
    keys: Vec<(String, String)>,
    /// `CADRELAY__KAFKA__CLIENT__SECURITY__PROTOCOL`: `security.protocol` of `[kafka.client]`.
    properties: Vec<(String, String)>,
}

impl Variables {
    fn get() -> Result<Self, Vec<String>> {
        let mut variables = Self::default();
        let mut faults = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| name.starts_with("CADRELAY__")) else {
                continue;
            };
            let Ok(value) = value.into_string() else {
                faults.push(format!("the environment variable {name} is not UTF-8 text"));
                continue;
            };
            match name.strip_prefix("CADRELAY__KAFKA__CLIENT__") {
                Some(property) => {
                    let property = property.to_lowercase().replace("__", ".");
                    variables.properties.push((property, value));
                }
                None => variables.keys.push((name.to_owned(), value)),
            }
        }
        if faults.is_empty() { Ok(variables) } else { Err(faults) }
    }
}

/// Brings `[kafka.client]` to one level: librdkafka's properties have dots in their names, and TOML
/// takes a dot in a bare key for a table.
fn join_properties(tree: &mut Map<String, Value>, properties: Vec<(String, String)>) {
    let written = tree.get_mut("kafka").and_then(|kafka| kafka.as_object_mut()?.remove("client"));
    let mut joined = Map::new();
    let client = match written {
        None if properties.is_empty() => return,
        None => Value::Object(Map::new()),
        Some(client) => client,
    };
    let client = match client {
        Value::Object(client) => {
            flatten("", client, &mut joined);
            joined.extend(properties.into_iter().map(|(name, text)| (name, Value::String(text))));
            Value::Object(joined)
        }
        wrong => wrong,
    };
    let kafka = tree.entry("kafka").or_insert_with(|| Value::Object(Map::new()));
    if let Some(kafka) = kafka.as_object_mut() {
        kafka.insert("client".to_owned(), client);
    }
}

fn flatten(prefix: &str, tables: Map<String, Value>, joined: &mut Map<String, Value>) {
    for (key, value) in tables {
        let name = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        match value {
            Value::Object(inner) if !is_secret(&inner) => flatten(&name, inner, joined),
            value => drop(joined.insert(name, value)),
        }
    }
}

/// True for `{ env = "NAME" }` and `{ file = "path" }`.
fn is_secret(table: &Map<String, Value>) -> bool {
    let is_text = |form| table.get(form).is_some_and(Value::is_string);
    table.is_empty() || is_text("env") || is_text("file")
}

/// Reads one section. A wrong value is noted and left out, so that the rest is checked as well.
pub(super) fn section<T: DeserializeOwned + Default>(
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
            faults.push(format!("{key}: {}", veil::parser(&cause)));
            return T::default();
        };
        // The environment holds only texts; a text that is a number or a boolean is read again as
        // one.
        match wrong.as_str().and_then(|text| serde_json::from_str(text).ok()) {
            Some(plain @ (Value::Number(_) | Value::Bool(_))) => put(&mut written, &path, plain),
            _ => faults.push(format!("{key}: {}", veil::parser(&cause))),
        }
    }
}

/// Reads a list of tables, each by itself.
pub(super) fn list<T: DeserializeOwned>(
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
    let entries = entries.into_iter().enumerate();
    entries.filter_map(|(at, entry)| one(&format!("{section}[{at}]"), entry, faults)).collect()
}

/// Reads one table of a list. A wrong value is noted and left out, so that the rest is checked as
/// well.
fn one<T: DeserializeOwned>(place: &str, mut entry: Value, faults: &mut Vec<String>) -> Option<T> {
    let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
    let of = if name.is_empty() { String::new() } else { format!(" ({})", veil::value(name)) };
    let mut removed = BTreeSet::new();
    loop {
        let error = match serde_path_to_error::deserialize::<_, T>(&entry) {
            Ok(read) if removed.is_empty() => return Some(read),
            Ok(_) => return None,
            Err(error) => error,
        };
        let (path, cause) = (error.path().clone(), error.into_inner());
        let is_consequence = missing_field(&cause).is_some_and(|field| removed.contains(&field));
        if is_consequence {
            return None;
        }
        faults.push(format!("{}{of}: {}", key_of(place, &path, &cause), veil::parser(&cause)));
        remove(&mut entry, &path, &cause)?;
        removed.extend(keys_of(&path).and_then(|keys| keys.into_iter().next()));
        removed.extend(unknown_field(&cause));
    }
}

/// The key of a fault. For an unknown field the path ends at its parent or at the field itself.
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

/// Takes the field's name from serde's message, which is the only place that names it; a test
/// checks the wording.
fn unknown_field(cause: &serde_json::Error) -> Option<String> {
    let text = cause.to_string();
    let rest = text.strip_prefix("unknown field `")?;
    rest.split_once('`').map(|(field, _)| field.to_owned())
}

fn missing_field(cause: &serde_json::Error) -> Option<String> {
    let text = cause.to_string();
    let field = text.strip_prefix("missing field `")?.split('`').next()?;
    Some(field.to_owned())
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
