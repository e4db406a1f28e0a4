//! The proofs that a source asks for, and their check against a notification.
//!
//! # Promises
//! - Every proof that is asked for must hold; nothing else is looked at.
//! - Secrets are compared in constant time, signatures over the exact bytes.
//! - A token in a body is removed from the returned body: it never reaches Kafka, logs or receipts.

use crate::event::proof::{Proof, Proofs};
use crate::event::provider::Provider;
use crate::providers::fingerprint::Fingerprint;
use crate::providers::notification::Notification;
use crate::providers::settings::{Asked, Basic, Fault, Kinds};
use crate::providers::{aps, onshape};
use crate::secret::Secret;
use crate::secret::written::{self, Written};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use subtle::ConstantTimeEq as _;

/// The proofs that a source asks for, with their secrets resolved.
#[derive(Clone, Debug)]
pub(super) struct Checks {
    pub signature: Option<Signature>,
    /// `user:password`, as the header carries it.
    pub basic: Option<Secret>,
    pub url_tokens: Option<Vec<Secret>>,
    data_tokens: Option<Vec<Secret>>,
    /// Tells these secrets from others.
    pub fingerprint: Fingerprint,
}

#[derive(Clone, Debug)]
pub(super) enum Signature {
    Onshape { keys: Vec<onshape::Key>, freshness: SignedDuration },
    Aps { keys: Vec<aps::Key> },
}

/// The proofs that held, and the body without the token in it.
#[derive(Debug)]
pub(super) struct Shown {
    pub proofs: Proofs,
    pub body: Bytes,
}

impl Checks {
    /// Resolves the secrets. Adds to `faults` whatever cannot be asked for.
    pub fn resolve(
        asked: &Asked,
        provider: Provider,
        freshness: SignedDuration,
        faults: &mut Vec<Fault>,
    ) -> Self {
        let kinds = match asked {
            Asked::Nothing => &Kinds::default(),
            Asked::All(kinds) => kinds,
        };
        if provider != Provider::Onshape && kinds.data_token.is_some() {
            faults.push(Fault::NoData);
        }
        let mut all = |key: &'static str, secrets: &Option<written::List>| {
            secrets.as_ref().map(|secrets| resolve_all(key, &secrets.0, faults))
        };
        let hmac = all("proof.hmac", &kinds.hmac);
        let url_tokens = all("proof.url_token", &kinds.url_token);
        let data_tokens = all("proof.data_token", &kinds.data_token);
        let basic = kinds.basic.as_ref().and_then(|basic| basic.resolve(faults));
        let lists = [&hmac, &url_tokens, &data_tokens];
        let fingerprint = Fingerprint::of(lists.into_iter().flatten().flatten().chain(&basic));
        let signature = hmac.map(|secrets| match provider {
            Provider::Onshape => Signature::Onshape {
                keys: secrets.iter().map(|secret| onshape::Key::new(secret.reveal())).collect(),
                freshness,
            },
            Provider::Aps => Signature::Aps {
                keys: secrets.iter().map(|secret| aps::Key::new(secret.reveal())).collect(),
            },
        });
        Self { signature, basic, url_tokens, data_tokens, fingerprint }
    }

    /// The kinds of proof that are asked for.
    pub fn asked(&self) -> Vec<Proof> {
        let is_asked = |proof: &Proof| match proof {
            Proof::Hmac => self.signature.is_some(),
            Proof::Basic => self.basic.is_some(),
            Proof::UrlToken => self.url_tokens.is_some(),
            Proof::DataToken => self.data_tokens.is_some(),
        };
        Proof::ALL.into_iter().filter(is_asked).collect()
    }

    /// True if HTTP Basic credentials are asked for.
    pub fn ask_basic(&self) -> bool {
        self.basic.is_some()
    }

    /// True if no proof is asked for, so that anyone is believed.
    pub fn ask_nothing(&self) -> bool {
        self.signature.is_none()
            && self.basic.is_none()
            && self.url_tokens.is_none()
            && self.data_tokens.is_none()
    }

    /// Returns the proofs if everything that is asked for holds.
    pub fn hold(&self, notification: &Notification<'_>, now: Timestamp) -> Option<Shown> {
        let mut held = Proofs::NONE;
        if let Some(expected) = &self.basic {
            has_credentials(notification, expected).then_some(())?;
            held = held.with(Proof::Basic);
        }
        if let Some(tokens) = &self.url_tokens {
            has_url_token(notification.query, tokens).then_some(())?;
            held = held.with(Proof::UrlToken);
        }
        if let Some(signature) = &self.signature {
            signature.holds(notification, now).then_some(())?;
            held = held.with(Proof::Hmac);
        }
        let mut body = notification.body.clone();
        if let Some(tokens) = &self.data_tokens {
            // Last, because it is the only proof that has to parse the body.
            body = onshape::data_token::taken_out(&body, |data| is_one_of(data, tokens))?;
            held = held.with(Proof::DataToken);
        }
        Some(Shown { proofs: held, body })
    }
}

impl Signature {
    fn holds(&self, notification: &Notification<'_>, now: Timestamp) -> bool {
        match self {
            Self::Onshape { keys, freshness } => {
                onshape::is_signed(notification, keys, *freshness, now)
            }
            Self::Aps { keys } => aps::is_signed(notification, keys),
        }
    }
}

impl Basic {
    fn resolve(&self, faults: &mut Vec<Fault>) -> Option<Secret> {
        if self.username.contains(':') {
            faults.push(Fault::ColonInUsername);
        }
        match self.password.resolve() {
            Ok(password) => Some(password.after(&format!("{}:", self.username))),
            Err(cause) => {
                faults.push(Fault::Secret { key: "proof.basic.password".to_owned(), cause });
                None
            }
        }
    }
}

fn resolve_all(key: &'static str, secrets: &[Written], faults: &mut Vec<Fault>) -> Vec<Secret> {
    if secrets.is_empty() {
        faults.push(Fault::NoSecret { key });
    }
    let mut resolved = Vec::with_capacity(secrets.len());
    for (at, secret) in secrets.iter().enumerate() {
        match secret.resolve() {
            Ok(secret) => resolved.push(secret),
            Err(cause) => faults.push(Fault::Secret { key: format!("{key}[{at}]"), cause }),
        }
    }
    resolved
}

/// Compares with every secret, so that the time does not tell which one matched.
fn is_one_of(given: &[u8], secrets: &[Secret]) -> bool {
    let equal = |secret: &Secret| secret.reveal().as_bytes().ct_eq(given);
    secrets.iter().fold(subtle::Choice::from(0), |any, secret| any | equal(secret)).into()
}

fn has_credentials(notification: &Notification<'_>, expected: &Secret) -> bool {
    let given = notification.headers.get("authorization").and_then(|header| {
        let (scheme, credentials) = header.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("basic").then_some(())?;
        BASE64.decode(credentials.trim()).ok()
    });
    given.is_some_and(|given| expected.reveal().as_bytes().ct_eq(&given).into())
}

/// Two `token` parameters prove nothing: a proxy may have checked either.
fn has_url_token(query: &str, tokens: &[Secret]) -> bool {
    let mut given = query.split('&').filter_map(|pair| pair.strip_prefix("token="));
    let (Some(token), None) = (given.next(), given.next()) else { return false };
    let token: Vec<u8> = percent_encoding::percent_decode_str(token).collect();
    is_one_of(&token, tokens)
}
