//! A text that must not be shown.
//!
//! # Promises
//! - `Debug` prints `***`. The text itself comes out by [`Secret::reveal`] alone.
//!
//! Knows nothing of where secrets are written; [`written`] does.

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

    /// The secret with something that is no secret before it.
    pub fn after(self, prefix: &str) -> Self {
        Self(format!("{prefix}{}", self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
