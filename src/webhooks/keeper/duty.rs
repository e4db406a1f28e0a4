//! The duty of looking after the subscriptions, among several replicas.

use serde::Serialize;
use std::fmt;
use std::pin::Pin;

/// The replica that looks after the subscriptions, as seen from this one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Duty {
    /// This replica.
    Here,
    /// Another replica.
    Elsewhere,
    /// Nobody knows, so no replica does it.
    Unknown,
    /// This replica is not enabled.
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

/// The permission to make a change at a provider, asked for before each one.
pub struct Permission(Box<Ask>);

type Ask = dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync;

impl Permission {
    /// Allows every change: there is no other replica.
    pub fn always() -> Self {
        Self::asked(|| async { true })
    }

    /// Allows a change if `ask` returns true.
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
