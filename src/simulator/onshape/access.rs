//! The access checks of Onshape: Basic, signed and OAuth requests.

use crate::lock::lock;
use crate::secret::Secret;
use crate::simulator::Secrets;
use crate::webhooks::onshape::credentials::signed_text;
use actix_web::HttpRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use ring::hmac;
use std::collections::HashSet;
use std::sync::Mutex;

/// Decides on access. Without configured keys it admits anybody who shows some.
#[derive(Debug)]
pub struct Gate {
    secrets: Secrets,
    nonces: Mutex<HashSet<String>>,
}

impl Gate {
    /// A gate for these keys.
    pub fn new(secrets: Secrets) -> Self {
        Self { secrets, nonces: Mutex::default() }
    }

    /// Admits a request, or returns the reason for refusing it.
    pub fn admit(&self, request: &HttpRequest, now: Timestamp) -> Result<(), &'static str> {
        let proof = header(request, "authorization");
        let right = match proof.split_once(' ') {
            Some(("Basic", credentials)) => self.is_basic(credentials),
            Some(("Bearer", token)) => same(&self.secrets.token, token),
            Some(("On", signature)) => return self.admit_signed(request, signature, now),
            _ => return Err("Unauthenticated API request"),
        };
        if right { Ok(()) } else { Err("Unauthenticated API request: unknown credentials") }
    }

    fn is_basic(&self, credentials: &str) -> bool {
        let decoded =
            STANDARD.decode(credentials).ok().and_then(|text| String::from_utf8(text).ok());
        decoded.as_deref().and_then(|text| text.split_once(':')).is_some_and(|(access, secret)| {
            same(&self.secrets.id, access) && same(&self.secrets.secret, secret)
        })
    }

    fn admit_signed(
        &self,
        request: &HttpRequest,
        signature: &str,
        now: Timestamp,
    ) -> Result<(), &'static str> {
        let mut parts = signature.splitn(3, ':');
        let access = parts.next().unwrap_or_default();
        let (Some("HmacSHA256"), Some(signature)) = (parts.next(), parts.next()) else {
            return Err("the signature must be On {key}:HmacSHA256:{signature}");
        };
        let (nonce, date) = (header(request, "on-nonce"), header(request, "date"));
        if nonce.len() < 16 || !nonce.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err("On-Nonce must be at least 16 letters and digits");
        }
        if sent_at(date).is_none_or(|sent| sent.duration_since(now).abs().as_secs() > MAX_AGE) {
            return Err("Date must be within five minutes");
        }
        if !lock(&self.nonces).insert(nonce.to_owned()) {
            return Err("On-Nonce was used before");
        }
        let text = signed_text(
            request.method().as_str(),
            nonce,
            date,
            header(request, "content-type"),
            request.uri().path(),
            request.uri().query().unwrap_or_default(),
        );
        let right = self.secrets.secret.as_ref().is_none_or(|secret| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
            STANDARD
                .decode(signature)
                .is_ok_and(|signature| hmac::verify(&key, text.as_bytes(), &signature).is_ok())
        });
        if right && same(&self.secrets.id, access) { Ok(()) } else { Err("the signature is wrong") }
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

fn sent_at(date: &str) -> Option<Timestamp> {
    let date = strtime::parse(DATE_FORMAT, date).ok()?.to_datetime().ok()?;
    TimeZone::UTC.to_timestamp(date).ok()
}

const DATE_FORMAT: &str = "%a, %d %b %Y %H:%M:%S GMT";
const MAX_AGE: i64 = 300;
