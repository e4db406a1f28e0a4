//! Admits an append into the group that gathers for the next commit, or answers it from what is
//! known.
//!
//! # Promises
//! - An id that is on the disk, or on its way there, is not stored again.
//! - Sequences are given without a gap, in the order of the lanes' records.

use crate::lock::lock;
use crate::spool::append::group::Group;
use crate::spool::append::ticket::{Commit, Ticket};
use crate::spool::notes::Note;
#[cfg(test)]
use crate::spool::planted::{self, Planted};
use crate::spool::window::recent::{Recent, RecentId};
use crate::spool::window::{IdEntry, IdKey};
use crate::spool::{Appended, Error, Inner, Submission};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The state that appends see and change, behind one lock.
#[derive(Debug, Default)]
pub(in crate::spool) struct Admission {
    pub(in crate::spool) group: Group,
    /// The commit that is on its way to the disk.
    pub(in crate::spool) on_its_way: Arc<Commit>,
    /// The number of the last frame that is on the disk.
    pub(in crate::spool) committed_frame: u64,
    /// The number of the last frame that the writer has taken.
    pub(in crate::spool) taken_frame: u64,
    /// Ids that are not absorbed into the window's slices.
    pub(in crate::spool) recent: Recent,
    /// Grows when recent ids are about to be forgotten because the slices have them.
    pub(in crate::spool) absorbed: u64,
    pub(in crate::spool) next_sequence: u64,
    /// The notes on left records for the next frame.
    pub(in crate::spool) notes: Vec<Note>,
    /// The steps that the writer is asked to take beside the group.
    pub(in crate::spool) asked: Asked,
    pub(in crate::spool) state: Acceptance,
    /// The reason why nothing new is stored at the moment, although the spool is open.
    pub(in crate::spool) shortage: Shortage,
}

/// The steps that the writer is asked to take when it has time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::spool) struct Asked {
    /// Write a frame for the notes, even if nothing is appended.
    pub(in crate::spool) notes: bool,
    /// Write the instance's state into it.
    pub(in crate::spool) state: bool,
    /// Begin a new segment.
    pub(in crate::spool) leave: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::spool) enum Acceptance {
    #[default]
    Open,
    Closing,
    Failed,
}

/// The resources that are short.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::spool) struct Shortage {
    /// The disk has reached its reserve.
    pub(in crate::spool) disk: bool,
    /// No segment could be laid out.
    pub(in crate::spool) segment: bool,
    /// The window's slices take no more ids, and memory is full of them.
    pub(in crate::spool) window: bool,
}

pub(in crate::spool) enum Waiting {
    Done(Appended),
    ForCommit(Ticket),
}

impl Inner {
    pub(in crate::spool) fn append(&self, mut submission: Submission) -> Result<Waiting, Error> {
        // Old ids are looked up without the lock, so that nobody waits. If some are absorbed before
        // the lock is taken, they are looked up again.
        loop {
            let absorbed = self.absorbed.load(Ordering::Acquire);
            let old = Old::look(self, &submission);
            let mut admission = lock(&self.admission);
            if admission.absorbed == absorbed {
                return self.admit(&mut admission, &mut submission, &old);
            }
        }
    }

    fn admit(
        &self,
        admission: &mut Admission,
        submission: &mut Submission,
        old: &Old,
    ) -> Result<Waiting, Error> {
        let known = admission.recent.get(&submission.id).copied();
        #[cfg(test)]
        let known = known.filter(|_| !planted::is(Planted::RepeatNotSeenInGroup));
        if let Some(known) = known {
            if known.frame > admission.committed_frame {
                // A repeat of an id that is not on the disk yet shares the outcome of the first.
                let commit = admission.commit_of(known.frame);
                return Ok(Waiting::ForCommit(commit.ticket(Appended::Duplicate)));
            }
            if self.period.remembers(&known.entry, submission.now) {
                return Ok(Waiting::Done(Appended::Duplicate));
            }
        } else if let Some(entry) = &old.id
            && self.period.remembers(entry, submission.now)
        {
            return Ok(Waiting::Done(Appended::Duplicate));
        }
        let was_empty = admission.group.is_empty();
        let ticket = if let Some(first) = find_fact(admission, submission, old) {
            admission.state.admits_answers()?;
            let entry = IdEntry { accepted_at: submission.now, ..first };
            admission.remember(submission.id, entry);
            admission.group.commit.ticket(Appended::Duplicate)
        } else {
            admission.admits(self)?;
            let sequence = admission.take_in(submission);
            self.pending_bytes
                .fetch_add(submission.record.as_bytes().len() as u64, Ordering::Relaxed);
            admission.group.commit.ticket(Appended::New { sequence })
        };
        if was_empty {
            self.work.notify_one();
        }
        Ok(Waiting::ForCommit(ticket))
    }

