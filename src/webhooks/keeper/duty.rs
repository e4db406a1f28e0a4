//! Who looks after the subscriptions, of several replicas.

use serde::Serialize;
use std::fmt;
use std::pin::Pin;

/// Who looks after the subscriptions.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Duty {
    /// This replica does.
    Here,
    /// Another replica does.
    Elsewhere,
    /// Nobody can tell, so nobody does.
    Unknown,
    /// This replica is not to do it.
    Off,
}

impl Duty {
    /// The name in answers and in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Elsewhere => "elsewhere",
            Self::Unknown => "unknown",
            Self::Off => "off",
        }
    }
}

/// The right to make a change at a provider, asked for before each one.
pub struct Permission(Box<Ask>);

type Ask = dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync;

impl Permission {
    /// Every change is allowed: there is no other replica.
    pub fn always() -> Self {
        Self::asked(|| async { true })
    }

    /// A change is allowed when the answer is yes.
    pub fn asked<F>(ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        Self(Box::new(move || Box::pin(ask())))
    }

    pub(super) async fn is_given(&self) -> bool {
        (self.0)().await
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permission")
    }
}
