//! The writer: takes everything that waits, writes it as one frame with one sync, and answers.
//!
//! # Promises
//! - Nobody is answered before the frame with their record is on the disk.
//! - A failed write or sync of the log, or of the mark after it, is final: the content of the disk
//!   is no longer known.
//! - A lack of space is not final: the group is given up before anything is written, and its ids
//!   are free.

use crate::lock::lock;
use crate::spool::Inner;
use crate::spool::append::admission::{self, Admission, Asked};
use crate::spool::append::group::Group;
use crate::spool::append::ticket::{CommitOutcome, Settling};
use crate::spool::clock::offset;
use crate::spool::log::Cursor;
use crate::spool::log::acknowledged::Acknowledgement;
use crate::spool::log::frame::{Head, Kind, Section, overhead};
use crate::spool::log::segment::FIRST_FRAME;
use crate::spool::log::state::InstanceState;
use crate::spool::notes::Note;
#[cfg(test)]
use crate::spool::window::old_ids::Handover;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

/// Commits until the spool closes or a commit fails.
pub fn run(inner: &Inner) {
    while wait(inner) {
        if !step(inner) {
            return;
        }
    }
}

/// Waits for work. False if the spool is closing and nothing is left.
fn wait(inner: &Inner) -> bool {
    let mut admission = lock(&inner.admission);
    loop {
        if admission.has_work() {
            return true;
        }
        if admission.state != admission::Acceptance::Open {
            return false;
        }
        admission = inner.work.wait(admission).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Commits the waiting group, if there is one, and answers everyone. False after a failure.
pub fn step(inner: &Inner) -> bool {
    let mut writing = lock(&inner.writing);
    let Some(work) = take(inner, &mut writing) else { return true };
    let settling = Settling::of(Arc::clone(&work.group.commit));
    match commit(inner, &mut writing, work) {
        Ok(frame) => {
            lock(&inner.admission).committed_frame = frame;
            settling.settle(CommitOutcome::Stored);
            true
        }
        Err(error) => {
            tracing::error!(event = "poisoned", error = %error,
                "a commit failed; nothing more is accepted");
            fail(inner);
            settling.settle(CommitOutcome::Failed);
            false
        }
    }
}

/// The state that only the writer changes.
#[derive(Debug)]
pub(super) struct Writing {
    /// The place of the next frame.
    pub(super) cursor: Cursor,
    /// True after a failure to lay out a segment was logged, so that it is logged once.
    pub(super) is_short: bool,
}

/// The content of one frame.
struct Work {
    group: Group,
    notes: Vec<Note>,
    asked: Asked,
    head: Head,
    /// The frame begins a segment.
    is_first: bool,
}

/// Takes the waiting group, and decides on its place. `None` if there is nothing, or no space for
/// it.
fn take(inner: &Inner, writing: &mut Writing) -> Option<Work> {
    loop {
        let mut admission = lock(&inner.admission);
        if !admission.has_work() {
            return None;
        }
        let bytes = admission.frame_bytes() + inner.state_bytes;
        let is_new = writing.cursor.at() == FIRST_FRAME;
        let fits = writing.cursor.takes(bytes);
        if is_new && !fits {
            drop(admission);
            // The frame is larger than a usual segment.
            if let Err(error) = writing.cursor.grow(bytes) {
                give_up(inner, writing, &error);
                return None;
            }
            continue;
        }
        let mut is_first = is_new;
        if !is_new && (admission.asked.leave || !fits) {
            drop(admission);
            if let Err(error) = leave(inner, writing, bytes) {
                give_up(inner, writing, &error);
                return None;
            }
            admission = lock(&inner.admission);
            is_first = true;
            // Meanwhile more may have come than there is space for.
            if !writing.cursor.takes(admission.frame_bytes() + inner.state_bytes) {
                continue;
            }
        }
        let successor = admission.group.successor();
        let group = std::mem::replace(&mut admission.group, successor);
        let notes = std::mem::take(&mut admission.notes);
        let asked = std::mem::take(&mut admission.asked);
        admission.on_its_way = Arc::clone(&group.commit);
        admission.taken_frame += 1;
        let now = inner.clock.now();
        let head = Head {
            number: admission.taken_frame,
            last_sequence: admission.next_sequence - 1,
            wall: now.wall,
            steady: now.steady,
            run: inner.run,
        };
        return Some(Work { group, notes, asked, head, is_first });
    }
}

/// Leaves the segment for the next one, which was usually laid out before, beside the writer.
fn leave(inner: &Inner, writing: &mut Writing, bytes: u64) -> io::Result<()> {
    let mut next = lock(&inner.next);
    let cursor = match next.take() {
        Some(cursor) => cursor,
        None => inner.log.lay_out_what_fits(writing.cursor.segment() + 1, bytes)?,
    };
    let left = std::mem::replace(&mut writing.cursor, cursor);
    inner.active.store(writing.cursor.segment(), Ordering::Release);
    lock(&inner.full).push(left.segment());
    inner.upkeep.wake();
    Ok(())
}

/// Handles a lack of space: the waiting requests are told, and may retry.
fn give_up(inner: &Inner, writing: &mut Writing, error: &io::Error) {
    let group = {
        let mut admission = lock(&inner.admission);
        admission.shortage.segment = true;
        admission.asked = Asked::default();
        admission.give_up_group()
    };
    inner.pending_bytes.fetch_sub(group.bytes, Ordering::Relaxed);
    if !std::mem::replace(&mut writing.is_short, true) {
        tracing::error!(event = "spool_full", error = %error,
            "no further segment can be laid out; notifications are answered 503");
    }
    inner.upkeep.wake();
    Settling::of(group.commit).settle(CommitOutcome::NoRoom);
}

fn commit(inner: &Inner, writing: &mut Writing, mut work: Work) -> io::Result<u64> {
    let began = Instant::now();
    let chunks = work.group.take_chunks(work.head.wall);
    let mut sections = Vec::with_capacity(chunks.len() + work.notes.len() + 2);
    let mut noted = None;
    if work.is_first || work.asked.state {
        let (section, version) = state_section(inner);
        sections.push(section);
        noted = Some(version);
    }
    #[cfg(feature = "mutants")]
    if crate::mutants::on(crate::mutants::Mutant::IdBeforeRecord) {
        inner.log.commit(&mut writing.cursor, work.head, vec![work.group.id_section()])?;
        work.head.number += 1;
        lock(&inner.admission).taken_frame += 1;
    }
    for (lane, chunk) in &chunks {
        let bytes = chunk.as_bytes().clone();
        sections.push(Section { kind: Kind::Records, lane: *lane, bytes });
    }
    if !work.group.ids.is_empty() {
        sections.push(work.group.id_section());
    }
    sections.extend(work.notes.iter().map(Note::section));
    #[cfg(test)]
    {
        use crate::spool::planted::{self, Planted};
        if planted::is(Planted::AnswerBeforeSync) {
            Settling::of(Arc::clone(&work.group.commit)).settle(CommitOutcome::Stored);
        }
        if planted::is(Planted::AbsorbedBeforeDurable) {
            let ids = work.group.ids.clone();
            drop(inner.old_ids.absorb(&Handover { ids, ..Handover::default() }));
        }
    }
    inner.log.commit(&mut writing.cursor, work.head, sections)?;
    let Head { number: frame, last_sequence: sequence, .. } = work.head;
    inner.last_sequence.store(sequence, Ordering::Relaxed);
    // A disk that went away may report a sync as done, but not the write after it.
    inner.log.acknowledge(Acknowledgement { frame, sequence })?;
    let segment = writing.cursor.segment();
    inner.hand_over(segment, work.group.ids, work.notes, work.head);
    if work.group.records > 0 {
        lock(&inner.lanes).commit(segment, chunks, &work.group.accounts);
        inner.committed.notify_all();
        inner.meters.commit_duration.observe(began.elapsed().as_secs_f64());
        inner.meters.commit_records.observe(work.group.records as f64);
    }
    if let Some(version) = noted {
        lock(&inner.leaving).noted = version;
        inner.upkeep.wake();
    }
    inner.offset.store(offset(work.head.wall, work.head.steady), Ordering::Relaxed);
    Ok(frame)
}

/// The instance's current state, and the version of its list of gone frames.
fn state_section(inner: &Inner) -> (Section, u64) {
    let lanes = lock(&inner.lanes).states();
    let leaving = lock(&inner.leaving);
    let state = InstanceState {
        instance: inner.identity.instance.clone(),
        runs: inner.identity.runs.clone(),
        lanes,
        gone: leaving.gone.clone(),
    };
    (state.section(), leaving.version)
}

/// Ends acceptance for good, and tells everyone who waits.
pub(super) fn fail(inner: &Inner) {
    let next = {
        let mut admission = lock(&inner.admission);
        admission.state = admission::Acceptance::Failed;
        let next = std::mem::take(&mut admission.group).commit;
        // A repeat of an append that waited there gets the same answer, however late it comes.
        admission.group.commit = Arc::clone(&next);
        next
    };
    // The requests that wait for the next commit are told as well.
    Settling::of(next).settle(CommitOutcome::Failed);
    inner.failed.send_replace(true);
}

impl Inner {
    /// Asks the writer for a step that only it may take.
    pub(super) fn ask_writer(&self, ask: impl FnOnce(&mut Asked)) {
        let mut admission = lock(&self.admission);
        if admission.state == admission::Acceptance::Open {
            ask(&mut admission.asked);
            drop(admission);
            self.work.notify_one();
        }
    }
}

impl Admission {
    fn has_work(&self) -> bool {
        !self.group.is_empty() || self.asked != Asked::default()
    }

    /// The most bytes that a frame of everything that waits takes.
    fn frame_bytes(&self) -> u64 {
        let notes: u64 = self.notes.iter().map(Note::bytes).sum();
        self.group.frame_bytes() + notes + overhead(self.notes.len())
    }
}
