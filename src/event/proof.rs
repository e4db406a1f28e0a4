//! The proofs of an event's sender.

use std::borrow::Cow;

/// A way to prove the origin of a notification.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Proof {
    /// A signature over the exact body.
    Hmac,
    /// HTTP Basic credentials.
    Basic,
    /// A secret in the URL's query.
    UrlToken,
    /// A secret echoed in the body's `data`.
    DataToken,
}

impl Proof {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Hmac, Self::Basic, Self::UrlToken, Self::DataToken];

    /// The name in configuration, `ce_verified` and the console.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hmac => "hmac",
            Self::Basic => "basic",
            Self::UrlToken => "url_token",
            Self::DataToken => "data_token",
        }
    }
}

/// The proofs that held for one notification: `hmac`, `hmac+basic`, or `none` if the source's
/// configuration asks for nothing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Proofs {
    /// One bit for each kind.
    held: u8,
}

impl Proofs {
    /// No proof was asked for.
    pub const NONE: Self = Self { held: 0 };

    /// Adds one proof.
    pub fn with(self, proof: Proof) -> Self {
        Self { held: self.held | 1 << proof as u8 }
    }

    /// Iterates over the proofs that held, in the order of [`Proof::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Proof> {
        Proof::ALL.into_iter().filter(move |proof| self.held & 1 << *proof as u8 != 0)
    }

    /// Reads the text written by [`Proofs::text`]. `None` if it names a proof that we do not know.
    pub fn read(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(Self::NONE);
        }
        let proof = |name: &str| Proof::ALL.into_iter().find(|proof| proof.as_str() == name);
        text.split('+').map(proof).collect()
    }

    /// The names, joined by plus signs. Borrowed if there is only one, as for most sources.
    pub fn text(self) -> Cow<'static, str> {
        let mut held = self.iter();
        match (held.next(), held.next()) {
            (None, _) => "none".into(),
            (Some(only), None) => only.as_str().into(),
            (Some(_), Some(_)) => {
                let names: Vec<_> = self.iter().map(Proof::as_str).collect();
                names.join("+").into()
            }
        }
    }
}

impl FromIterator<Proof> for Proofs {
    fn from_iter<I: IntoIterator<Item = Proof>>(proofs: I) -> Self {
        proofs.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for held in [vec![], vec![Proof::Hmac], Proof::ALL.to_vec()] {
            let proofs: Proofs = held.into_iter().collect();

            assert_eq!(Proofs::read(&proofs.text()), Some(proofs));
        }
    }

    #[test]
    fn a_proof_that_is_not_known_is_none_of_ours() {
        for text in ["", "hmac+", "hmac+oath", "HMAC"] {
            assert_eq!(Proofs::read(text), None, "{text}");
        }
    }
}
