//! Simulates a sender's wait at one replica: requests at random times, workers, and one commit at a
//! time for all that wait.

use super::inputs::Inputs;

/// The time to an answer, in milliseconds.
pub struct Waits {
    pub median: f64,
    pub p99: f64,
}

/// Simulates notifications at a rate on a replica with so many cores. `None` if it does not keep
/// up.
pub fn play(inputs: &Inputs, cores: usize, rate: f64) -> Option<Waits> {
    let all = inputs.get("relay_cpu") / 1e6;
    let writer = inputs.get("writer_cpu") / 1e6;
    let sync = inputs.get("sync") / 1e3;
    // The work that is neither the writer's nor before the answer (the drain, the Kafka client)
    // takes cores from the workers.
    let request = all - writer;
    let mut chance = Chance(1);
    let mut free = vec![0.0_f64; cores];
    let mut ready = Vec::with_capacity(EVENTS);
    let mut now = 0.0;
    for _ in 0..EVENTS {
        now += chance.gap(rate);
        let next = (0..cores).min_by(|one, other| free[*one].total_cmp(&free[*other]))?;
        let done = now.max(free[next]) + request;
        free[next] = done;
        ready.push((done, now));
    }
    ready.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut took = Vec::with_capacity(EVENTS);
    let (mut begin, mut at) = (0, 0.0_f64);
    while begin < ready.len() {
        at = at.max(ready[begin].0);
        let waiting = ready[begin..].iter().take_while(|(done, _)| *done <= at).count();
        at += sync + writer * waiting as f64;
        took.extend(ready[begin..begin + waiting].iter().map(|(_, came)| at - came));
        begin += waiting;
    }
    let keeps_up = at - now < 0.1;
    took.sort_by(f64::total_cmp);
    let quantile = |share: f64| took[((took.len() - 1) as f64 * share) as usize] * 1e3;
    keeps_up.then(|| Waits { median: quantile(0.5), p99: quantile(0.99) })
}

/// SplitMix64's mixing of a number.
pub fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A generator of random numbers with a fixed seed.
struct Chance(u64);

impl Chance {
    /// The time to the next event of a Poisson process of this rate.
    fn gap(&mut self, rate: f64) -> f64 {
        self.0 += 1;
        let share = (mix(self.0) >> 11) as f64 / (1_u64 << 53) as f64;
        -(1.0 - share).ln() / rate
    }
}

/// Enough for a p99 that does not move with the seed.
const EVENTS: usize = 100_000;
