//! Tidies the log before it is used.

use crate::spool::Loss;
use crate::spool::log::disk::Disk;
use crate::spool::log::recovery::Survey;
use crate::spool::log::segment::name_of;
use crate::spool::log::state::Gone;
use crate::spool::log::suspects;
use std::io;

/// The log after tidying.
pub(super) struct Tidied {
    pub(super) survey: Survey,
    pub(super) gone: Gone,
    /// The highest number of a segment's file.
    pub(super) newest: u64,
}

/// Seals the segments that the last run left open, and removes leftovers.
pub(super) fn tidy(disk: &dyn Disk, mut survey: Survey, loss: Loss) -> io::Result<Tidied> {
    let mut gone = survey.state.clone().unwrap_or_default().gone;
    if !survey.losses.is_empty() {
        for fault in &survey.losses {
            tracing::error!(
                place = fault.place,
                fault = fault.fault,
                "starting without the lost records, because of --accept-loss"
            );
        }
        for gap in &survey.gaps {
            gone.add(gap.first, gap.last);
        }
        gone.add(survey.last.number + 1, survey.highest);
    }
    let numbers = survey.segments.iter().map(|found| found.segment.number);
    let newest =
        numbers.chain(survey.leftovers.iter().copied()).chain(survey.headless.iter().copied());
    let newest = newest.max().unwrap_or(0);
    for found in &mut survey.segments {
        if !found.is_sealed || (found.is_broken && loss == Loss::Accept) {
            found.segment.rewrite(found.seal.end)?;
            found.segment.seal(&found.seal)?;
        }
    }
    for number in &survey.headless {
        disk.rename(&name_of(*number), &format!("{}.lost", name_of(*number)))?;
    }
    for number in &survey.leftovers {
        disk.remove(&name_of(*number))?;
    }
    if loss == Loss::Accept {
        suspects::forget(disk)?;
    }
    disk.sync_names()?;
    Ok(Tidied { survey, gone, newest })
}
