//! Notices when a journal of the store lost batches.
//!
//! The store reads each of its journals up to the first thing that it does not understand, cuts the
//! rest off, and goes on with the next journal. At the end of the newest one that is right: what is
//! cut there was never acknowledged, or the mark beside the store tells. In an older one it leaves a
//! gap that nothing later shows, and soon throws the journal away.
//!
//! So a start reads the journals before the store does, and changes nothing. Every batch has a
//! number, the one after that of the batch before it; what is missing between two shows, in one
//! journal or from one to the next.
//!
//! # Limits
//! What the newest journal lost at its end shows by the mark alone; so does what the one before it
//! lost at its end while the newest is empty. A journal that is gone whole looks like one that the
//! store needed no more, if it was the oldest.

use crate::spool::store::journal::{self, Journal};
use crate::spool::verdict::Fault;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The journals as they are before the store opens them.
#[derive(Debug)]
pub struct Journals {
    note: PathBuf,
    /// The first place where something is missing that nobody has accepted.
    pub gap: Option<Fault>,
}

impl Journals {
    /// Reads the journals of the store in a spool's directory.
    pub fn look(dir: &Path) -> io::Result<Self> {
        let note = dir.join("journals");
        let noted = match fs::read_to_string(&note) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        // Left by a build that noted what it had found after the store had cut it.
        let found_before = (noted == "damaged").then(|| Fault {
            place: "store".to_owned(),
            fault: "a journal was damaged at an earlier start".to_owned(),
        });
        let accepted = noted.strip_prefix(ACCEPTED).and_then(|number| number.trim().parse().ok());
        let mut chain = Chain { accepted, ..Chain::default() };
        let journals = journal::list(&dir.join("store"))?;
        let newest = journals.keys().last().copied();
        for (number, path) in &journals {
            match Journal::read(path) {
                Ok(journal) => chain.add(*number, &journal, newest == Some(*number)),
                // A running store needs it no more.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { note, gap: found_before.or_else(|| chain.end()) })
    }

    /// Notes that an operator goes on without what is gone before the batch that follows `last`.
    pub fn accept(&self, last: u64) -> io::Result<()> {
        let mut file = File::create(&self.note)?;
        writeln!(file, "{ACCEPTED}{last}")?;
        file.sync_all()
    }
}

/// What must follow what.
#[derive(Debug, Default)]
struct Chain {
    /// Gaps up to the batch after this one are accepted.
    accepted: Option<u64>,
    journal: Option<u64>,
    batch: Option<u64>,
    /// Something is missing, and the next batch tells whether that was accepted.
    missing: Option<Fault>,
    gap: Option<Fault>,
}

impl Chain {
    fn add(&mut self, number: u64, journal: &Journal, is_newest: bool) {
        if let Some(before) = self.journal.replace(number)
            && before + 1 != number
        {
            self.missing.get_or_insert(fault(before + 1, "is missing"));
        }
        for run in &journal.numbers {
            if let Some(before) = self.batch.replace(*run.end())
                && before + 1 != *run.start()
            {
                let said = format!("batch {} does not follow {before}", run.start());
                self.missing.get_or_insert(fault(number, &said));
            }
            if let Some(missing) = self.missing.take()
                && self.accepted.is_none_or(|accepted| *run.start() > accepted + 1)
            {
                self.gap.get_or_insert(missing);
            }
        }
        // A full one ends in good order, and was never empty.
        if !is_newest && (!journal.is_whole || journal.batches == 0) {
            self.missing.get_or_insert(fault(number, "is damaged before its end"));
        }
    }

    fn end(self) -> Option<Fault> {
        let is_new = match (self.accepted, self.batch) {
            (Some(accepted), Some(batch)) => batch > accepted,
            (Some(_), None) => false,
            (None, _) => true,
        };
        self.gap.or(self.missing.filter(|_| is_new))
    }
}

fn fault(journal: u64, said: &str) -> Fault {
    Fault { place: format!("store/{journal}.jnl"), fault: said.to_owned() }
}

const ACCEPTED: &str = "accepted ";

#[cfg(test)]
mod tests {
    use super::*;

    /// What a start says of these journals; the last is the newest.
    fn check(
        accepted: Option<u64>,
        journals: &[(u64, &[std::ops::RangeInclusive<u64>], bool)],
    ) -> String {
        let mut chain = Chain { accepted, ..Chain::default() };
        for (at, (number, numbers, is_whole)) in journals.iter().enumerate() {
            let batches = numbers.iter().map(|run| run.end() - run.start() + 1).sum();
            let journal = Journal { batches, numbers: numbers.to_vec(), is_whole: *is_whole };
            chain.add(*number, &journal, at + 1 == journals.len());
        }
        chain.end().map_or(String::new(), |gap| format!("{}: {}", gap.place, gap.fault))
    }

    #[test]
    fn what_follows_on_is_whole_wherever_it_begins_and_the_newest_may_be_torn() {
        assert_eq!(check(None, &[]), "");
        assert_eq!(check(None, &[(0, &[], false)]), "");
        assert_eq!(check(None, &[(7, &[90..=95], true), (8, &[96..=99], false)]), "");
    }

    #[test]
    fn what_is_missing_between_two_batches_shows() {
        let said = "store/8.jnl: batch 96 does not follow 94";
        assert_eq!(check(None, &[(7, &[90..=94], true), (8, &[96..=99], true)]), said);
        assert_eq!(check(None, &[(8, &[90..=94, 96..=99], true)]), said);
    }

    #[test]
    fn a_full_journal_that_is_torn_empty_or_gone_shows() {
        let damaged = "store/7.jnl: is damaged before its end";
        assert_eq!(check(None, &[(7, &[90..=94], false), (8, &[95..=99], true)]), damaged);
        assert_eq!(check(None, &[(7, &[90..=94], false), (8, &[], true)]), damaged);
        assert_eq!(check(None, &[(7, &[], true), (8, &[95..=99], true)]), damaged);
        let gone = "store/8.jnl: is missing";
        assert_eq!(check(None, &[(7, &[90..=94], true), (9, &[97..=99], true)]), gone);
    }

    #[test]
    fn what_was_accepted_is_passed_over_and_what_is_lost_after_it_is_not() {
        // Ninety-six was the last batch when an operator went on.
        assert_eq!(check(Some(96), &[(7, &[90..=94], true), (8, &[96..=99], true)]), "");
        assert_eq!(check(Some(96), &[(7, &[], true), (8, &[97..=99], true)]), "");
        assert_eq!(check(Some(96), &[(7, &[], true), (8, &[], true)]), "");
        let said = "store/8.jnl: batch 98 does not follow 94";
        assert_eq!(check(Some(96), &[(7, &[90..=94], true), (8, &[98..=99], true)]), said);
    }
}
