//! A text that must not be shown.
//!
//! # Promises
//! - `Debug` prints `***`. Only [`Secret::reveal`] returns the text.
//!
//! Knows nothing of the places where secrets are written; [`written`] does.

pub mod written;

use std::fmt;

/// A password, key or token.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(String);

impl Secret {
    /// Takes any text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends, signs or compares with it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Puts a public text before the secret.
    pub fn after(self, prefix: &str) -> Self {
        Self(format!("{prefix}{}", self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
