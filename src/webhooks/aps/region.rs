//! The region in which APS keeps a hook. Every call must name the region in which the hook was
//! created.

use serde::{Deserialize, Serialize};

/// A region of APS.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Region {
    /// The United States.
    #[default]
    Us,
    /// Europe, the Middle East and Africa.
    Emea,
    /// Australia.
    Aus,
    /// Canada.
    Can,
    /// Germany.
    Deu,
    /// India.
    Ind,
    /// Japan.
    Jpn,
    /// Great Britain.
    Gbr,
}

/// The text is not the name of a region.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the region must be one of US EMEA AUS CAN DEU IND JPN GBR")]
pub struct UnknownRegion;

impl Region {
    /// All regions.
    pub const ALL: [Self; 8] =
        [Self::Us, Self::Emea, Self::Aus, Self::Can, Self::Deu, Self::Ind, Self::Jpn, Self::Gbr];

    /// The name in headers, configuration and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Us => "US",
            Self::Emea => "EMEA",
            Self::Aus => "AUS",
            Self::Can => "CAN",
            Self::Deu => "DEU",
            Self::Ind => "IND",
            Self::Jpn => "JPN",
            Self::Gbr => "GBR",
        }
    }
}

impl std::str::FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(text: &str) -> Result<Self, UnknownRegion> {
        let named = |region: &Self| region.as_str().eq_ignore_ascii_case(text);
        Self::ALL.into_iter().find(named).ok_or(UnknownRegion)
    }
}

impl std::fmt::Display for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
