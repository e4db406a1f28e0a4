//! Backs off from another relay on our instance: a copy of our spool runs beside the original.
//!
//! Each relay that begins fences the other. If both came back after the same pause, each could end
//! every batch of the other; so pauses are random, and grow until a batch of either succeeds.

use crate::pause::Pause;
use std::time::{Duration, Instant};

/// The pauses after having been fenced.
#[derive(Debug)]
pub struct FencingBackoff {
    pause: Pause,
    last: Option<Instant>,
}

impl FencingBackoff {
    /// A relay that was not fenced yet.
    pub fn new() -> Self {
        Self { pause: Pause::up_to(LONGEST), last: None }
    }

    /// Notes that we were fenced. Begins a random pause, between half and one and a half times the
    /// due one.
    pub fn fenced(&mut self, now: Instant, random: u64) -> Duration {
        // Batches that succeed do not shorten the next pause: they are the other's as often as
        // ours, and a relay that came back early would never let the other finish one.
        if self.last.is_none_or(|last| now.saturating_duration_since(last) > OVER) {
            self.pause.end();
        }
        self.last = Some(now);
        self.pause.begin_about(now, random)
    }

    /// The rest of the pause, if one is under way.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        self.pause.left(now)
    }
}

impl Default for FencingBackoff {
    fn default() -> Self {
        Self::new()
    }
}

/// The longest pause. The largest batch is a second's work, or two on a slow disk.
const LONGEST: Duration = Duration::from_secs(4);
/// After so long without being fenced, the other relay is gone.
const OVER: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::{SystemRandom, generate};

    /// One of two relays, in a time of our own.
    struct Relay {
        fencing: FencingBackoff,
        works_until: Option<Instant>,
        batches: u32,
    }

    #[test]
    fn two_relays_that_fence_each_other_both_get_batches_through() {
        let random = SystemRandom::new();
        let began = Instant::now();
        let relay = || Relay { fencing: FencingBackoff::new(), works_until: None, batches: 0 };
        let mut relays = [relay(), relay()];

        for tick in 0..60_000_u32 {
            let now = began + TICK * tick;
            for at in [tick as usize % 2, 1 - tick as usize % 2] {
                let (one, other) = two(&mut relays, at);
                match one.works_until {
                    Some(until) if until <= now => {
                        one.batches += 1;
                        one.works_until = Some(now + BATCH);
                    }
                    Some(_) => {}
                    None if one.fencing.left(now).is_none() => {
                        one.works_until = Some(now + BATCH);
                        if other.works_until.take().is_some() {
                            let chance = generate::<[u8; 8]>(&random).unwrap().expose();
                            other.fencing.fenced(now, u64::from_le_bytes(chance));
                        }
                    }
                    None => {}
                }
            }
        }

        // Alone, one would get 600 through.
        for relay in &relays {
            assert!(relay.batches > 60, "{}", relay.batches);
        }
    }

    #[test]
    fn a_pause_is_random_grows_and_is_short_again_after_a_time_of_peace() {
        let now = Instant::now();
        let mut fencing = FencingBackoff::new();
        let short = fencing.fenced(now, 0);
        let long = FencingBackoff::new().fenced(now, u64::MAX);

        assert_eq!(short, Duration::from_millis(125));
        assert!(long > short && long < Duration::from_millis(375), "{long:?}");
        for _ in 0..6 {
            fencing.fenced(now, 0);
        }
        assert_eq!(fencing.fenced(now, 0), LONGEST / 2);
        assert_eq!(fencing.left(now), Some(LONGEST / 2));
        let later = now + OVER + TICK;
        assert_eq!(fencing.left(later), None);
        assert_eq!(fencing.fenced(later, 0), short);
    }

    fn two(relays: &mut [Relay; 2], at: usize) -> (&mut Relay, &mut Relay) {
        let [first, second] = relays;
        if at == 0 { (first, second) } else { (second, first) }
    }

    const TICK: Duration = Duration::from_millis(10);
    const BATCH: Duration = Duration::from_secs(1);
}
