//! Walks a lane forward, one chunk at a time.

use crate::spool::ReadError;
use crate::spool::lanes::chunk::{Chunk, Stored};
use std::sync::Arc;

/// The records of a chunk after a sequence: at least one.
#[derive(Clone, Debug)]
pub struct Rest {
    /// The chunk that holds them.
    pub chunk: Arc<Chunk>,
    /// The sequence that they follow.
    pub after: u64,
}

impl Rest {
    /// The records, in order.
    pub fn records(&self) -> impl Iterator<Item = Stored<'_>> {
        self.chunk.records().filter(|record| record.sequence > self.after)
    }

    /// The sequence of the last one.
    pub fn last(&self) -> u64 {
        self.chunk.last
    }
}

/// Iterates over the records of a lane after a sequence. `find` returns the chunk with the first
/// record after a sequence, while there is one.
pub fn walk(
    after: u64,
    mut find: impl FnMut(u64) -> Result<Option<Arc<Chunk>>, ReadError>,
) -> impl Iterator<Item = Result<Rest, ReadError>> {
    let mut after = after;
    std::iter::from_fn(move || {
        let found = find(after).transpose()?;
        Some(found.map(|chunk| {
            let rest = Rest { chunk, after };
            after = rest.last();
            rest
        }))
    })
}