    /// The entry of an id in the window's slices. One look at the filter is enough for most new
    /// ids.
    pub(in crate::spool) fn old_entry(&self, id: &IdKey) -> Option<IdEntry> {
        self.filter.may_hold(id).then(|| self.old_ids.find(id)).and_then(|found| match found {
            Ok(entry) => entry,
            Err(error) => {
                // This costs a repeat. Answering 503 instead would go on until somebody repairs the
                // window.
                self.window_trouble.say(&error);
                None
            }
        })
    }
}

/// The entries of a submission's ids in the window's slices.
struct Old {
    id: Option<IdEntry>,
    fact: Option<IdEntry>,
    by_hook: Option<IdEntry>,
}

impl Old {
    fn look(inner: &Inner, submission: &Submission) -> Self {
        let telling = submission.fact.as_ref();
        Self {
            id: inner.old_entry(&submission.id),
            fact: telling.and_then(|telling| inner.old_entry(&telling.fact)),
            by_hook: telling.and_then(|telling| inner.old_entry(&telling.by_hook)),
        }
    }
}

/// Another hook's telling of the same fact, if it is recent enough.
fn find_fact(admission: &Admission, submission: &Submission, old: &Old) -> Option<IdEntry> {
    let telling = submission.fact.as_ref()?;
    let within = u64::try_from(telling.within.as_millis()).unwrap_or(u64::MAX);
    let recent = |key: &IdKey, old: Option<IdEntry>| {
        let entry = admission.recent.get(key).map(|known| known.entry).or(old);
        entry.filter(|entry| submission.now.saturating_sub(entry.accepted_at) < within)
    };
    let entry = recent(&telling.fact, old.fact)?;
    // If the hook whose telling was stored tells it again, it is another change that looks the
    // same.
    let is_another = recent(&telling.by_hook, old.by_hook).is_some();
    (!is_another).then_some(entry)
}

impl Admission {
    /// The commit of a frame that is not on the disk yet.
    fn commit_of(&self, frame: u64) -> &Arc<Commit> {
        #[cfg(test)]
        if planted::is(Planted::RepeatJoinsEarlierCommit) {
            return &self.on_its_way;
        }
        if frame > self.taken_frame { &self.group.commit } else { &self.on_its_way }
    }

    /// Checks that something new would be stored.
    pub(in crate::spool) fn admits(&self, inner: &Inner) -> Result<(), Error> {
        self.state.admits_answers()?;
        let pending = inner.pending_bytes.load(Ordering::Relaxed);
        if pending >= inner.limits.max_bytes {
            inner.was_full.store(true, Ordering::Relaxed);
            return Err(Error::Full);
        }
        if self.group.bytes >= MAX_GROUP_BYTES {
            return Err(Error::Full);
        }
        if self.shortage == Shortage::default() { Ok(()) } else { Err(Error::DiskLow) }
    }

    fn take_in(&mut self, submission: &mut Submission) -> u64 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        submission.record.stamp(sequence);
        let entry = IdEntry { accepted_at: submission.now, sequence, lane: submission.lane };
        self.group.push(submission.lane, sequence, &submission.record, submission.account);
        self.remember(submission.id, entry);
        if let Some(telling) = submission.fact {
            self.remember(telling.fact, entry);
            self.remember(telling.by_hook, entry);
        }
        sequence
    }

    fn remember(&mut self, id: IdKey, entry: IdEntry) {
        self.group.ids.push((id, entry));
        let known = RecentId { entry, frame: self.taken_frame + 1 };
        if let Some(before) = self.recent.insert(id, known)
            && before.frame <= self.taken_frame
        {
            self.group.replaced.push((id, before));
        }
    }

    /// Takes the group back: nothing of it was stored, and its ids are free.
    pub(in crate::spool) fn give_up_group(&mut self) -> Group {
        let group = std::mem::take(&mut self.group);
        #[cfg(test)]
        if planted::is(Planted::IdKeptAfterGivingUp) {
            return group;
        }
        for (id, _) in &group.ids {
            self.recent.restore(*id, None);
        }
        for (id, before) in group.replaced.iter().rev() {
            self.recent.restore(*id, Some(*before));
        }
        if group.first > 0 {
            self.next_sequence = group.first;
        }
        group
    }
}

impl Acceptance {
    fn admits_answers(self) -> Result<(), Error> {
        match self {
            Self::Open => Ok(()),
            Self::Closing => Err(Error::Closing),
            Self::Failed => Err(Error::Failed),
        }
    }
}

/// The most bytes that may wait in memory for the next commit; reached only if the disk stands
/// still.
const MAX_GROUP_BYTES: u64 = 64 << 20;
