//! The sign that a process works as an instance: said every few seconds, and taken back when it stops.
//!
//! # Promises
//! - An instance whose process died counts as alive for [`LASTS`], and no longer.
//!
//! # Limits
//! A process that Redis does not hear is not known to live. Its records are safe all the same: Kafka
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

/// What became of the attempt to work in the place of a relay.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Succession {
    /// Nobody works as the instance, and we may.
    Ours,
    /// The relay lives: it has renewed its sign while we waited.
    Lives,
}

impl Life {
    /// The sign by which a process says that it works as an instance.
    pub fn new(target: &Target, instance: &str, process: &str) -> Self {
        Self(Lease::new(&target.prefix, &format!("alive:{instance}"), process, LASTS))
    }

    /// Takes the place of a process that died. One that has said not long ago that it lives is waited
    /// for: it says so again, or its sign ends.
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

    /// Says again and again that the instance lives. Never ends.
    pub(super) async fn say(&self, link: &Link) -> Infallible {
        // The sign of the run before, if that was killed, ends within `LASTS`.
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

/// How long a process counts as alive after its last sign.
pub const LASTS: Duration = Duration::from_secs(10);
/// A few signs in a row may be lost.
const EVERY: Duration = Duration::from_secs(2);
/// Refusals in a row, one every [`EVERY`], that last longer than a sign.
const TOO_MANY: u32 = 7;
const LOOK: Duration = Duration::from_millis(500);
