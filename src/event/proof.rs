//! What was proven about the sender of an event.

use std::borrow::Cow;

/// A way of proving where a notification comes from.
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
    /// All of them.
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

/// All that was proven of one notification: `hmac`, `hmac+basic`, or `none` where the source's
/// configuration says that nothing is asked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Proofs {
    /// One bit for each.
    held: u8,
}

impl Proofs {
    /// Nothing was asked.
    pub const NONE: Self = Self { held: 0 };

    /// These, and one more.
    pub fn with(self, proof: Proof) -> Self {
        Self { held: self.held | 1 << proof as u8 }
    }

    /// Those that held, in the order of [`Proof::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Proof> {
        Proof::ALL.into_iter().filter(move |proof| self.held & 1 << *proof as u8 != 0)
    }

    /// Reads what was written of them. `None` if it names a proof that we do not know.
    pub fn read(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(Self::NONE);
        }
        let proof = |name: &str| Proof::ALL.into_iter().find(|proof| proof.as_str() == name);
        text.split('+').map(proof).collect()
    }

    /// The names, joined by plus signs. Most sources ask for one proof, whose name is at hand.
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
