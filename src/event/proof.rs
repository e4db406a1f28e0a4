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
    /// The proofs that held, in the order they were checked.
    pub fn new(held: Vec<Proof>) -> Self {
        Self(held)
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
