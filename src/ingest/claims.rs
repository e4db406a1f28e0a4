//! Stores a record, after consulting the window that replicas share.
//!
//! # Promises
//! - An id that this replica remembers costs no round trip.
//! - A repeat is answered as one only if a copy of it is on a disk.
//! - Without a shared window this only appends.

use crate::ingest::Ingest;
use crate::shared::Verdict;
use crate::spool::{self, Appended, Submission};

/// The reason why nothing was stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unavailable {
    /// The spool cannot take it.
    #[error(transparent)]
    Spool(#[from] spool::Error),
    /// Another replica has been storing it for as long as a request may wait. It may still fail.
    #[error("another replica is storing it")]
    Claimed,
}

impl Ingest {
    /// Stores a record, unless this replica or another has stored its id.
    pub(super) async fn append(&self, submission: Submission) -> Result<Appended, Unavailable> {
        let Some(shared) = &self.shared else {
            return Ok(self.spool.append(submission).await?);
        };
        let id = submission.id;
        if self.spool.remembers(&id, submission.now) {
            return Ok(self.spool.append(submission).await?);
        }
        let is_degraded = match shared.claim(&id).await {
            Verdict::Store => false,
            Verdict::StoreDegraded => true,
            Verdict::Repeat => return Ok(Appended::Duplicate),
            Verdict::Claimed => return Err(Unavailable::Claimed),
        };
        match self.spool.append(submission).await {
            Ok(appended) => {
                if is_degraded && matches!(appended, Appended::New { .. }) {
                    shared.meters().degraded.inc();
                }
                Ok(appended)
            }
            Err(error) => {
                shared.release(&id);
                Err(error.into())
            }
        }
    }
}
