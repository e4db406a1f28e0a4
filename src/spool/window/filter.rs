//! A filter that recognises most new ids with one look.
//!
//! # Promises
//! - An id that was added is never reported as new.
//!
//! # Limits
//! About one new id in 200 is not recognised as new, and is looked up on the disk. Ids cannot be
//! removed: the filter is rebuilt from the remembered ids when many are forgotten or it is full.
//!
//! A look touches one cache line: all bits of an id are in one block of 64 bytes.

use crate::lock::{lock, read, write};
use crate::spool::window::IdKey;
use crate::spool::window::old_ids::{Cursor, Error, OldIds};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

/// The filter.
#[derive(Debug)]
pub struct Filter {
    words: Vec<AtomicU64>,
    added: AtomicU64,
    room: u64,
}

impl Filter {
    /// A filter for this many ids.
    pub fn of(room: u64) -> Self {
        let room = room.max(LEAST);
        let blocks = (room * BITS_AN_ID).div_ceil(512) as usize;
        let words = std::iter::repeat_with(AtomicU64::default).take(blocks * WORDS).collect();
        Self { words, added: AtomicU64::new(0), room }
    }

    /// Adds an id.
    pub fn add(&self, id: &IdKey) {
        let block = self.block(id);
        for (word, bit) in bits(id) {
            block[word].fetch_or(bit, Ordering::Relaxed);
        }
        self.added.fetch_add(1, Ordering::Release);
    }

    /// True if the id may have been added.
    pub fn may_hold(&self, id: &IdKey) -> bool {
        let block = self.block(id);
        bits(id).all(|(word, bit)| block[word].load(Ordering::Relaxed) & bit != 0)
    }

    /// True if it has more ids than it was made for.
    pub fn is_full(&self) -> bool {
        self.added() > self.room
    }

    /// The number of ids added.
    pub fn added(&self) -> u64 {
        self.added.load(Ordering::Acquire)
    }

    fn block(&self, id: &IdKey) -> &[AtomicU64] {
        let blocks = self.words.len() / WORDS;
        let block = (u128::from(id.low()) * blocks as u128) >> 64;
        let at = block as usize * WORDS;
        &self.words[at..at + WORDS]
    }
}

/// The filter of all old ids, rebuilt while it is in use.
///
/// Before the first one is complete, no id is reported as new.
#[derive(Debug, Default)]
pub struct Renewed {
    current: RwLock<Option<Arc<Filter>>>,
    next: Mutex<Option<Next>>,
}

#[derive(Debug)]
struct Next {
    filter: Filter,
    after: Option<Cursor>,
}

impl Renewed {
    /// A complete filter without ids.
    pub fn empty() -> Self {
        Self { current: RwLock::new(Some(Arc::new(Filter::of(0)))), next: Mutex::default() }
    }

    /// True if the id may be an old one.
    pub fn may_hold(&self, id: &IdKey) -> bool {
        let current = read(&self.current);
        current.as_ref().is_none_or(|filter| filter.may_hold(id))
    }

    /// Adds ids that have become old.
    pub fn add<'i>(&self, ids: impl Iterator<Item = &'i IdKey>) {
        let current = read(&self.current).clone();
        let next = lock(&self.next);
        for id in ids {
            if let Some(current) = &current {
                current.add(id);
            }
            if let Some(next) = &*next {
                next.filter.add(id);
            }
        }
    }

    /// True if it should be rebuilt.
    pub fn is_worn(&self) -> bool {
        let current = read(&self.current);
        current.as_ref().is_none_or(|filter| filter.is_full())
    }

    /// Begins to rebuild it.
    pub fn begin(&self, old_ids: &dyn OldIds) {
        let mut next = lock(&self.next);
        let filter = Filter::of(old_ids.count().saturating_mul(3) / 2);
        *next = Some(Next { filter, after: None });
    }

    /// Continues to rebuild it, if that has begun. True while there is more to do.
    pub fn go_on(&self, old_ids: &dyn OldIds) -> Result<bool, Error> {
        let mut making = lock(&self.next);
        let Some(next) = making.as_mut() else { return Ok(false) };
        let some = old_ids.some_after(next.after, STEP)?;
        for cursor in &some {
            next.filter.add(&cursor.id);
        }
        next.after = some.last().copied();
        if some.len() == STEP {
            return Ok(true);
        }
        if let Some(next) = making.take() {
            let mut current = write(&self.current);
            *current = Some(Arc::new(next.filter));
        }
        Ok(false)
    }
}

/// Seven places of 512, from nine bits of the id each.
fn bits(id: &IdKey) -> impl Iterator<Item = (usize, u64)> {
    let high = id.high();
    (0..7).map(move |place| {
        let bit = (high >> (place * 9)) & 511;
        ((bit / 64) as usize, 1 << (bit % 64))
    })
}

/// Ids that are added to a new filter in one step: some milliseconds.
const STEP: usize = 20_000;
const WORDS: usize = 8;
const BITS_AN_ID: u64 = 12;
/// A small filter costs 100 kB.
const LEAST: u64 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_held_and_of_others_one_in_a_hundred_at_most() {
        let filter = Filter::of(100_000);
        let id = |number: u64| IdKey::of_id("source", &number.to_string());
        for number in 0..100_000 {
            filter.add(&id(number));
        }

        assert!((0..100_000).all(|number| filter.may_hold(&id(number))));
        let wrong = (100_000..200_000).filter(|number| filter.may_hold(&id(*number))).count();
        assert!(wrong < 1_000, "{wrong} of 100,000 new ids are taken for known");
    }
}
