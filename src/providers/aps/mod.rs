//! Autodesk Platform Services: its signatures, and the form of its notifications.
//!
//! A hook's secret signs the exact body: `x-adsk-signature: sha1hash=` and HMAC-SHA1 in hex. No
//! time is signed, so only the window of remembered ids stops a replay. Tools that follow the RAPS
//! documentation send `X-APS-Signature: sha256=` and HMAC-SHA256 in hex instead; both are accepted.

pub mod catalog;
mod cloudevent;
pub mod payload;
pub mod sample;
mod time;
mod wildcard;

use crate::providers::notification::Notification;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// A hook's secret token.
#[derive(Clone)]
pub struct Key {
    // Not ring's SHA-1: it does not use the processor's own instructions, and takes four times as
    // long.
    sha1: Hmac<Sha1>,
    sha256: ring::hmac::Key,
}

impl Key {
    /// The key, its text taken as bytes.
    pub fn new(secret: &str) -> Self {
        Self {
            sha1: Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length"),
            sha256: ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes()),
        }
    }

    /// The value of `x-adsk-signature` for a body.
    pub fn sign(&self, body: &[u8]) -> String {
        let tag = self.sha1.clone().chain_update(body).finalize();
        format!("{SHA1_PREFIX}{}", hex::encode(tag.into_bytes()))
    }

    /// The value of `X-APS-Signature` for a body.
    pub fn sign_sha256(&self, body: &[u8]) -> String {
        format!("{SHA256_PREFIX}{}", hex::encode(ring::hmac::sign(&self.sha256, body)))
    }

    fn has_made_sha1(&self, signature: &[u8], body: &[u8]) -> bool {
        self.sha1.clone().chain_update(body).verify_slice(signature).is_ok()
    }

    fn has_made_sha256(&self, signature: &[u8], body: &[u8]) -> bool {
        ring::hmac::verify(&self.sha256, body, signature).is_ok()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(***)")
    }
}

/// True if one of the keys made one of the signatures.
pub fn is_signed(notification: &Notification<'_>, keys: &[Key]) -> bool {
    let signature = |header, prefix| {
        let value: &str = notification.headers.get(header)?;
        hex::decode(value.trim().strip_prefix(prefix)?).ok()
    };
    let [sha1, sha256] = SIGNATURES;
    let (sha1, sha256) = (signature(sha1, SHA1_PREFIX), signature(sha256, SHA256_PREFIX));
    let body = &notification.body;
    keys.iter().any(|key| {
        sha1.as_ref().is_some_and(|signature| key.has_made_sha1(signature, body))
            || sha256.as_ref().is_some_and(|signature| key.has_made_sha256(signature, body))
    })
}

/// The headers with a signature: by SHA-1, and by SHA-256.
pub(super) const SIGNATURES: [&str; 2] = ["x-adsk-signature", "x-aps-signature"];
const SHA1_PREFIX: &str = "sha1hash=";
const SHA256_PREFIX: &str = "sha256=";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signatures_are_those_of_the_published_formulas() {
        let body = br#"{"version":"1.0","resourceUrn":"urn:adsk.wipprod:fs.file:vf.AAAA?version=1","hook":{"hookId":"h-1","system":"data","event":"dm.version.added"},"payload":{"ext":"txt","version":"1"}}"#;
        assert_eq!(body.len(), 181);
        let key = Key::new("0123456789abcdef0123456789abcdef");

        assert_eq!(key.sign(body), "sha1hash=e2897011d8ea30a1ef226555fa0e547c60cf2a5a");
        assert_eq!(
            key.sign_sha256(body),
            "sha256=67df97b1626cd561caf64b9cada397ecb2febea73834c793be5dbfcc022f839a"
        );
    }
}
