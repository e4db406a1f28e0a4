//! The path of an append: admitted, gathered into a group, answered by the group's commit.
//!
//! An append reads the disk only to look up an id that is old and known; for a new id a filter in
//! memory is enough.

pub(super) mod admission;
pub(super) mod group;
#[cfg(test)]
mod model;
pub mod submission;
pub(super) mod ticket;
pub mod wake;

use crate::lock::lock;
#[cfg(feature = "mutants")]
use crate::mutants;
use crate::spool::Spool;
use crate::spool::append::admission::Waiting;
use crate::spool::append::submission::{Appended, Error, Submission};
use crate::spool::window::IdKey;

impl Spool {
    /// Stores a record, unless its id is remembered, and returns when it is on the disk.
    ///
    /// A repeat of an id that is not on the disk yet waits for the same commit.
    pub async fn append(&self, submission: Submission) -> Result<Appended, Error> {
        match self.inner.append(submission)? {
            Waiting::Done(appended) => Ok(appended),
            #[cfg(feature = "mutants")]
            Waiting::ForCommit(_) if mutants::on(mutants::Mutant::AnswerBeforeCommit) => {
                Ok(Appended::New { sequence: 0 })
            }
            Waiting::ForCommit(ticket) => ticket.await,
        }
    }

    /// Checks that an append would be stored now.
    pub fn readiness(&self) -> Result<(), Error> {
        lock(&self.inner.admission).admits(&self.inner)
    }

    /// Remembers an id longer than the window, for as long as this directory is kept. It costs some
    /// tens of bytes: meant for actions of people, not of senders.
    pub fn remember_for_good(&self, id: &IdKey) {
        // The window remembers it as well, so a failure can be repeated later.
        if let Err(error) = self.inner.old_ids.remember_for_good(id) {
            tracing::warn!(error = %error, "cannot remember a replay longer than the window");
        }
    }

    /// True if an id is remembered for good.
    pub fn remembers_for_good(&self, id: &IdKey) -> Result<bool, Error> {
        self.inner.old_ids.remembers_for_good(id).map_err(|error| {
            tracing::error!(error = %error, "cannot look up an id");
            Error::Failed
        })
    }

    /// True if an id is remembered, or will be by a commit that is on its way.
    pub fn remembers(&self, id: &IdKey, now: u64) -> bool {
        let entry = self.inner.entry(id);
        entry.is_some_and(|entry| self.inner.period.remembers(&entry, now))
    }
}
