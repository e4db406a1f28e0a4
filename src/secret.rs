//! Secrets in settings: written out, or where to find them.
//!
//! # Promises
//! - Reading the settings touches no environment variable and no file; [`Secret::resolve`] does.
//! - No secret is ever shown: `Debug` prints `***`, and errors name the variable or path alone.
//! - A resolved secret is never empty.

use serde::de::{self, Deserialize, Deserializer};
use std::fmt;
use std::path::PathBuf;

/// A secret as it stands in the settings: text, `{ env = "NAME" }` or `{ file = "path" }`.
#[derive(Clone, Eq, PartialEq)]
pub enum Secret {
    /// The secret itself.
    Text(String),
    /// The environment variable that holds it.
    Env(String),
    /// The file that holds it; a newline at its end does not belong to it.
    File(PathBuf),
}

/// The secret itself, at hand.
#[derive(Clone, Eq, PartialEq)]
pub struct Resolved(String);

/// Why a secret is not at hand.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text in the settings is empty.
    #[error("the secret is empty; give its text, {{ env = \"NAME\" }} or {{ file = \"path\" }}")]
    EmptyText,
    /// The variable is not set.
    #[error("the environment variable {0} is not set")]
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
    /// The file holds nothing.
    #[error("the secret's file {} is empty", .0.display())]
    EmptyFile(PathBuf),
}

impl Secret {
    /// Gets the secret from where the settings say it is.
    pub fn resolve(&self) -> Result<Resolved, Error> {
        match self {
            Self::Text(text) => Resolved::new(text, || Error::EmptyText),
            Self::Env(name) => {
                let text = std::env::var(name).map_err(|cause| match cause {
                    std::env::VarError::NotPresent => Error::NoVariable(name.clone()),
                    std::env::VarError::NotUnicode(_) => Error::VariableNotText(name.clone()),
                })?;
                Resolved::new(&text, || Error::EmptyVariable(name.clone()))
            }
            Self::File(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|cause| Error::File { path: path.clone(), cause })?;
                let text = text.strip_suffix('\n').unwrap_or(&text);
                let text = text.strip_suffix('\r').unwrap_or(text);
                Resolved::new(text, || Error::EmptyFile(path.clone()))
            }
        }
    }
}

impl Resolved {
    /// The secret as text. Do not log it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The secret with something that is no secret before it.
    pub fn after(self, prefix: &str) -> Self {
        Self(format!("{prefix}{}", self.0))
    }

    fn new(text: &str, empty: impl FnOnce() -> Error) -> Result<Self, Error> {
        if text.is_empty() { Err(empty()) } else { Ok(Self(text.to_owned())) }
    }
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("***"),
            Self::Env(name) => write!(f, "env {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

const FORMS: [&str; 2] = ["env", "file"];

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a secret: text, { env = "NAME" } or { file = "path" }"#)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::Text(text.to_owned()))
    }

    // Not shown, as serde would: it may well be the secret.
    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Secret, E> {
        Err(not_text())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Secret, E> {
        Err(not_text())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Secret, E> {
        Err(not_text())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Secret, E> {
        Err(not_text())
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Secret, A::Error> {
        let Some(form) = map.next_key::<String>()? else {
            return Err(de::Error::custom(
                r#"an empty table is no secret; give { env = "NAME" } or { file = "path" }"#,
            ));
        };
        let secret = match form.as_str() {
            "env" => Secret::Env(map.next_value()?),
            "file" => Secret::File(map.next_value()?),
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
pub struct Secrets(pub Vec<Secret>);

impl<'de> Deserialize<'de> for Secrets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor)
    }
}

struct ListVisitor;

impl<'de> de::Visitor<'de> for ListVisitor {
    type Value = Secrets;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a list of secrets, each text, { env = "NAME" } or { file = "path" }"#)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Secrets, E> {
        Visitor.visit_str(text).map(|secret| Secrets(vec![secret]))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Secrets, E> {
        Err(not_text())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Secrets, E> {
        Err(not_text())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Secrets, E> {
        Err(not_text())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Secrets, E> {
        Err(not_text())
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Secrets, A::Error> {
        Visitor.visit_map(map).map(|secret| Secrets(vec![secret]))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Secrets, A::Error> {
        let mut secrets = Vec::new();
        while let Some(secret) = list.next_element()? {
            secrets.push(secret);
        }
        Ok(Secrets(secrets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn parse(json: &str) -> Result<Secret, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_secret_has_three_forms() {
        assert_eq!(parse(r#""s3cret""#), Ok(Secret::Text("s3cret".into())));
        assert_eq!(parse(r#"{"env":"KEY"}"#), Ok(Secret::Env("KEY".into())));
        assert_eq!(parse(r#"{"file":"/run/key"}"#), Ok(Secret::File("/run/key".into())));
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
        let parse = |json| serde_json::from_str::<Secrets>(json).unwrap().0;

        assert_eq!(parse(r#""a""#), [Secret::Text("a".into())]);
        assert_eq!(parse(r#"{"env":"A"}"#), [Secret::Env("A".into())]);
        assert_eq!(parse(r#"["a",{"env":"A"}]"#).len(), 2);
    }

    #[test]
    fn a_file_is_read_without_its_last_newline() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b" s3cret \r\n").unwrap();

        let resolved = Secret::File(file.path().to_owned()).resolve().unwrap();

        assert_eq!(resolved.as_str(), " s3cret ");
    }

    #[test]
    fn a_secret_that_is_not_there_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let says = |secret: Secret| secret.resolve().unwrap_err().to_string();

        assert!(says(Secret::Text(String::new())).contains("is empty"));
        assert!(
            says(Secret::Env("CADRELAY_NOT_SET".into())).contains("CADRELAY_NOT_SET is not set")
        );
        assert!(says(Secret::File("/no/such/file".into())).contains("/no/such/file"));
        assert!(says(Secret::File(file.path().to_owned())).ends_with("is empty"));
    }

    #[test]
    fn a_variable_is_read() {
        let path = Secret::Env("PATH".into()).resolve().unwrap();

        assert_eq!(Some(path.as_str()), std::env::var("PATH").ok().as_deref());
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::Text("s3cret".into());

        assert_eq!(format!("{secret:?} {:?}", secret.resolve().unwrap()), "*** ***");
    }
}
