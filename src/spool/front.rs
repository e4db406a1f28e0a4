//! What an append sees and changes: the commit that is being formed.
//!
//! # Promises
//! - An id that is on the disk, or on its way there, is not stored again.
//! - Sequences are given without a gap, in the order of the lane's records.

use crate::spool::answer::{self, Answer};
use crate::spool::forming::Forming;
use crate::spool::window::{Entry, IdKey};
use crate::spool::{Appended, Error, Inner, Limits, Submission, lock};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// What appends see and change: the commit being formed.
#[derive(Debug, Default)]
pub(super) struct Front {
    pub(super) forming: Forming,
    /// Ids of the commit that is on its way to the disk.
    pub(super) committing: HashMap<IdKey, Entry>,
    /// Bytes that wait, in the store or on the way there.
    pub(super) pending_bytes: u64,
    pub(super) next_sequence: u64,
    /// Everything in the active segment is drained: begin a new one.
    pub(super) leave_segment: bool,
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum State {
    #[default]
    Open,
    Closing,
    Failed,
}

pub(super) enum Waiting {
    Done(Appended),
    ForCommit(answer::Waiting),
}

impl Inner {
    pub(super) fn append(&self, mut submission: Submission) -> Result<Waiting, Error> {
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
        let (answer, waiting) = answer::pair();
        if front.is_on_its_way(&submission.id) {
            front.state.admits_answers()?;
            front.forming.answers.push((answer, Appended::Duplicate));
        } else if let Some(first) = self.find_fact(&front, &submission)? {
            front.state.admits_answers()?;
            let entry = Entry { accepted_at: submission.now, ..first };
            front.forming.remember(submission.id, entry);
            front.forming.answers.push((answer, Appended::Duplicate));
        } else {
            front.admits(&self.limits, &self.disk_low)?;
            front.take_in(&mut submission, answer);
        }
        let first_to_wait = front.forming.answers.len() == 1;
        drop(front);
        if first_to_wait {
            self.work.notify_one();
        }
        Ok(Waiting::ForCommit(waiting))
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
            let entry = match front.on_its_way(key) {
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

    pub(super) fn remembered(&self, id: &IdKey) -> Result<Option<Entry>, Error> {
        self.store.find_id(id).map_err(|error| {
            tracing::error!(error = %error, "cannot look up an id");
            Error::Failed
        })
    }
}

impl Front {
    pub(super) fn is_on_its_way(&self, id: &IdKey) -> bool {
        self.on_its_way(id).is_some()
    }

    fn on_its_way(&self, id: &IdKey) -> Option<&Entry> {
        self.forming.known.get(id).or_else(|| self.committing.get(id))
    }

    pub(super) fn admits(&self, limits: &Limits, disk_low: &AtomicBool) -> Result<(), Error> {
        self.state.admits_answers()?;
        if self.pending_bytes >= limits.max_bytes || self.forming.bytes >= MAX_FORMING_BYTES {
            return Err(Error::Full);
        }
        if disk_low.load(Ordering::Relaxed) { Err(Error::DiskLow) } else { Ok(()) }
    }

    fn take_in(&mut self, submission: &mut Submission, answer: Answer) {
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
        self.forming.answers.push((answer, Appended::New { sequence }));
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
