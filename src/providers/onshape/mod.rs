//! Onshape: its signatures, and the form of its notifications.
//!
//! A company has up to two keys, and a notification one signature by each: Base64 of
//! HMAC-SHA256(key, timestamp header + "." + body). After a rotation "our" key may sit in either
//! slot, so each key is tried against both headers.

pub mod catalog;
pub(super) mod data_token;
pub mod payload;
pub mod sample;

use crate::event::time;
use crate::providers::notification::Notification;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use subtle::ConstantTimeEq as _;

/// A company's webhook key.
#[derive(Clone, Debug)]
pub struct Key(hmac::Key);

impl Key {
    /// The key, its text taken as bytes: Onshape's are not Base64, although they look like it.
    pub fn new(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }

    /// The value of the signature header for a body sent at the time in the timestamp header.
    pub fn sign(&self, timestamp: &str, body: &[u8]) -> String {
        BASE64.encode(self.tag(timestamp, body))
    }

    fn tag(&self, timestamp: &str, body: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(timestamp.as_bytes());
        context.update(b".");
        context.update(body);
        context.sign()
    }
}

/// True if one of the keys made one of the signatures, and the signed time is neither older than
/// `freshness` nor more than [`MAX_AHEAD`] ahead of our clock.
pub fn is_signed(
    notification: &Notification<'_>,
    keys: &[Key],
    freshness: SignedDuration,
    now: Timestamp,
) -> bool {
    let Some(timestamp) = notification.headers.get(TIMESTAMP) else { return false };
    if !is_fresh(timestamp, freshness, now) {
        return false;
    }
    let signatures = SIGNATURES
        .map(|name| BASE64.decode(notification.headers.get(name).unwrap_or_default().trim()));
    keys.iter().any(|key| {
        let tag = key.tag(timestamp, &notification.body);
        signatures.iter().flatten().any(|signature| tag.as_ref().ct_eq(signature).into())
    })
}

/// True if a signed time can be read, and is neither too old nor too far ahead.
pub(super) fn is_fresh(timestamp: &str, freshness: SignedDuration, now: Timestamp) -> bool {
    time::read_leniently(timestamp).is_some_and(|sent_at| {
        let age = now.duration_since(sent_at);
        age <= freshness && age >= -MAX_AHEAD
    })
}

/// The header with the signed time.
pub(super) const TIMESTAMP: &str = "x-onshape-webhook-timestamp";
/// The headers with a signature.
pub(super) const SIGNATURES: [&str; 2] =
    ["x-onshape-webhook-signature-primary", "x-onshape-webhook-signature-secondary"];
/// The greatest lead of Onshape's clock over ours. A signature stays fresh for so much longer than
/// the window, so an id is remembered for so much longer, too.
pub const MAX_AHEAD: SignedDuration = SignedDuration::from_mins(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_published_formula() {
        let body = br#"{"jsonType":"lifecycle","timestamp":"2024-05-06T04:45:10.611+0000","event":"webhook.register","webhookId":"66385c16aa00000000000001","messageId":"66385c16bb00000000000001","data":"relay-7"}"#;
        assert_eq!(body.len(), 189);

        let sign = |secret| Key::new(secret).sign("1714970710611", body);

        assert_eq!(sign("test-primary-key-0001"), "pgtBDsMpzUQfTvwd9nBlTDP54pFqPnyRtpoosTe0G+k=");
        assert_eq!(sign("test-secondary-key-0002"), "yS/P/r7zr6/5zOutjTHiLfC6s6bAxUkBOiWvXhP+Ys4=");
    }
}
