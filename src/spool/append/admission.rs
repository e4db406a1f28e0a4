//! What an append sees and changes: the commit that is being formed.
//!
//! # Promises
//! - An id that is on the disk, or on its way there, is not stored again.
//! - Sequences are given without a gap, in the order of the lane's records.

use crate::spool::append::group::Group;
use crate::spool::append::ticket::{Commit, Ticket};
use crate::spool::window::{Entry, IdKey};
use crate::spool::{Appended, Error, Inner, Limits, Submission, lock};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What appends see and change: the commit being formed.
#[derive(Debug, Default)]
pub(in crate::spool) struct Front {
    pub(in crate::spool) forming: Group,
    /// Ids of the commit that is on its way to the disk, and the commit.
    pub(in crate::spool) committing: HashMap<IdKey, Entry>,
    pub(in crate::spool) on_its_way: Arc<Commit>,
    /// Bytes that wait, in the store or on the way there.
    pub(in crate::spool) pending_bytes: u64,
    pub(in crate::spool) next_sequence: u64,
    /// Everything in the active segment is drained: begin a new one.
    pub(in crate::spool) leave_segment: bool,
    pub(in crate::spool) state: State,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::spool) enum State {
    #[default]
    Open,
    Closing,
    Failed,
}

pub(in crate::spool) enum Waiting {
    Done(Appended),
    ForCommit(Ticket),
}

impl Inner {
    pub(in crate::spool) fn append(&self, mut submission: Submission) -> Result<Waiting, Error> {
        // Look in the store without holding anyone up. Whatever is committed between this look and
        // the lock moves the epoch on, and then we look again under the lock.
        let epoch = self.epoch.load(Ordering::Acquire);
        if let Some(appended) = self.find_stored(&submission)? {
            return Ok(appended);
        }
        let mut front = lock(&self.front);
        if self.epoch.load(Ordering::Acquire) != epoch
            && let Some(appended) = self.find_stored(&submission)?
        {
            return Ok(appended);
        }
        let was_empty = front.forming.is_empty();
        let ticket = if let Some(commit) = front.commit_of(&submission.id) {
            // A repeat of what is not on the disk yet shares the fate of the first.
            commit.ticket(Appended::Duplicate)
        } else if let Some(first) = self.find_fact(&front, &submission)? {
            front.state.admits_answers()?;
            let entry = Entry { accepted_at: submission.now, ..first };
            front.forming.remember(submission.id, entry);
            front.forming.commit.ticket(Appended::Duplicate)
        } else {
            front.admits(&self.limits, &self.disk_low)?;
            let sequence = front.take_in(&mut submission);
            front.forming.commit.ticket(Appended::New { sequence })
        };
        let has_begun = was_empty && !front.forming.is_empty();
        drop(front);
        if has_begun {
            self.work.notify_one();
        }
        Ok(Waiting::ForCommit(ticket))
    }

    fn find_stored(&self, submission: &Submission) -> Result<Option<Waiting>, Error> {
        let entry = self.remembered(&submission.id)?;
        let repeat = entry.is_some_and(|entry| self.slicing.remembers(&entry, submission.now));
        Ok(repeat.then_some(Waiting::Done(Appended::Duplicate)))
    }

    /// Another hook's telling of the same fact, if it is recent enough.
    fn find_fact(&self, front: &Front, submission: &Submission) -> Result<Option<Entry>, Error> {
        let Some(telling) = &submission.fact else { return Ok(None) };
        let within = u64::try_from(telling.within.as_millis()).unwrap_or(u64::MAX);
        let recent = |key| -> Result<Option<Entry>, Error> {
            let entry = match front.entry_on_its_way(key) {
                Some(entry) => Some(*entry),
                None => self.remembered(key)?,
            };
            Ok(entry.filter(|entry| submission.now.saturating_sub(entry.accepted_at) < within))
        };
        let Some(entry) = recent(&telling.fact)? else { return Ok(None) };
        // The hook whose telling was stored tells of another change that looks the same.
        let is_another = recent(&telling.by_hook)?.is_some();
        Ok((!is_another).then_some(entry))
    }

    pub(in crate::spool) fn remembered(&self, id: &IdKey) -> Result<Option<Entry>, Error> {
        self.store.find_id(id).map_err(|error| {
            tracing::error!(error = %error, "cannot look up an id");
            Error::Failed
        })
    }
}

impl Front {
    /// The commit that carries an id, if it is not on the disk yet.
    pub(in crate::spool) fn commit_of(&self, id: &IdKey) -> Option<&Arc<Commit>> {
        if self.forming.known.contains_key(id) {
            Some(&self.forming.commit)
        } else if self.committing.contains_key(id) {
            Some(&self.on_its_way)
        } else {
            None
        }
    }

    fn entry_on_its_way(&self, id: &IdKey) -> Option<&Entry> {
        self.forming.known.get(id).or_else(|| self.committing.get(id))
    }

    pub(in crate::spool) fn admits(
        &self,
        limits: &Limits,
        disk_low: &AtomicBool,
    ) -> Result<(), Error> {
        self.state.admits_answers()?;
        if self.pending_bytes >= limits.max_bytes || self.forming.bytes >= MAX_FORMING_BYTES {
            return Err(Error::Full);
        }
        if disk_low.load(Ordering::Relaxed) { Err(Error::DiskLow) } else { Ok(()) }
    }

    fn take_in(&mut self, submission: &mut Submission) -> u64 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        submission.record.stamp(sequence);
        let entry = Entry { accepted_at: submission.now, sequence, lane: submission.lane };
        self.pending_bytes += submission.record.as_bytes().len() as u64;
        self.forming.push(submission.id, entry, &submission.record, submission.account);
        if let Some(telling) = submission.fact {
            self.forming.remember(telling.fact, entry);
            self.forming.remember(telling.by_hook, entry);
        }
        sequence
    }
}

impl State {
    fn admits_answers(self) -> Result<(), Error> {
        match self {
            Self::Open => Ok(()),
            Self::Closing => Err(Error::Closing),
            Self::Failed => Err(Error::Failed),
        }
    }
}

/// What may wait in memory for the next commit; reached only when the disk stands still.
const MAX_FORMING_BYTES: u64 = 64 << 20;
