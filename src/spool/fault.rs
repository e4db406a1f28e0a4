//! What is not as it was written, and what cannot be read.

use crate::spool::window::old_ids;
use serde::{Deserialize, Serialize};

/// Something that is not as it was written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Damage {
    /// The file, or the part of the spool.
    pub place: String,
    /// What is wrong there.
    pub fault: String,
}

impl Damage {
    /// A fault at a place.
    pub fn at(place: impl Into<String>, fault: impl Into<String>) -> Self {
        Self { place: place.into(), fault: fault.into() }
    }
}

/// Why something stored cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not what was written. The next start says what is lost.
    #[error("the spool is damaged: {0}")]
    Damaged(String),
    /// The system does not give it.
    #[error("the spool cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// The window's store does not.
    #[error(transparent)]
    Window(#[from] old_ids::Error),
}
