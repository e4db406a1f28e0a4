//! The sign-in and the access checks of APS.

use crate::lock::lock;
use crate::secret::Secret;
use crate::simulator::Secrets;
use actix_web::HttpRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{self, SystemRandom};
use std::collections::HashSet;
use std::sync::Mutex;

/// Decides on access. Without configured credentials it admits anybody who shows some.
#[derive(Debug)]
pub struct Gate {
    secrets: Secrets,
    issued: Mutex<HashSet<String>>,
}

/// The caller behind a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Caller {
    /// An app (2-legged).
    App,
    /// A user (3-legged).
    User,
}

impl Gate {
    /// A gate for these credentials.
    pub fn new(secrets: Secrets) -> Self {
        Self { secrets, issued: Mutex::default() }
    }

    /// Returns an access token for an app that shows its id and secret, as Basic or, like older
    /// clients, in the form.
    pub fn sign_in(&self, request: &HttpRequest, form: &[u8]) -> Option<String> {
        let field = |name: &str| {
            url::form_urlencoded::parse(form)
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        let basic = header(request, "authorization").strip_prefix("Basic ").and_then(|text| {
            let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
            let (id, secret) = text.split_once(':')?;
            Some((id.to_owned(), secret.to_owned()))
        });
        let (id, secret) = match basic {
            Some(pair) => pair,
            None => (field("client_id")?, field("client_secret")?),
        };
        if !same(&self.secrets.id, &id) || !same(&self.secrets.secret, &secret) {
            return None;
        }
        let bytes: [u8; 24] = rand::generate(&SystemRandom::new()).ok()?.expose();
        let token = format!("simulated-{}", hex::encode(bytes));
        lock(&self.issued).insert(token.clone());
        Some(token)
    }

    /// The caller, if it has access.
    pub fn admit(&self, request: &HttpRequest) -> Option<Caller> {
        let token = header(request, "authorization").strip_prefix("Bearer ")?;
        if lock(&self.issued).contains(token) {
            return Some(Caller::App);
        }
        let anybody = self.secrets.id.is_none() && self.secrets.token.is_none();
        let known = self.secrets.token.as_ref().is_some_and(|known| known.reveal() == token);
        ((anybody && !token.is_empty()) || known).then_some(Caller::User)
    }
}

/// True if this is the secret, or, if none is set, any text.
fn same(secret: &Option<Secret>, shown: &str) -> bool {
    match secret {
        Some(secret) => secret.reveal() == shown,
        None => !shown.is_empty(),
    }
}

fn header<'r>(request: &'r HttpRequest, name: &str) -> &'r str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
