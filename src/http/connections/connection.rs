//! One connection of a listener, as shared by its three parties: the stream that reads
//! bytes, the handler that takes them, and the watch that closes slow connections.

use crate::lock::lock;
use memchr::memmem;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;
use tokio::time::Instant;

/// The state of a connection.
#[derive(Debug)]
pub struct Connection {
    opened: Instant,
    phase: AtomicU8,
    /// The beginning of the phase, in microseconds after `opened`.
    since: AtomicU64,
    /// Bytes that were read from the socket and not yet taken by a handler.
    unread: AtomicUsize,
    /// Bytes after the end of the request's head: its body, and the beginning of the next request.
    behind: AtomicUsize,
    /// Bytes of a chunked body that the handler holds.
    pub(super) held: AtomicUsize,
    ended: AtomicU8,
    /// The client has closed its side, or the socket failed.
    is_input_over: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// The progress of the request on a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Nothing has arrived yet.
    Opened,
    /// Part of a head has arrived.
    Head,
    /// The head has arrived, and the body is awaited.
    Body,
    /// The request is whole, and its answer is due.
    Answering,
    /// The answer is being written.
    Answered,
    /// The answer is written, and the next request may come.
    Idle,
    /// The last answer was given; all further input is discarded.
    Leaving,
}

/// The reason for closing a connection from outside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The client was too slow.
    Slow,
    /// Room is short, and this connection is the slowest that holds some.
    Crowded,
    /// It was idle for too long, or the listener stops.
    Unused,
}

impl Connection {
    /// A connection that has just been opened.
    pub fn new() -> Self {
        Self {
            opened: Instant::now(),
            phase: AtomicU8::new(Phase::Opened as u8),
            since: AtomicU64::new(0),
            unread: AtomicUsize::new(0),
            behind: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            ended: AtomicU8::new(0),
            is_input_over: AtomicBool::new(false),
            waker: Mutex::default(),
        }
    }

    /// The current phase.
    pub fn phase(&self) -> Phase {
        let phase = self.phase.load(Ordering::Acquire);
        PHASES.into_iter().find(|known| *known as u8 == phase).unwrap_or(Phase::Leaving)
    }

    /// The beginning of the current phase.
    pub fn since(&self) -> Instant {
        self.opened + std::time::Duration::from_micros(self.since.load(Ordering::Relaxed))
    }

    /// The reason for which it was closed from outside, if it was.
    pub fn ended(&self) -> Option<End> {
        let ended = self.ended.load(Ordering::Acquire);
        [End::Slow, End::Crowded, End::Unused].into_iter().find(|end| *end as u8 + 1 == ended)
    }

    /// Closes it: the next poll returns the end of the stream.
    pub fn end(&self, why: End) {
        let first =
            self.ended.compare_exchange(0, why as u8 + 1, Ordering::AcqRel, Ordering::Acquire);
        if first.is_ok() {
            self.wake();
        }
    }

    /// Notes that a handler has begun: the head is complete.
    pub fn begin(&self) {
        self.enter(Phase::Body);
        self.took();
    }

    /// Notes that the handler has taken all bytes so far.
    pub fn took(&self) {
        if self.unread.swap(0, Ordering::Relaxed) >= WINDOW {
            self.wake();
        }
    }

    /// Notes that the body is complete. `length` is the length that its head announced. The length
    /// of chunks on the wire is not known, so after a chunked body nothing counts as part of the
    /// next request.
    pub fn whole(&self, length: Option<usize>) {
        let rest =
            length.map_or(0, |length| self.behind.load(Ordering::Relaxed).saturating_sub(length));
        self.behind.store(rest, Ordering::Relaxed);
        self.enter(Phase::Answering);
    }

    /// Notes that the handler has answered, for the last time or not.
    pub fn answered(&self, is_last: bool) {
        self.enter(if is_last { Phase::Leaving } else { Phase::Answered });
    }

    /// Notes that all output is written.
    pub(super) fn flushed(&self) {
        if self.phase() == Phase::Answered {
            // If part of the next head came with this request, its time begins now.
            let has_more = self.behind.load(Ordering::Relaxed) > 0;
            self.enter(if has_more { Phase::Head } else { Phase::Idle });
            self.took();
        }
    }

    /// Notes that bytes have arrived.
    pub(super) fn came(&self, bytes: &[u8]) {
        self.unread.fetch_add(bytes.len(), Ordering::Relaxed);
        match self.phase() {
            Phase::Opened | Phase::Idle | Phase::Head => {
                let end = memmem::find(bytes, END_OF_HEAD).map(|at| at + END_OF_HEAD.len());
                self.behind.store(end.map_or(0, |end| bytes.len() - end), Ordering::Relaxed);
                if self.phase() != Phase::Head {
                    self.enter(Phase::Head);
                }
            }
            Phase::Body | Phase::Answering | Phase::Answered => {
                self.behind.fetch_add(bytes.len(), Ordering::Relaxed);
            }
            Phase::Leaving => {}
        }
    }

    /// Notes that no more bytes can arrive.
    pub(super) fn input_is_over(&self) {
        self.is_input_over.store(true, Ordering::Release);
    }

    /// True if the client has closed its side, or the socket failed.
    pub fn is_input_over(&self) -> bool {
        self.is_input_over.load(Ordering::Acquire)
    }

    /// The bytes that no handler has taken yet.
    pub(super) fn unread(&self) -> usize {
        self.unread.load(Ordering::Relaxed)
    }

    pub(super) fn enter(&self, phase: Phase) {
        let since = u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX / 2);
        self.since.store(since, Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Registers the waker. Check [`Self::ended`] after it, not before.
    pub fn register(&self, waker: &Waker) {
        let mut kept = lock(&self.waker);
        if !kept.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            *kept = Some(waker.clone());
        }
    }

    fn wake(&self) {
        let waker = lock(&self.waker).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Default for Connection {
    fn default() -> Self {
        Self::new()
    }
}

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

const PHASES: [Phase; 7] = [
    Phase::Opened,
    Phase::Head,
    Phase::Body,
    Phase::Answering,
    Phase::Answered,
    Phase::Idle,
    Phase::Leaving,
];

/// The most bytes that a connection may send ahead of what a handler has taken, and so the largest
/// head: twice the limit of common servers, and far above any sender's.
pub const WINDOW: usize = 16 << 10;
