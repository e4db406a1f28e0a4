//! The state of each segment from its first frame until its file is removed.

use crate::lock::lock;
use crate::spool::Inner;
use crate::spool::log::frame::Head;
use crate::spool::log::state::Gone;
use crate::spool::notes::Note;
use crate::spool::window::old_ids::Handover;
use crate::spool::window::{IdEntry, IdKey};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// The ids and notes that a sealed segment hands over.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) handover: Handover,
    pub(super) first: u64,
    pub(super) last: u64,
}

/// Segments that are no longer needed. Each is named in a frame before its file is removed.
#[derive(Debug, Default)]
pub(super) struct LeavingSegments {
    pub(super) gone: Gone,
    /// Grows when something is added to `gone`.
    pub(super) version: u64,
    /// The version that a frame on the disk has.
    pub(super) noted: u64,
    /// Segments that may be removed, each once its version is noted.
    pub(super) segments: BTreeMap<u64, u64>,
    /// The first and the last frame of each segment that is absorbed and still there.
    pub(super) absorbed: BTreeMap<u64, (u64, u64)>,
}

/// The ids and notes that a segment will hand over, and the values for its seal.
#[derive(Debug, Default)]
pub(super) struct Unabsorbed {
    pub(super) handover: Handover,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) last_sequence: u64,
}

impl Inner {
    /// Keeps the part of a committed frame that will be handed over to the window.
    pub(super) fn hand_over(
        &self,
        segment: u64,
        ids: Vec<(IdKey, IdEntry)>,
        notes: Vec<Note>,
        head: Head,
    ) {
        let latest = ids.iter().map(|(_, entry)| entry.accepted_at).max().unwrap_or(0);
        self.latest.fetch_max(latest, Ordering::Relaxed);
        let mut unabsorbed = lock(&self.unabsorbed);
        let kept = unabsorbed.entry(segment).or_insert_with(|| Unabsorbed {
            handover: Handover { segment, ..Handover::default() },
            first: head.number,
            ..Unabsorbed::default()
        });
        kept.handover.ids.extend(ids);
        kept.handover.notes.extend(notes);
        (kept.last, kept.last_sequence) = (head.number, head.last_sequence);
    }

    /// The bytes that the spool takes on the disk.
    pub(super) fn disk_bytes(&self) -> u64 {
        self.log.disk_bytes() + self.old_ids.disk_bytes()
    }
}
