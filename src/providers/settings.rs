//! `[[sources]]`: the settings of a source, and their possible faults.
//!
//! # Promises
//! - A message never shows a text that stands where a secret belongs.

use crate::event::provider::Provider;
use crate::quantity::Duration;
use crate::secret::written::{self, Written};
use serde::de::{self, Deserialize, Deserializer};
use std::fmt;

/// One `[[sources]]` of the settings.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The name in the URL, `/webhooks/{name}`: 1 to 100 letters, digits, `.`, `-` and
    /// `_`, without a dot at the beginning.
    pub name: String,
    /// The provider that posts here.
    pub provider: Provider,
    /// The required proof: a table with `hmac`, `basic`, `url_token` or `data_token`, all of which
    /// must hold, or `"none"`.
    pub proof: Asked,
    /// Onshape: the greatest age of a signature, at most the window in which repeats are
    /// recognised. Default: the window.
    pub freshness: Option<Duration>,
    /// APS: `x-adsk-delivery-id` tells events apart that have the same body and no time. Default
    /// true. The header is not signed: whoever has captured a body can have it accepted again under
    /// other ids.
    pub delivery_id: Option<bool>,
    /// APS: the event of a body without its hook, for hooks with `callbackWithEventPayloadOnly`.
    pub assume: Option<Assume>,
    /// The period in which the same fact from another hook is a repeat. Default: it never is.
    pub facts_window: Option<Duration>,
}

/// The event to assume for an APS body that does not name one.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assume {
    /// The system: `data`.
    pub system: String,
    /// The event: `dm.version.added`.
    pub event: String,
}

/// The value of `proof` in the settings of a source.
#[derive(Clone, Debug)]
pub enum Asked {
    /// `"none"`: anyone is believed.
    Nothing,
    /// A table with one kind or several, all of which must hold.
    All(Kinds),
}

/// The kinds of proof that a source can ask for. Any secret of a list will do, so that a secret can
/// be changed without a gap.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kinds {
    /// Keys that sign the exact body.
    pub hmac: Option<written::List>,
    /// HTTP Basic credentials.
    #[serde(deserialize_with = "credentials")]
    pub basic: Option<Basic>,
    /// Secrets expected in the URL, as `?token=`.
    pub url_token: Option<written::List>,
    /// Secrets that Onshape echoes in the body's `data`.
    pub data_token: Option<written::List>,
}

/// HTTP Basic credentials.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// The user's name, without a colon.
    pub username: String,
    /// The password.
    pub password: Written,
}

/// The faults in the settings of a source.
#[derive(Debug, thiserror::Error)]
#[error("source {name:?}: {}", .faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; "))]
pub struct Error {
    /// The source's name, as written.
    pub name: String,
    /// All faults; never empty.
    pub faults: Vec<Fault>,
}

/// One fault in the settings of a source.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The name cannot be part of a URL and a label.
    #[error("name: takes 1 to 100 letters, digits, `.`, `-` and `_`, and no dot first")]
    Name,
    /// A secret cannot be resolved.
    #[error("{key}: {cause}")]
    Secret {
        /// The key in the settings: `proof.hmac[0]`.
        key: String,
        /// The reason.
        cause: written::Error,
    },
    /// A list of secrets is empty.
    #[error("{key}: needs at least one secret")]
    NoSecret {
        /// The key in the settings: `proof.hmac`.
        key: &'static str,
    },
    /// HTTP Basic cannot send such a name.
    #[error("proof.basic.username: cannot have a colon in it")]
    ColonInUsername,
    /// Only Onshape echoes `data`.
    #[error("proof.data_token: only onshape echoes `data`; accepted are hmac, basic, url_token")]
    NoData,
    /// Only Onshape signs a time.
    #[error("freshness: needs provider = \"onshape\" and proof.hmac, as only onshape signs a time")]
    NoSignedTime,
    /// A repeat is recognised only within the window.
    #[error(
        "freshness: {freshness} is over dedup.window, {window}: a replay would not be recognised"
    )]
    FreshnessOverWindow {
        /// The value as written.
        freshness: Duration,
        /// The window.
        window: Duration,
    },
    /// Only APS sends a delivery id.
    #[error("delivery_id: only for provider = \"aps\"; onshape sends none")]
    NoDeliveryId,
    /// Only APS sends bodies that do not name their event.
    #[error("assume: only for provider = \"aps\"; each onshape body names its event")]
    NothingToAssume,
    /// An assumption is empty.
    #[error("assume.{key}: cannot be empty")]
    EmptyAssumption {
        /// The key: `system` or `event`.
        key: &'static str,
    },
}

impl Settings {
    /// The faults that the settings show by themselves, without resolving secrets.
    pub(super) fn faults(&self, window: std::time::Duration) -> Vec<Fault> {
        let mut faults = Vec::new();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        // Some proxies would take a leading dot for a step in a path.
        let is_name = (1..=100).contains(&self.name.len()) && self.name.bytes().all(fits);
        if !is_name || self.name.starts_with('.') {
            faults.push(Fault::Name);
        }
        let signs_time = self.provider == Provider::Onshape
            && matches!(&self.proof, Asked::All(kinds) if kinds.hmac.is_some());
        if self.freshness.is_some() && !signs_time {
            faults.push(Fault::NoSignedTime);
        }
        if let Some(freshness) = self.freshness.filter(|freshness| freshness.0 > window) {
            let window = Duration(window);
            faults.push(Fault::FreshnessOverWindow { freshness, window });
        }
        if self.delivery_id.is_some() && self.provider != Provider::Aps {
            faults.push(Fault::NoDeliveryId);
        }
        if let Some(assume) = &self.assume {
            if self.provider != Provider::Aps {
                faults.push(Fault::NothingToAssume);
            }
            for (key, text) in [("system", &assume.system), ("event", &assume.event)] {
                if text.is_empty() {
                    faults.push(Fault::EmptyAssumption { key });
                }
            }
        }
        faults
    }
}

impl<'de> Deserialize<'de> for Asked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

/// Reads credentials without showing a value of the wrong kind: it may be a secret in the wrong
/// place.
fn credentials<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Basic>, D::Error> {
    struct Credentials;

    impl<'de> de::Visitor<'de> for Credentials {
        type Value = Option<Basic>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table with `username` and `password`")
        }

        fn visit_str<E: de::Error>(self, _: &str) -> Result<Option<Basic>, E> {
            Err(E::custom("basic is a table with `username` and `password`, not text"))
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Option<Basic>, A::Error> {
            Basic::deserialize(de::value::MapAccessDeserializer::new(map)).map(Some)
        }
    }

    deserializer.deserialize_any(Credentials)
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Asked;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#""none" or a table with `hmac`, `basic`, `url_token` or `data_token`"#)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Asked, E> {
        match text {
            "none" => Ok(Asked::Nothing),
            // Not shown: it may be a secret in the wrong place.
            _ => Err(E::custom(format_args!("this text is no proof; expected {Expected}"))),
        }
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Asked, A::Error> {
        let kinds = Kinds::deserialize(de::value::MapAccessDeserializer::new(map))?;
        let asks_nothing = kinds.hmac.is_none()
            && kinds.basic.is_none()
            && kinds.url_token.is_none()
            && kinds.data_token.is_none();
        if asks_nothing {
            return Err(de::Error::custom(format_args!("nothing is asked; expected {Expected}")));
        }
        Ok(Asked::All(kinds))
    }
}

/// The expected forms, for messages of our own.
struct Expected;

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        de::Visitor::expecting(&Visitor, f)
    }
}
