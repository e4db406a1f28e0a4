//! A secret in settings: written out, or where to find them.
//!
//! # Promises
//! - Reading the settings touches no environment variable and no file; [`Written::resolve`] does.
//! - No secret is ever shown: `Debug` prints `***`, and errors name the variable or path alone.
//! - A resolved secret is never empty.

use crate::secret::Secret;
use serde::de::{self, Deserialize, Deserializer};
use std::fmt;
use std::path::PathBuf;

/// A secret as it stands in the settings: text, `{ env = "NAME" }` or `{ file = "path" }`.
#[derive(Clone, Eq, PartialEq)]
pub enum Written {
    /// The secret itself.
    Text(String),
    /// The environment variable that holds it.
    Env(String),
    /// The file that holds it; a newline at its end does not belong to it.
    File(PathBuf),
}

/// Why a secret is not at hand.
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
    /// The variable is set to nothing.
    #[error("the environment variable {0} is empty")]
    EmptyVariable(String),
    /// The file could not be read as text.
    #[error("the secret's file {} cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// The file holds more than the secret.
    #[error("the secret's file {} {what}, which would be part of the secret", path.display())]
    Surrounded {
        /// The file.
        path: PathBuf,
        /// What is too much.
        what: &'static str,
    },
    /// The file holds nothing.
    #[error("the secret's file {} is empty", .0.display())]
    EmptyFile(PathBuf),
}

impl Written {
    /// Gets the secret from where the settings say it is.
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
                let text = std::fs::read_to_string(path)
                    .map_err(|cause| Error::File { path: path.clone(), cause })?;
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

/// The name of a variable. What does not look like one may be the secret itself.
fn shown(name: &str) -> &str {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name && name.len() <= 64 {
        name
    } else {
        "*** (not shown, as it does not look like a name)"
    }
}

/// What editors and shells put around a secret. It would be taken for a part of the key, and every
/// signature would be wrong.
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

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

const FORMS: [&str; 2] = ["env", "file"];

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a secret: text, { env = "NAME" } or { file = "path" }"#)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Written, E> {
        Ok(Written::Text(text.to_owned()))
    }

    // Not shown, as serde would: it may well be the secret.
    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Written, E> {
        Err(not_text())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Written, E> {
        Err(not_text())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Written, E> {
        Err(not_text())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Written, E> {
        Err(not_text())
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
        let Some(form) = map.next_key::<String>()? else {
            return Err(de::Error::custom(
                r#"an empty table is no secret; give { env = "NAME" } or { file = "path" }"#,
            ));
        };
        let secret = match form.as_str() {
            "env" => Written::Env(map.next_value()?),
            "file" => Written::File(map.next_value()?),
            _ => return Err(de::Error::unknown_field(&form, &FORMS)),
        };
        match map.next_key::<String>()? {
            None => Ok(secret),
            Some(second) if FORMS.contains(&second.as_str()) => {
                Err(de::Error::custom("a secret is in `env` or in `file`, not in both"))
            }
            Some(second) => Err(de::Error::unknown_field(&second, &FORMS)),
        }
    }
}

fn not_text<E: de::Error>() -> E {
    E::custom("a secret that is written out is text; put it in quotes")
}

/// One secret, or a list of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct List(pub Vec<Written>);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor)
    }
}

struct ListVisitor;

impl<'de> de::Visitor<'de> for ListVisitor {
    type Value = List;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a list of secrets, each text, { env = "NAME" } or { file = "path" }"#)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<List, E> {
        Visitor.visit_str(text).map(|secret| List(vec![secret]))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<List, E> {
        Err(not_text())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<List, E> {
        Err(not_text())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<List, E> {
        Err(not_text())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<List, E> {
        Err(not_text())
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<List, A::Error> {
        Visitor.visit_map(map).map(|secret| List(vec![secret]))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<List, A::Error> {
        let mut secrets = Vec::new();
        while let Some(secret) = list.next_element()? {
            secrets.push(secret);
        }
        Ok(List(secrets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn parse(json: &str) -> Result<Written, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_secret_has_three_forms() {
        assert_eq!(parse(r#""s3cret""#), Ok(Written::Text("s3cret".into())));
        assert_eq!(parse(r#"{"env":"KEY"}"#), Ok(Written::Env("KEY".into())));
        assert_eq!(parse(r#"{"file":"/run/key"}"#), Ok(Written::File("/run/key".into())));
    }

    #[test]
    fn any_other_form_is_refused_with_those_that_are_taken() {
        for (json, says) in [
            ("7", "put it in quotes"),
            ("[]", "expected a secret: text"),
            ("{}", "an empty table is no secret"),
            (r#"{"vault":"x"}"#, "unknown field `vault`, expected `env` or `file`"),
            (r#"{"env":"A","file":"b"}"#, "not in both"),
            (r#"{"env":"A","mode":"b"}"#, "unknown field `mode`"),
        ] {
            let error = parse(json).unwrap_err();

            assert!(error.contains(says), "{json}: {error}");
        }
    }

    #[test]
    fn one_secret_is_a_list_of_one() {
        let parse = |json| serde_json::from_str::<List>(json).unwrap().0;

        assert_eq!(parse(r#""a""#), [Written::Text("a".into())]);
        assert_eq!(parse(r#"{"env":"A"}"#), [Written::Env("A".into())]);
        assert_eq!(parse(r#"["a",{"env":"A"}]"#).len(), 2);
    }

    #[test]
    fn a_file_is_read_without_its_last_newline() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"s3 cret\r\n").unwrap();

        let resolved = Written::File(file.path().to_owned()).resolve().unwrap();

        assert_eq!(resolved.reveal(), "s3 cret");
    }

    #[test]
    fn what_stands_around_a_secret_in_its_file_is_refused_with_the_reason() {
        for (written, reason) in [
            (" s3cret", "blanks"),
            ("s3cret \n", "blanks"),
            ("s3cret\n\n", "more than one newline"),
            ("\u{feff}s3cret", "byte order mark"),
            ("\"s3cret\"\n", "quotes"),
            ("'s3cret'", "quotes"),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), written).unwrap();

            let error = Written::File(file.path().to_owned()).resolve().unwrap_err().to_string();

            assert!(error.contains(reason) && !error.contains("s3cret\n"), "{written:?}: {error}");
        }
    }

    #[test]
    fn a_secret_that_is_not_there_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let says = |secret: Written| secret.resolve().unwrap_err().to_string();

        assert!(says(Written::Text(String::new())).contains("is empty"));
        assert!(
            says(Written::Env("CADRELAY_NOT_SET".into())).contains("CADRELAY_NOT_SET is not set")
        );
        assert!(says(Written::File("/no/such/file".into())).contains("/no/such/file"));
        assert!(says(Written::File(file.path().to_owned())).ends_with("is empty"));
    }

    #[test]
    fn a_variable_is_read() {
        let path = Written::Env("PATH".into()).resolve().unwrap();

        assert_eq!(Some(path.reveal()), std::env::var("PATH").ok().as_deref());
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Written::Text("s3cret".into());

        assert_eq!(format!("{secret:?} {:?}", secret.resolve().unwrap()), "*** ***");
    }
}
