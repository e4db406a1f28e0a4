//! Holds decisions until they are written.

use crate::lock::lock;
use crate::recent::Numbered;
use crate::recent::decision::Decision;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// Takes decisions from the threads that answer, and gives them to the thread that writes.
#[derive(Debug)]
pub(super) struct Buffer {
    lines: Mutex<Lines>,
    rung: Condvar,
    /// Bytes of bodies that may still be kept before the next turn.
    body_credit: AtomicUsize,
    /// Decisions on unproven notifications that may still be kept before the next turn.
    stranger_credit: AtomicUsize,
    dropped: AtomicU64,
    closing: AtomicBool,
}

/// Decisions as lines of JSON.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    count: u64,
}

impl Default for Buffer {
    fn default() -> Self {
        Self {
            lines: Mutex::default(),
            rung: Condvar::new(),
            body_credit: AtomicUsize::new(BODY_BYTES_A_TURN),
            stranger_credit: AtomicUsize::new(STRANGERS_A_TURN),
            dropped: AtomicU64::new(0),
            closing: AtomicBool::new(false),
        }
    }
}

impl Buffer {
    /// Adds a decision, unless too much is waiting already.
    pub(super) fn note(&self, decision: &Decision<'_>, body: Option<&[u8]>) {
        if decision.outcome.is_of_strangers() && !spend(&self.stranger_credit, 1) {
            self.count_dropped(1);
            return;
        }
        let may_keep =
            |body: &&[u8]| body.len() <= MAX_BODY_BYTES && spend(&self.body_credit, body.len());
        let body = body.filter(may_keep);
        let mut line = Vec::with_capacity(USUAL_LINE_BYTES + body.map_or(0, <[u8]>::len));
        let encoded = match body {
            None => serde_json::to_writer(&mut line, decision),
            Some(body) => {
                let mut decision = decision.clone();
                match std::str::from_utf8(body) {
                    Ok(text) => decision.raw = Some(Cow::Borrowed(text)),
                    Err(_) => decision.raw_base64 = Some(STANDARD.encode(body).into()),
                }
                serde_json::to_writer(&mut line, &decision)
            }
        };
        encoded.expect("a decision is JSON, and memory takes it");
        line.push(b'\n');
        let mut lines = lock(&self.lines);
        if lines.bytes.len() + line.len() > MAX_WAITING_BYTES {
            drop(lines);
            self.count_dropped(1);
            return;
        }
        lines.bytes.extend_from_slice(&line);
        lines.count += 1;
    }

    /// Takes all that is waiting, if there is anything.
    pub(super) fn take(&self) -> Option<Lines> {
        let mut lines = lock(&self.lines);
        (lines.count > 0).then(|| std::mem::take(&mut *lines))
    }

    /// Waits for the next turn. False when the relay stops.
    pub(super) fn next_turn(&self) -> bool {
        let lines = lock(&self.lines);
        let goes_on = |_: &mut Lines| !self.closing.load(Ordering::Acquire);
        drop(self.rung.wait_timeout_while(lines, TURN, goes_on));
        self.body_credit.store(BODY_BYTES_A_TURN, Ordering::Relaxed);
        self.stranger_credit.store(STRANGERS_A_TURN, Ordering::Relaxed);
        !self.closing.load(Ordering::Acquire)
    }

    pub(super) fn close(&self) {
        let _lines = lock(&self.lines);
        self.closing.store(true, Ordering::Release);
        self.rung.notify_all();
    }

    pub(super) fn count_dropped(&self, dropped: u64) {
        self.dropped.fetch_add(dropped, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Takes an amount from a credit, if there is enough.
fn spend(credit: &AtomicUsize, amount: usize) -> bool {
    let rest = |left: usize| left.checked_sub(amount);
    credit.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest).is_ok()
}

impl Lines {
    /// The lines as bytes.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of lines.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Reads the decisions. The first has the number `first`.
    pub(super) fn read(&self, first: u64) -> impl Iterator<Item = Numbered> + '_ {
        let lines = self.bytes.split(|byte| *byte == b'\n').zip(first..);
        lines.filter_map(|(line, number)| read_line(line, number))
    }
}

/// Reads the decision in a line. `None` for a line that a kill has cut.
pub(super) fn read_line(line: &[u8], number: u64) -> Option<Numbered> {
    let decision: Decision<'_> = serde_json::from_slice(line).ok()?;
    Some(Numbered { number, decision: decision.into_owned() })
}

/// The interval between two writes, and so the most that a kill can take.
const TURN: Duration = Duration::from_millis(250);
/// A megabyte of bodies a second is kept. Beyond it decisions are kept without their bodies, so
/// that a flood costs little.
const BODY_BYTES_A_TURN: usize = 256 << 10;
/// Twenty a second: a flood of forgeries must not push out the proven decisions of the last minute.
const STRANGERS_A_TURN: usize = 5;
/// Larger bodies are not kept; those of the providers have some kilobytes.
const MAX_BODY_BYTES: usize = 64 << 10;
/// The most bytes that may wait for the disk: some seconds at full speed.
const MAX_WAITING_BYTES: usize = 4 << 20;
/// A decision without its body has about 400 bytes.
const USUAL_LINE_BYTES: usize = 512;
