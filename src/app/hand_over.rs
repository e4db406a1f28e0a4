//! Publishes the records left on the disk of a relay that will not come back, from any machine.
//!
//! # Promises
//! - Each record is published once, even if a hand-over is killed and repeated: the drain works as
//!   that relay, under its name and from its positions in Kafka.
//! - A relay that lives is left alone, and its directory unchanged. A relay on this machine holds
//!   the directory's lock; one elsewhere renews its sign in the shared window, if there is one.
//!
//! # Limits
//! Without a shared window, a relay that runs elsewhere on the original of a copied directory is
//! not noticed. Kafka then fences the two against each other, and each record is still published
//! once.

use crate::app::Sharing;
use crate::app::parts::{making, start_drain, window};
use crate::config::Resolved;
use crate::drain::Drain;
use crate::drain::status::Status;
use crate::event::provider::Provider;
use crate::metrics::Metrics;
use crate::shared::Shared;
use crate::shared::life::{Life, Succession};
use crate::shared::trouble::Trouble;
use crate::spool::inspect::offline::{self, Offline};
use crate::spool::lanes::{Books, Gate, LaneBook};
use crate::spool::{Loss, Opening, Spool};
use anyhow::{Context as _, anyhow};
use serde::Serialize;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The result of a hand-over that ran to its end.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct HandedOver {
    /// The relay's instance.
    pub instance: String,
    /// Records that were published now.
    pub published: u64,
    /// Records that were in Kafka already: the relay, or an earlier hand-over, published them
    /// without noting it.
    pub found: u64,
    /// Records whose events another replica had published.
    pub withdrawn: u64,
    /// Records that still wait because Kafka did not take them in time.
    pub pending: u64,
}

/// The reason why nothing was handed over, or not everything.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no spool that can be opened.
    #[error(transparent)]
    Spool(#[from] offline::Error),
    /// The relay lives.
    #[error("the relay {0} lives: it has just said so in the shared window; nothing was changed")]
    Lives(String),
    /// Redis does not answer.
    #[error(
        "nothing was changed, for dedup.shared does not say whether the relay lives: {}",
        .0.as_str()
    )]
    Unknown(Trouble),
    /// A part could not be started, or ended early.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

/// Hands over the records of the spool in `spool.dir`. Gives up when no record has left it for
/// `patience`.
pub async fn run(resolved: Resolved, loss: Loss, patience: Duration) -> Result<HandedOver, Error> {
    let config = &resolved.config;
    let instance = Offline::open(&config.spool.dir)?.instance().to_owned();
    // The random name also tells two hand-overs of one directory apart.
    let process = format!("hand-over-{:x}", RandomState::new().hash_one(std::process::id()));
    let target = match resolved.shared {
        None => None,
        Some(target) => {
            let life = Life::new(&target, &instance, &process);
            match life.succeed(&target, PATIENCE_WITH_REDIS).await.map_err(Error::Unknown)? {
                Succession::Ours => Some((target, life)),
                Succession::Lives => return Err(Error::Lives(instance)),
            }
        }
    };
    let names = config.kafka.topic_names();
    let metrics = Metrics::at_zero();
    let window = window(config, &resolved.sources);
    let opening = Opening {
        settings: &config.spool,
        window,
        topics: &names.all(&Provider::ALL),
        quarantine: &names.quarantine(),
        accounts: 0,
        gate: if target.is_some() { Gate::Confirmed } else { Gate::Open },
        loss,
        meters: metrics.spool.clone(),
    };
    let spool = opening.open().context("opening the spool")?;
    let sharing = match target {
        None => None,
        Some((target, life)) => {
            let meters = metrics.shared.clone();
            let (shared, work) = Shared::new(target, &instance, life, window, meters);
            Some(Sharing::start(shared, work, &spool)?)
        }
    };
    let status = Arc::new(Status::new(metrics.drain.clone()));
    let drain = Drain::new(spool.clone(), config.kafka.clone(), making(config), status)
        .context("making the producer")?;
    let stop = Arc::new(AtomicBool::new(false));
    let drain = start_drain(drain, &spool, Arc::clone(&stop))?;
    emptied(&spool, patience).await;
    stop.store(true, Ordering::Release);
    spool.wake_drain();
    let drained = tokio::task::spawn_blocking(move || drain.join()).await;
    // The drain sends only confirmed records, so it ends first.
    if let Some(sharing) = sharing {
        sharing.stop().await;
    }
    let failed = *spool.failure().borrow();
    let books = spool.books();
    tokio::task::spawn_blocking(move || spool.close()).await.context("closing the spool")?;
    if failed || !matches!(drained, Ok(Ok(()))) {
        return Err(anyhow!("the spool cannot be read to its end; the log says why").into());
    }
    Ok(HandedOver::of(instance, &books))
}

impl HandedOver {
    fn of(instance: String, books: &Books) -> Self {
        let sum = |figure: fn(&LaneBook) -> u64| books.lanes.iter().map(figure).sum();
        Self {
            instance,
            published: sum(|lane| lane.published - lane.found),
            found: sum(|lane| lane.found),
            withdrawn: sum(|lane| lane.withdrawn),
            pending: sum(|lane| lane.pending),
        }
    }
}

/// Waits until no record is left, none has left for `patience`, or the spool fails.
async fn emptied(spool: &Spool, patience: Duration) {
    let pending = || spool.books().lanes.iter().map(|lane| lane.pending).sum::<u64>();
    let failure = spool.failure();
    let (mut left, mut since) = (pending(), Instant::now());
    while left > 0 && since.elapsed() < patience && !*failure.borrow() {
        tokio::time::sleep(LOOK).await;
        let now = pending();
        if now < left {
            (left, since) = (now, Instant::now());
        }
    }
}

const LOOK: Duration = Duration::from_millis(100);
/// The longest wait for the first answer of Redis; a person waits for it.
const PATIENCE_WITH_REDIS: Duration = Duration::from_secs(10);
