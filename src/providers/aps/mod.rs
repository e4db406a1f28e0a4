//! Autodesk Platform Services: how it signs, and what its notifications look like.
//!
//! A hook's secret signs the exact body: `x-adsk-signature: sha1hash=` and HMAC-SHA1 in hex. No time
//! is signed, so only the window of remembered ids stops a replay. Tools that follow the RAPS
//! documentation send `X-APS-Signature: sha256=` and HMAC-SHA256 in hex instead; both are believed.

pub mod catalog;
pub mod sample;

use crate::providers::notification::Notification;
use ring::hmac;
use subtle::ConstantTimeEq as _;

/// A hook's secret token.
#[derive(Clone, Debug)]
pub struct Key {
    sha1: hmac::Key,
    sha256: hmac::Key,
}

impl Key {
    /// The key, its text taken as bytes.
    pub fn new(secret: &str) -> Self {
        Self {
            sha1: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes()),
            sha256: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
        }
    }

    /// The value of `x-adsk-signature` for a body.
    pub fn sign(&self, body: &[u8]) -> String {
        format!("{SHA1_PREFIX}{}", hex::encode(hmac::sign(&self.sha1, body)))
    }

    /// The value of `X-APS-Signature` for a body.
    pub fn sign_sha256(&self, body: &[u8]) -> String {
        format!("{SHA256_PREFIX}{}", hex::encode(hmac::sign(&self.sha256, body)))
    }
}

/// Whether one of the keys made one of the signatures.
pub fn is_signed(notification: &Notification<'_>, keys: &[Key]) -> bool {
    let signature = |header, prefix| {
        let value: &str = notification.headers.get(header)?;
        hex::decode(value.trim().strip_prefix(prefix)?).ok()
    };
    let sha1 = signature("x-adsk-signature", SHA1_PREFIX);
    let sha256 = signature("x-aps-signature", SHA256_PREFIX);
    let made = |key: &hmac::Key, signature: &Option<Vec<u8>>| {
        signature.as_ref().is_some_and(|signature| {
            hmac::sign(key, &notification.body).as_ref().ct_eq(signature).into()
        })
    };
    keys.iter().any(|key| made(&key.sha1, &sha1) || made(&key.sha256, &sha256))
}

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
