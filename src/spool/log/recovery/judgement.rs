//! Judges the log as a whole, after all of it was surveyed.

use crate::spool::log::acknowledged::{self, Mark};
use crate::spool::log::frame::Head;
use crate::spool::log::recovery::{Gap, Survey};
use crate::spool::log::segment::name_of;
use crate::spool::log::state::InstanceState;
use crate::spool::{Damage, LOG};

impl Gap {
    /// The gap in words. A part that was given back is not lost.
    fn said(&self, known: &InstanceState) -> String {
        let Self { last, .. } = *self;
        let first = known.gone.end_of(self.first).map_or(self.first, |end| end + 1);
        let frames = match first == last {
            true => format!("frame {first} is missing before it"),
            false => format!("frames {first} to {last} are missing before it"),
        };
        if known.instance.is_empty() {
            let said =
                "so is the state of the spool: the frames that were drained long ago count too";
            return format!("{frames}; {said}");
        }
        match self.records {
            Some(_) if first != self.first => frames,
            Some((first, last)) if first > last => format!("{frames}, without a record"),
            Some((first, last)) if first == last => format!("{frames}, with record {first}"),
            Some((first, last)) => format!("{frames}, with records {first} to {last}"),
            None => frames,
        }
    }
}

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
            self.losses.push(Damage::at(name_of(gap.segment), gap.said(&known)));
        }
        for number in &self.headless {
            self.losses.push(Damage::at(name_of(*number), "cannot be read"));
        }
        self.judge_mark();
        let told = self.mark.acknowledgement();
        self.highest = self.highest.max(self.last.number).max(told.frame);
        if told.frame > self.last.number {
            let last = self.last;
            let said = format!(
                "frame {} with record {} was acknowledged, but the log ends at frame {} with record {}",
                told.frame, told.sequence, last.number, last.last_sequence
            );
            let newest = self.segments.last().map(|found| name_of(found.segment.number));
            self.losses.push(Damage::at(newest.unwrap_or_else(|| LOG.to_owned()), said));
        }
    }

    /// Notes that the log is gone, if a relay has used it and nothing of it is left.
    pub fn expect_segments(&mut self) {
        if self.segments.is_empty() && self.headless.is_empty() && self.losses.is_empty() {
            let said = "the log is gone: a relay has used this spool, and there is no segment of it; \
                        the number of records that waited in it is not known";
            self.losses.push(Damage::at(LOG, said));
        }
    }

    /// Notes that the mark is gone. A log without a frame never needed one.
    fn judge_mark(&mut self) {
        if self.segments.is_empty() && self.headless.is_empty() {
            return;
        }
        let fault = match self.mark {
            Mark::Found(_) => return,
            Mark::Missing => "is missing",
            Mark::Damaged => "cannot be read",
        };
        let Head { number, last_sequence, .. } = self.last;
        let said = format!(
            "{fault}, so that it cannot be told whether the newest records are there; the log ends at \
             frame {number} with record {last_sequence}"
        );
        self.losses.push(Damage::at(acknowledged::PLACE, said));
    }
}
