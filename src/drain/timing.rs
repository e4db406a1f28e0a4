//! The timing of the drain: its pauses between attempts, and the time it allows for an answer.

use crate::drain::fencing_backoff::FencingBackoff;
use crate::kafka::outcome::Trouble;
use crate::pause::Pause;
use ring::rand::{SystemRandom, generate};
use std::time::{Duration, Instant};

/// The clocks and pauses of the drain.
#[derive(Debug)]
pub struct Timing {
    /// The pause after a trouble that concerns everything.
    pause: Pause,
    /// The pause after another relay of our instance has begun.
    fencing: FencingBackoff,
    random: SystemRandom,
    last_heard: Instant,
    last_batch: Option<Instant>,
    gap: Duration,
}

impl Timing {
    /// The timing before the first attempt.
    pub fn new(now: Instant) -> Self {
        Self {
            pause: Pause::up_to(LONGEST_PAUSE),
            fencing: FencingBackoff::new(),
            random: SystemRandom::new(),
            last_heard: now,
            last_batch: None,
            gap: FIRST_GAP,
        }
    }

    /// The time until the next attempt, while the drain pauses.
    pub fn paused(&self, now: Instant) -> Option<Duration> {
        self.pause.left(now).max(self.fencing.left(now))
    }

    /// Begins a pause; a random one if another relay has fenced us.
    pub fn back_off(&mut self, now: Instant, trouble: Option<Trouble>) {
        if trouble != Some(Trouble::Fenced) {
            self.pause.begin(now);
            return;
        }
        let random: [u8; 8] =
            generate(&self.random).expect("the system gives random bytes").expose();
        self.fencing.fenced(now, u64::from_le_bytes(random));
    }

    /// The time that the next batch waits for more records. Under load a transaction takes the
    /// records that have gathered; the first batch after a quiet while goes at once.
    pub fn gathers(&self, now: Instant) -> Option<Duration> {
        let since = now.saturating_duration_since(self.last_batch?);
        GATHER.checked_sub(since)
    }

    /// Notes that a batch was sent.
    pub fn batch_gone(&mut self, now: Instant) {
        self.last_batch = Some(now);
    }

    /// Notes that Kafka has answered. This does not end the pauses: a cluster that accepts every
    /// new producer may still fail every batch.
    pub fn heard(&mut self, now: Instant) {
        self.last_heard = now;
    }

    /// True if Kafka was not heard of for so long that it must be asked.
    pub fn wants_a_probe(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_heard) >= PROBE_EVERY
    }

    /// See [`crate::kafka::patience::Patience::gap`].
    pub fn gap(&self) -> Duration {
        self.gap
    }

    /// Notes that a batch came to its end, or that its fault was found.
    pub fn batch_ended(&mut self) {
        self.gap = FIRST_GAP;
        self.pause.end();
    }

    /// Notes that the producer was lost: perhaps the gap was too short for a slow cluster.
    pub fn producer_lost(&mut self) {
        self.gap = self.gap.saturating_mul(2).min(LONGEST_GAP);
    }
}

/// A transaction costs the cluster some requests, whatever its size; so at most a hundred a second.
const GATHER: Duration = Duration::from_millis(10);
/// The longest pause. A cluster that comes back is found within seconds; an attempt costs it
/// little.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// So `cadrelay_kafka_up` follows an outage within a minute, even when nothing is sent.
const PROBE_EVERY: Duration = Duration::from_secs(15);
/// The first limit. A cluster whose other brokers answer was never seen to take so long regularly.
const FIRST_GAP: Duration = Duration::from_secs(5);
/// The longest limit: the same as for a silent cluster.
const LONGEST_GAP: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_batch_after_a_while_goes_at_once_and_the_next_one_gathers() {
        let now = Instant::now();
        let mut timing = Timing::new(now);

        assert_eq!(timing.gathers(now), None);
        timing.batch_gone(now);
        assert_eq!(timing.gathers(now), Some(GATHER));
        assert_eq!(timing.gathers(now + 2 * GATHER), None);
    }

    #[test]
    fn a_pause_grows_over_new_producers_until_a_batch_ends() {
        let now = Instant::now();
        let mut timing = Timing::new(now);

        let pauses: Vec<u64> = (0..5)
            .map(|_| {
                timing.heard(now);
                timing.back_off(now, Some(Trouble::Timeout));
                timing.paused(now).map_or(0, |pause| pause.as_millis() as u64)
            })
            .collect();
        timing.batch_ended();

        assert_eq!(pauses, [250, 500, 1000, 2000, 2000]);
        assert_eq!(timing.paused(now), None);
    }

    #[test]
    fn the_gap_grows_while_producers_are_lost_and_is_short_again_after_a_batch() {
        let mut timing = Timing::new(Instant::now());

        let gaps: Vec<u64> = (0..4)
            .map(|_| {
                timing.producer_lost();
                timing.gap().as_secs()
            })
            .collect();
        timing.batch_ended();

        assert_eq!(gaps, [10, 20, 30, 30]);
        assert_eq!(timing.gap(), FIRST_GAP);
    }
}
