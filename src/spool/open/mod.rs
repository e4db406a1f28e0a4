//! Opens the spool: finds the waiting records and the identity, without Kafka's help.

mod build;
mod error;
mod identity;
pub(super) mod lanes;
mod tidy;
mod window;

use crate::lock::lock;
use crate::spool::home::Home;
use crate::spool::lanes::Gate;
use crate::spool::log::disk::{Access, Disk, RealDisk};
use crate::spool::log::recovery::{Depth, Survey};
use crate::spool::open::build::Opened;
use crate::spool::open::tidy::tidy;
use crate::spool::open::window::{Window, open_window};
use crate::spool::settings::Settings;
use crate::spool::window::Slicing;
use crate::spool::window::old_ids::OldIds;
use crate::spool::{CommitMeters, Inner, LOG, SEGMENT_BYTES, Spool, commit, takeover, upkeep};
use std::io;
use std::sync::Arc;
use std::time::Duration;

pub use crate::spool::open::error::OpenError;

/// The parameters for opening a spool.
#[derive(Debug)]
pub struct Opening<'a> {
    /// The directory and the limits.
    pub settings: &'a Settings,
    /// The time for which ids are remembered.
    pub window: Duration,
    /// The possible topics of records; each gets a lane.
    pub topics: &'a [String],
    /// The topic for records that Kafka refuses for good; one of `topics`.
    pub quarantine: &'a str,
    /// The number of accounts in which submissions are counted.
    pub accounts: usize,
    /// The gate at which records wait for a confirmation.
    pub gate: Gate,
    /// The reaction to a loss of acknowledged records.
    pub loss: Loss,
    /// The metrics of each commit.
    pub meters: CommitMeters,
}

/// The reaction to a loss of acknowledged records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Loss {
    /// Refuse to start.
    Refuse,
    /// Start without them: an operator has read how many are gone.
    Accept,
}

impl Opening<'_> {
    /// Opens the spool and starts its threads.
    pub fn open(self) -> Result<Spool, OpenError> {
        let dir = self.settings.dir.clone();
        let unusable = |cause| OpenError::Directory { dir: dir.clone(), cause };
        let home = Home::take(&dir)?;
        let slicing = Slicing::of(self.window);
        takeover::run(&dir, self.loss)
            .map_err(|cause| OpenError::Takeover { dir: dir.clone(), cause })?;
        let disk = RealDisk::open(&dir.join(LOG), Access::Write).map_err(unusable)?;
        let (old_ids, window) = open_window(&dir, slicing)
            .map_err(|error| OpenError::Unreadable { dir: dir.clone(), cause: error.into() })?;
        let opened = self.assemble(Arc::new(disk), Arc::new(old_ids), SEGMENT_BYTES, Some(home))?;
        if window == Window::New && opened.recovered_something {
            tracing::error!(
                event = "window_lost",
                "the window's store is not there; ids are remembered as far as the log reaches, and an \
                 older redelivery will be stored again"
            );
        }
        let unusable = |cause| OpenError::Directory { dir: dir.clone(), cause };
        if let Some(home) = &opened.inner.home {
            // A disk that is full for the moment is no reason to refuse.
            if let Err(error) = home.note_use(&opened.inner.identity.instance) {
                tracing::warn!(error = %error, "cannot note the instance's name beside the log");
            }
        }
        start(&opened.inner, "spool-writer", commit::run).map_err(unusable)?;
        start(&opened.inner, "spool-upkeep", upkeep::run).map_err(unusable)?;
        Ok(Spool { inner: opened.inner })
    }

    /// Builds the spool on a disk. Starts no thread.
    pub(in crate::spool) fn assemble(
        self,
        disk: Arc<dyn Disk>,
        old_ids: Arc<dyn OldIds>,
        segment_bytes: u64,
        home: Option<Home>,
    ) -> Result<Opened, OpenError> {
        let dir = self.settings.dir.clone();
        let unusable = |cause| OpenError::Directory { dir: dir.clone(), cause };
        let depth = match self.loss {
            Loss::Refuse => Depth::Start { absorbed: old_ids.absorbed(), bytes: CHECKED_BYTES },
            Loss::Accept => Depth::Everything,
        };
        let mut survey = Survey::of(&*disk, depth).map_err(unusable)?;
        if old_ids.absorbed() > 0 || home.as_ref().is_some_and(Home::was_used) {
            survey.expect_segments();
        }
        if !survey.losses.is_empty() && self.loss == Loss::Refuse {
            return Err(OpenError::Lost { dir, faults: survey.losses });
        }
        let found = tidy(&*disk, survey, self.loss).map_err(unusable)?;
        self.build(disk, old_ids, segment_bytes, home, found)
    }
}

fn start(inner: &Arc<Inner>, name: &str, run: fn(&Inner)) -> io::Result<()> {
    let shared = Arc::clone(inner);
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&shared))?;
    lock(&inner.threads).push(thread);
    Ok(())
}

/// The bytes of sealed segments that a start reads to check them: a tenth of a second.
const CHECKED_BYTES: u64 = 256 << 20;
