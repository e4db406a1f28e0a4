//! Scripts that Redis runs as one step, and their calls.

use sha1::{Digest, Sha1};

/// A script that the server runs as one step.
#[derive(Debug)]
pub struct Script {
    pub(super) text: &'static str,
    pub(super) digest: String,
}

impl Script {
    /// Makes a script of this text.
    pub fn new(text: &'static str) -> Self {
        Self { text, digest: hex::encode(Sha1::digest(text)) }
    }
}

/// One run of a script: its keys and its other arguments.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The keys, all of one slot in a cluster.
    pub keys: Vec<String>,
    /// The other arguments.
    pub arguments: Vec<String>,
}
