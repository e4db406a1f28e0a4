//! The senders of notifications.

use serde::{Deserialize, Serialize};

/// A sender that the relay understands. A closed set: adding one lists the work to do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Onshape.
    Onshape,
    /// Autodesk Platform Services, formerly Forge.
    Aps,
}

impl Provider {
    /// All providers, in the order in which people see them.
    pub const ALL: [Self; 2] = [Self::Onshape, Self::Aps];

    /// The providers that are named, each once, in the order of [`Self::ALL`].
    pub fn among(named: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let named: Vec<Self> = named.into_iter().collect();
        Self::ALL.into_iter().filter(|provider| named.contains(provider)).collect()
    }

    /// The name in configuration, topics, labels and URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Onshape => "onshape",
            Self::Aps => "aps",
        }
    }
}

impl std::fmt::Display for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
