//! The apparent reason why a notification did not prove its source: a hint for operators.
//!
//! Reads only the head, and decides nothing: the sender is told the same for every flaw.

use crate::providers::notification::Headers;
use crate::providers::proof::{Checks, Signature};
use crate::providers::{aps, onshape};
use jiff::Timestamp;

/// The apparent flaw of a proof.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flaw {
    /// A header or a token is absent, or there twice.
    Missing,
    /// The signed time is too old, too far ahead, or cannot be read.
    Stale,
    /// Everything is there, and does not fit the secrets.
    Wrong,
}

impl Flaw {
    /// The name in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Stale => "stale",
            Self::Wrong => "wrong",
        }
    }

    /// The reason that people see beside a decision.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Missing => "Not proven: a header or token is missing",
            Self::Stale => "Not proven: its time is too old, too far ahead or unreadable",
            Self::Wrong => "Not proven: it does not fit the secrets of the source",
        }
    }
}

impl Checks {
    /// The apparent flaw of a notification with this head, which did not pass.
    pub fn flaw(&self, headers: &Headers<'_>, query: &str, now: Timestamp) -> Flaw {
        let has = |name: &str| headers.get(name).is_some();
        let tokens = query.split('&').filter(|pair| pair.starts_with("token=")).count();
        if self.basic.is_some() && !has("authorization") || self.url_tokens.is_some() && tokens != 1
        {
            return Flaw::Missing;
        }
        match &self.signature {
            None => Flaw::Wrong,
            Some(Signature::Aps { .. }) if !aps::SIGNATURES.into_iter().any(has) => Flaw::Missing,
            Some(Signature::Aps { .. }) => Flaw::Wrong,
            Some(Signature::Onshape { freshness, .. }) => match headers.get(onshape::TIMESTAMP) {
                Some(_) if !onshape::SIGNATURES.into_iter().any(has) => Flaw::Missing,
                None => Flaw::Missing,
                Some(time) if !onshape::is_fresh(time, *freshness, now) => Flaw::Stale,
                Some(_) => Flaw::Wrong,
            },
        }
    }
}
