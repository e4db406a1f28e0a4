//! The speed of the memory. On a shared machine others take their part of it, and the relay, whose
//! records pass through memory, suffers more than the bare server, whose few buffers stay in the cache.

use crate::median::median;
use std::hint::black_box;
use std::time::Instant;

/// Copies a block that no cache of a core holds; returns the median speed in GB a second.
pub fn copy_speed() -> f64 {
    let from = vec![1_u8; BLOCK];
    let mut to = vec![2_u8; BLOCK];
    let mut copy = || {
        let began = Instant::now();
        to.copy_from_slice(black_box(&from));
        black_box(&to);
        BLOCK as f64 / 1e9 / began.elapsed().as_secs_f64()
    };
    // The first copy finds pages that the system has yet to give.
    copy();
    let speeds: Vec<f64> = (0..COPIES).map(|_| copy()).collect();
    median(&speeds)
}

const BLOCK: usize = 64 << 20;
const COPIES: usize = 15;
