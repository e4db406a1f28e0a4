//! Builds a spool from the result of the survey.

use crate::spool::append::admission::{Admission, Asked};
use crate::spool::clock::{Clock, Moment, offset};
use crate::spool::commit::{self, Writing};
use crate::spool::home::Home;
use crate::spool::lanes::Lanes;
use crate::spool::log::Log;
use crate::spool::log::acknowledged::Acknowledgement;
use crate::spool::log::disk::Disk;
use crate::spool::log::reader::Reader;
use crate::spool::log::state::InstanceState;
use crate::spool::open::Opening;
use crate::spool::open::identity::identify;
use crate::spool::open::lanes::{know_lanes, learn_ages};
use crate::spool::open::tidy::Tidied;
use crate::spool::upkeep::job::Once;
use crate::spool::upkeep::wake_up::WakeUp;
use crate::spool::window::Period;
use crate::spool::window::filter::Renewed;
use crate::spool::window::old_ids::OldIds;
use crate::spool::window::recent::{self, Recent};
use crate::spool::{Inner, LeavingSegments, Limits, OpenError, Sealed};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::{Arc, Condvar, Mutex};
use tokio::sync::watch;

/// A spool without its threads.
pub(in crate::spool) struct Opened {
    pub(in crate::spool) inner: Arc<Inner>,
    /// The directory was a spool before.
    pub(in crate::spool) recovered_something: bool,
}

impl Opening<'_> {
    /// Builds the spool, and writes the first frame of its run.
    pub(super) fn build(
        self,
        disk: Arc<dyn Disk>,
        old_ids: Arc<dyn OldIds>,
        segment_bytes: u64,
        home: Option<Home>,
        found: Tidied,
    ) -> Result<Opened, OpenError> {
        let dir = self.settings.dir.clone();
        let unwritable = |cause| OpenError::Unwritable { dir: dir.clone(), cause };
        let unreadable = |cause| OpenError::Unreadable { dir: dir.clone(), cause };
        let Tidied { survey, gone, newest } = found;
        let state = survey.state.clone().unwrap_or_default();
        let recovered_something = survey.state.is_some();
        let absorbed = old_ids.absorbed();
        let told = survey.mark.acknowledgement();
        let next_sequence = survey.last.last_sequence.max(told.sequence) + 1;
        let acknowledged = Acknowledgement { frame: survey.highest, sequence: next_sequence - 1 };
        let last = Moment { wall: survey.last.wall, steady: survey.last.steady };
        let clock = Clock::after((last.wall > 0).then_some(last));
        let now = clock.now();

        let mut recent = Recent::default();
        let mut extents = BTreeMap::new();
        let mut sealed = BTreeMap::new();
        let mut leaving = LeavingSegments { gone, ..LeavingSegments::default() };
        let mut segments = Vec::new();
        for one in survey.segments {
            let number = one.segment.number;
            let (first, last) = (one.seal.first, one.seal.last);
            extents.insert(number, one.seal.extents);
            segments.push(Arc::new(one.segment));
            match one.handover.filter(|_| number > absorbed) {
                Some(handover) => {
                    for (id, entry) in &handover.ids {
                        recent.insert(*id, recent::RecentId { entry: *entry, frame: last });
                    }
                    sealed.insert(number, Arc::new(Sealed { handover, first, last }));
                }
                None => drop(leaving.absorbed.insert(number, (first, last))),
            }
        }
        let log = Log::new(disk, segments, acknowledged, segment_bytes).map_err(unwritable)?;
        // Upkeep adds the space that is laid out at its first round.
        let room = log.free().unwrap_or(0);
        let reader = Reader::new(leaving.gone.clone());
        let known = know_lanes(&log, &reader, &state, &survey.released, self.topics, &extents)
            .map_err(unreadable)?;
        let pending_bytes = known.iter().map(|lane| lane.pending_bytes).sum();
        let mut lanes = Lanes::new(known, extents, self.accounts, self.gate);
        learn_ages(&log, &reader, &mut lanes);
        let quarantine = lanes.number(self.quarantine).expect("quarantine is one of the topics");
        let (identity, run) = identify(state, lanes.oldest_pending(), next_sequence);
        let state_bytes = InstanceState {
            instance: identity.instance.clone(),
            runs: identity.runs.clone(),
            lanes: lanes.states(),
            gone: leaving.gone.clone(),
        }
        .most_bytes();
        let number = newest.max(absorbed) + 1;
        let cursor = log.lay_out_what_fits(number, state_bytes).map_err(unwritable)?;
        let filter = if old_ids.count() == 0 { Renewed::empty() } else { Renewed::default() };
        let inner = Arc::new(Inner {
            identity,
            run,
            limits: Limits {
                max_bytes: self.settings.max_bytes.0,
                disk_reserve: self.settings.reserve(),
            },
            clock,
            meters: self.meters,
            log,
            reader,
            admission: Mutex::new(Admission {
                committed_frame: survey.highest,
                taken_frame: survey.highest,
                recent,
                next_sequence,
                // The run's name and first sequence are stored before anything is accepted.
                asked: Asked { state: true, ..Asked::default() },
                ..Admission::default()
            }),
            work: Condvar::new(),
            writing: Mutex::new(Writing { cursor, is_short: false }),
            lanes: Mutex::new(lanes),
            committed: Condvar::new(),
            drain_woken: AtomicBool::new(false),
            quarantine,
            pending_bytes: AtomicU64::new(pending_bytes),
            last_sequence: AtomicU64::new(next_sequence - 1),
            unabsorbed: Mutex::default(),
            latest: AtomicU64::new(0),
            sealed: Mutex::new(sealed),
            full: Mutex::default(),
            next: Mutex::default(),
            leaving: Mutex::new(leaving),
            period: Period::of(self.window),
            old_ids,
            filter,
            was_full: AtomicBool::new(false),
            room: AtomicU64::new(room),
            window_trouble: Once::default(),
            absorbed: AtomicU64::new(0),
            active: AtomicU64::new(number),
            state_bytes,
            offset: AtomicI64::new(offset(now.wall, now.steady)),
            failed: watch::Sender::new(false),
            threads: Mutex::default(),
            upkeep: WakeUp::default(),
            dir: dir.clone(),
            home,
        });
        if !commit::step(&inner) {
            return Err(unwritable(io::Error::other("the first frame of this run")));
        }
        Ok(Opened { inner, recovered_something })
    }
}
