//! What was proven about the sender of an event.

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
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Proofs(Vec<Proof>);

impl Proofs {
    /// Nothing was asked.
    pub const NONE: Self = Self(Vec::new());

    /// The proofs that held, in the order they were checked.
    pub fn new(held: Vec<Proof>) -> Self {
        Self(held)
    }

    /// Reads what was written of them. `None` if it names a proof that we do not know.
    pub fn read(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(Self::NONE);
        }
        let proof = |name: &str| Proof::ALL.into_iter().find(|proof| proof.as_str() == name);
        text.split('+').map(proof).collect::<Option<_>>().map(Self)
    }
}

impl std::fmt::Display for Proofs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some((first, rest)) = self.0.split_first() else {
            return f.write_str("none");
        };
        f.write_str(first.as_str())?;
        rest.iter().try_for_each(|proof| write!(f, "+{}", proof.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for held in [vec![], vec![Proof::Hmac], Proof::ALL.to_vec()] {
            let proofs = Proofs::new(held);

            assert_eq!(Proofs::read(&proofs.to_string()), Some(proofs));
        }
    }

    #[test]
    fn a_proof_that_is_not_known_is_none_of_ours() {
        for text in ["", "hmac+", "hmac+oath", "HMAC"] {
            assert_eq!(Proofs::read(text), None, "{text}");
        }
    }
}
