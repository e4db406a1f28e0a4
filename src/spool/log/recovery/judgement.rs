//! Judges the log as a whole, after all of it was surveyed.

use crate::spool::Damage;
use crate::spool::log::recovery::Survey;
use crate::spool::log::segment::name_of;

impl Survey {
    /// Finds the losses in the log that an operator does not know of.
    pub(super) fn conclude(&mut self) {
        let known = self.state.clone().unwrap_or_default();
        let (over, kept): (Vec<_>, Vec<_>) = self
            .segments
            .drain(..)
            .partition(|found| known.gone.covers(found.seal.first, found.seal.last));
        self.segments = kept;
        self.leftovers.extend(over.iter().map(|found| found.segment.number));
        for gap in self.gaps.iter().filter(|gap| !known.gone.covers(gap.first, gap.last)) {
            let said = match gap.first == gap.last {
                true => format!("frame {} is missing before it", gap.first),
                false => format!("frames {} to {} are missing before it", gap.first, gap.last),
            };
            self.losses.push(Damage::at(name_of(gap.segment), said));
        }
        for number in &self.headless {
            self.losses.push(Damage::at(name_of(*number), "cannot be read"));
        }
        self.highest = self.highest.max(self.last.number).max(self.acknowledged.frame);
        if self.acknowledged.frame > self.last.number {
            let (told, last) = (self.acknowledged, self.last);
            let said = format!(
                "frame {} with record {} was acknowledged, but the log ends at frame {} with record {}",
                told.frame, told.sequence, last.number, last.last_sequence
            );
            let newest = self.segments.last().map(|found| name_of(found.segment.number));
            self.losses.push(Damage::at(newest.unwrap_or_else(|| "log".to_owned()), said));
        }
    }
}
