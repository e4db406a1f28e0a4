//! The forms in which a secret, or a list of them, is written.

use crate::secret::written::Written;
use serde::de::{self, Deserialize, Deserializer};
use std::fmt;

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

    // Serde would show the value, which may well be the secret.
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
