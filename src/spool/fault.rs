//! The faults of stored data: damaged, or unreadable.

use crate::spool::window::old_ids;
use serde::{Deserialize, Serialize};

/// A part of the spool that is not as it was written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Damage {
    /// The file, or the part of the spool.
    pub place: String,
    /// The fault.
    pub fault: String,
}

impl Damage {
    /// A fault at a place.
    pub fn at(place: impl Into<String>, fault: impl Into<String>) -> Self {
        Self { place: place.into(), fault: fault.into() }
    }
}

/// The reason why stored data cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not what was written. The next start reports the loss.
    #[error("the spool is damaged: {0}")]
    Damaged(String),
    /// The system does not return it.
    #[error("the spool cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// The window's store does not return it.
    #[error(transparent)]
    Window(#[from] old_ids::Error),
}

impl From<std::io::Error> for ReadError {
    fn from(error: std::io::Error) -> Self {
        Self::Unreadable(error)
    }
}
