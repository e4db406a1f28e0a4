//! The ages of the waiting records of a lane, known without reading the disk.
//!
//! # Promises
//! - The age of the oldest record is never reported too small. It is too large by at most a second
//!   and a thirty-second of the age.
//!
//! # Limits
//! 4,096 moments for each lane. If there are more, moments that are close together relative to
//! their age become one.

use std::collections::BTreeMap;

/// The moments of commits, by the last record that each covers.
#[derive(Debug, Default)]
pub struct Ages {
    /// The commit time of the records after the previous entry, up to this sequence: at this moment
    /// or later, in milliseconds since the epoch, 0 if it is not known.
    moments: BTreeMap<u64, u64>,
    /// The sequence up to which records no longer wait.
    released: u64,
}

impl Ages {
    /// Ages of records after `released`, up to `last`, whose commit time is not known yet.
    pub fn unknown(released: u64, last: u64) -> Self {
        Self { moments: BTreeMap::from([(last, 0)]), released }
    }

    /// Notes that the records up to `last` were committed now.
    pub fn commit(&mut self, last: u64, now: u64) {
        let newest = self.moments.last_key_value().map(|(last, at)| (*last, *at));
        match newest.filter(|(_, at)| now < at.saturating_add(STEP)) {
            Some((before, at)) => {
                self.moments.remove(&before);
                self.moments.insert(last, at);
            }
            None => drop(self.moments.insert(last, now)),
        }
        if self.moments.len() > MOST {
            self.thin(now);
        }
    }

    /// Notes that the records after a sequence were committed at a moment or later, as a reader of
    /// the disk found.
    pub fn learn(&mut self, sequence: u64, at: u64) {
        let after = self.moments.range_mut(sequence.saturating_add(1)..).next();
        let Some((_, known)) = after.filter(|(_, known)| at >= known.saturating_add(STEP)) else {
            return;
        };
        let before = std::mem::replace(known, at);
        if sequence > self.released {
            self.moments.entry(sequence).or_insert(before);
        }
    }

    /// Notes that the records up to a sequence no longer wait.
    pub fn release(&mut self, through: u64) {
        self.released = self.released.max(through);
        while self.moments.first_key_value().is_some_and(|(last, _)| *last <= through) {
            self.moments.pop_first();
        }
    }

    /// The commit time of the oldest waiting record, if there is one and its time is known.
    pub fn oldest(&self) -> Option<u64> {
        self.moments.first_key_value().map(|(_, at)| *at).filter(|at| *at > 0)
    }

    /// Merges moments that lie within a sixty-fourth of their age, keeping the last record and the
    /// earliest moment. Two thinnings of the same moments add up, hence the promised thirty-second.
    fn thin(&mut self, now: u64) {
        let mut thinned = BTreeMap::new();
        let mut begun: Option<(u64, u64)> = None;
        for (last, at) in std::mem::take(&mut self.moments) {
            begun = match begun {
                Some((_, since)) if at.saturating_sub(since) <= now.saturating_sub(at) / 64 => {
                    Some((last, since))
                }
                Some((before, since)) => {
                    thinned.insert(before, since);
                    Some((last, at))
                }
                None => Some((last, at)),
            };
        }
        thinned.extend(begun);
        self.moments = thinned;
    }
}

/// Ages are shown in seconds.
const STEP: u64 = 1_000;
/// An hour of commits, one a second, in some hundred kilobytes.
const MOST: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_that_of_the_first_record_that_waits() {
        let mut ages = Ages::default();
        for (last, now) in [(5, 10_000), (9, 10_900), (12, 11_000), (30, 90_000)] {
            ages.commit(last, now);
        }

        assert_eq!(ages.oldest(), Some(10_000));
        ages.release(9);
        assert_eq!(ages.oldest(), Some(11_000));
        ages.release(29);
        assert_eq!(ages.oldest(), Some(90_000));
        ages.release(30);
        assert_eq!(ages.oldest(), None);
    }

    #[test]
    fn what_a_start_found_has_an_age_as_soon_as_it_is_read() {
        let mut ages = Ages::unknown(0, 50);
        ages.commit(60, 90_000);
        assert_eq!(ages.oldest(), None);

        ages.learn(0, 10_000);
        assert_eq!(ages.oldest(), Some(10_000));
        ages.learn(20, 40_000);
        assert_eq!(ages.oldest(), Some(10_000));
        ages.release(20);
        assert_eq!(ages.oldest(), Some(40_000));
        ages.release(50);
        assert_eq!(ages.oldest(), Some(90_000));
    }

    #[test]
    fn a_long_outage_takes_a_bounded_memory_and_nobody_seems_younger() {
        let mut ages = Ages::default();
        for second in 1..=100_000 {
            ages.commit(second, second * 1_000);
        }

        assert!(ages.moments.len() <= MOST);
        for released in [0, 1, 4_095, 50_000, 99_999] {
            ages.release(released);
            let oldest = ages.oldest().unwrap();
            let truth = (released + 1) * 1_000;
            let off = STEP + (100_000_000 - truth) / 32;
            assert!(oldest <= truth && oldest + off >= truth, "{oldest} of {truth}");
        }
    }
}
