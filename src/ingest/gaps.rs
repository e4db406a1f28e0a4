//! Stores a gap as an event of the relay's own, in the same way as every other record: committed
//! with its id, in the order of its lane.

use crate::event::gap::Gap;
use crate::ingest::claims::Unavailable;
use crate::ingest::{Ingest, Now};
use crate::record::gap;
use crate::spool::window::IdKey;
use crate::spool::{Appended, Submission};

impl Ingest {
    /// Stores a gap of this source. One that was stored before is a duplicate, during the whole
    /// window.
    pub async fn tell(&self, gap: &Gap, now: Now) -> Result<Appended, Unavailable> {
        let submission = Submission {
            id: IdKey::of_id(self.source.name(), gap.id().as_str()),
            fact: None,
            lane: self.routes.of_group(gap::group(gap.provider)),
            record: gap::encode(gap, now.wall, self.encoding),
            account: self.accounts.of_gaps(gap.why),
            now: now.steady,
        };
        self.append(submission).await
    }
}
