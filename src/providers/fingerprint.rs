//! Compares the secrets of two sources without keeping the secrets.

use crate::secret::Secret;
use ring::digest::{Context, Digest, SHA256};

/// A digest of secrets, in order.
#[derive(Clone, Debug)]
pub struct Fingerprint(Digest);

impl Fingerprint {
    /// Computes the fingerprint of these secrets.
    pub(super) fn of<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut context = Context::new(&SHA256);
        for secret in secrets {
            let text = secret.reveal();
            // The length goes in too, so that no two lists give the same bytes.
            context.update(&(text.len() as u64).to_be_bytes());
            context.update(text.as_bytes());
        }
        Self(context.finish())
    }
}

impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref() == other.0.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_secret_or_order_is_another_fingerprint() {
        let of = |secrets: &[&str]| {
            let secrets: Vec<_> = secrets.iter().map(|text| Secret::new(*text)).collect();
            Fingerprint::of(&secrets)
        };

        assert_eq!(of(&["one", "two"]), of(&["one", "two"]));
        for other in [of(&["two", "one"]), of(&["onetwo"]), of(&["one", "two", ""])] {
            assert_ne!(of(&["one", "two"]), other);
        }
    }
}
