//! The sign that a process works as an instance: renewed every few seconds, and taken back when the
//! process stops.
//!
//! # Promises
//! - An instance whose process died counts as alive for [`LASTS`], and no longer.
//!
//! # Limits
//! A process that cannot reach Redis is not known to live. Its records are safe all the same: Kafka
//! fences two producers of one instance against each other.

use crate::shared::Target;
use crate::shared::lease::{Held, Lease};
use crate::shared::link::Link;
use crate::shared::trouble::Trouble;
use std::convert::Infallible;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// The sign of one process.
#[derive(Debug)]
pub struct Life(Lease);

/// The outcome of an attempt to take the place of a relay.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Succession {
    /// Nobody works as the instance, and the caller may.
    Ours,
    /// The relay lives: it renewed its sign during the wait.
    Lives,
}

impl Life {
    /// Makes the sign by which a process says that it works as an instance.
    pub fn new(target: &Target, instance: &str, process: &str) -> Self {
        Self(Lease::new(&target.prefix, &format!("alive:{instance}"), process, LASTS))
    }

    /// Takes the place of a process that died. If its last sign is still valid, waits until it is
    /// renewed or ends.
    pub async fn succeed(
        &self,
        target: &Target,
        patience: Duration,
    ) -> Result<Succession, Trouble> {
        let connection = target.connector.connect(patience).await?;
        let began = Instant::now();
        loop {
            match self.0.take_by(&connection).await? {
                Held::Here(_) => return Ok(Succession::Ours),
                Held::Elsewhere if began.elapsed() > LASTS + EVERY => return Ok(Succession::Lives),
                Held::Elsewhere => sleep(LOOK).await,
            }
        }
    }

    /// Renews the sign again and again. Never ends.
    pub(super) async fn say(&self, link: &Link) -> Infallible {
        // The sign of an earlier run that was killed ends within `LASTS`.
        let mut refusals = 0;
        loop {
            // The sign goes out as soon as there is a connection; without one nobody could ask for it.
            link.wait(LASTS).await;
            match self.0.take(link).await {
                Ok(Held::Elsewhere) => refusals += 1,
                Ok(Held::Here(_)) | Err(_) => refusals = 0,
            }
            if refusals == TOO_MANY {
                tracing::error!(
                    event = "instance_shared",
                    "another process works as this instance: a hand-over of its directory, or a relay \
                     on a copy of it"
                );
            }
            sleep(EVERY).await;
        }
    }

    /// Takes the sign back.
    pub(super) async fn end(&self, link: &Link) {
        self.0.give_up(link).await;
    }
}

/// The time for which a process counts as alive after its last sign.
pub const LASTS: Duration = Duration::from_secs(10);
/// The time from one sign to the next, so that a few in a row may be lost.
const EVERY: Duration = Duration::from_secs(2);
/// The refusals in a row, one every [`EVERY`], that together last longer than a sign.
const TOO_MANY: u32 = 7;
const LOOK: Duration = Duration::from_millis(500);
