//! The scope of a hook, in the provider's own keys and ids.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The scope of a hook, by the provider's keys: `documentId`, `folder`, `workflow.transition`.
#[derive(Clone, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Scope(BTreeMap<String, String>);

impl Scope {
    /// Adds a key, or replaces its value.
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.insert(key.into(), value.into());
        self
    }

    /// Parses `KEY=VALUE`. The value may contain equal signs.
    pub fn parse_pair(text: &str) -> Result<(String, String), String> {
        let pair = text.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
        match pair {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                Ok((key.to_owned(), value.to_owned()))
            }
            _ => Err("expected KEY=VALUE, such as folder=urn:adsk.wipprod:fs.folder:co.X".into()),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Keys and values, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// True if it has no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if the other has all of its keys and values.
    pub fn is_within(&self, other: &Self) -> bool {
        self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl FromIterator<(String, String)> for Scope {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut separator = "";
        for (key, value) in self.iter() {
            write!(f, "{separator}{key}={value}")?;
            separator = " ";
        }
        Ok(())
    }
}
