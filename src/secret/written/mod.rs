//! A secret in settings: its text, or the place where it is.
//!
//! # Promises
//! - Reading the settings touches no environment variable and no file; only [`Written::resolve`]
//!   does.
//! - No secret is ever shown: `Debug` prints `***`, and errors name only the variable or path.
//! - A resolved secret is never empty.

mod forms;
#[cfg(test)]
mod tests;

use crate::secret::Secret;
use crate::small_file;
use std::fmt;
use std::path::PathBuf;

pub use crate::secret::written::forms::List;

/// A secret as written in the settings: text, `{ env = "NAME" }` or `{ file = "path" }`.
#[derive(Clone, Eq, PartialEq)]
pub enum Written {
    /// The secret itself.
    Text(String),
    /// The environment variable that holds it.
    Env(String),
    /// The file that holds it; a newline at its end is not part of it.
    File(PathBuf),
}

/// The reason why a secret cannot be resolved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text in the settings is empty.
    #[error("the secret is empty; give its text, {{ env = \"NAME\" }} or {{ file = \"path\" }}")]
    EmptyText,
    /// The variable is not set.
    #[error("the environment variable {} is not set", shown(.0))]
    NoVariable(String),
    /// The variable is not UTF-8.
    #[error("the environment variable {0} is not UTF-8 text")]
    VariableNotText(String),
    /// The variable is set to an empty text.
    #[error("the environment variable {0} is empty")]
    EmptyVariable(String),
    /// The file could not be read as text.
    #[error("the secret's file {} cannot be read: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: small_file::Error,
    },
    /// The file holds more than the secret.
    #[error("the secret's file {} {what}, which would be part of the secret", path.display())]
    Surrounded {
        /// The file.
        path: PathBuf,
        /// The excess.
        what: &'static str,
    },
    /// The file is empty.
    #[error("the secret's file {} is empty", .0.display())]
    EmptyFile(PathBuf),
}

impl Written {
    /// Reads the secret from the place that the settings name.
    pub fn resolve(&self) -> Result<Secret, Error> {
        match self {
            Self::Text(text) => some(text, || Error::EmptyText),
            Self::Env(name) => {
                let text = std::env::var(name).map_err(|cause| match cause {
                    std::env::VarError::NotPresent => Error::NoVariable(name.clone()),
                    std::env::VarError::NotUnicode(_) => Error::VariableNotText(name.clone()),
                })?;
                some(&text, || Error::EmptyVariable(name.clone()))
            }
            Self::File(path) => {
                let text = small_file::read_text(path)
                    .map_err(|why| Error::File { path: path.clone(), why })?;
                let text = text.strip_suffix('\n').unwrap_or(&text);
                let text = text.strip_suffix('\r').unwrap_or(text);
                if let Some(what) = surroundings(text) {
                    return Err(Error::Surrounded { path: path.clone(), what });
                }
                some(text, || Error::EmptyFile(path.clone()))
            }
        }
    }
}

/// The name of a variable, if it looks like one. Otherwise it may be the secret itself.
fn shown(name: &str) -> &str {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name && name.len() <= 64 {
        name
    } else {
        "*** (not shown, as it does not look like a name)"
    }
}

/// The excess that editors and shells put around a secret. It would become part of the key, and
/// every signature would be wrong.
fn surroundings(text: &str) -> Option<&'static str> {
    let is_quoted = |quote| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    if text.starts_with('\u{feff}') {
        Some("begins with a byte order mark")
    } else if text.trim() != text {
        Some("has blanks or more than one newline around the secret")
    } else if is_quoted('"') || is_quoted('\'') {
        Some("has quotes around the secret")
    } else {
        None
    }
}

fn some(text: &str, empty: impl FnOnce() -> Error) -> Result<Secret, Error> {
    if text.is_empty() { Err(empty()) } else { Ok(Secret::new(text)) }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("***"),
            Self::Env(name) => write!(f, "env {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}
