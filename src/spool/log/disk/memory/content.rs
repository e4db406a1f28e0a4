//! The content of a file, and the part of it that lasts.

use crate::spool::log::disk::memory::power_cut::{Chance, Survivors};

/// A file.
#[derive(Clone, Default)]
pub(super) struct Content {
    pub(super) now: Vec<u8>,
    pub(super) lasting: Vec<u8>,
    pub(super) unsynced: Vec<Change>,
}

/// A change of a file.
#[derive(Clone)]
pub(super) enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Content {
    pub(super) fn image(&self, survivors: Survivors, chance: &mut Chance) -> Vec<u8> {
        let mut bytes = self.lasting.clone();
        let keep = chance.below(self.unsynced.len() as u64 + 1);
        for (at, change) in (0..).zip(&self.unsynced) {
            match (survivors, change) {
                (Survivors::Any, Change::Write { at, bytes: written }) => {
                    write_some(&mut bytes, *at, written, || chance.coin());
                }
                (Survivors::Prefix, Change::Write { at: place, bytes: written }) if at == keep => {
                    // The system may read a page for the disk while it is written to.
                    let whole = chance.below(written.len() as u64 + 1) as usize;
                    write_some(&mut bytes, *place, &written[..whole], || true);
                }
                (_, change) if survivors.keeps(at, keep, chance) => change.apply(&mut bytes),
                (_, _) => {}
            }
        }
        bytes
    }
}

impl Change {
    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes: written } => write_some(bytes, *at, written, || true),
            Self::Length(length) => bytes.resize(*length, 0),
        }
    }
}

/// Writes the sectors that are kept.
fn write_some(file: &mut Vec<u8>, at: usize, written: &[u8], mut keeps: impl FnMut() -> bool) {
    let mut from = 0;
    while from < written.len() {
        let to = (from + SECTOR - (at + from) % SECTOR).min(written.len());
        if keeps() {
            if file.len() < at + to {
                file.resize(at + to, 0);
            }
            file[at + from..at + to].copy_from_slice(&written[from..to]);
        }
        from = to;
    }
}

const SECTOR: usize = 512;
