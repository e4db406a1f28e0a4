//! One connection of the ingest listener, as its three sides see it: the bytes that come, the handler
//! that takes them, and the watch that ends what is slow.

use crate::lock::lock;
use memchr::memmem;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Instant;

/// The state of a connection.
#[derive(Debug)]
pub struct Connection {
    opened: Instant,
    phase: AtomicU8,
    /// When the phase began, in microseconds after `opened`.
    since: AtomicU64,
    /// Bytes that were read from the socket and that no handler has taken.
    unread: AtomicUsize,
    /// Bytes that came behind the end of the request's head: its body, and what belongs to the next.
    behind: AtomicUsize,
    /// Bytes of a body in pieces that the handler keeps.
    pub(super) held: AtomicUsize,
    ended: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

/// How far the request on a connection is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Nothing has come yet.
    Opened,
    /// A part of a head has come.
    Head,
    /// The head has come, and its body is awaited.
    Body,
    /// The request is whole, and its answer is due.
    Answering,
    /// The answer is on its way.
    Answered,
    /// The answer is out, and the next request may come.
    Idle,
    /// The last answer was given; what still comes is thrown away.
    Leaving,
}

/// Why a connection is ended from outside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// What is due did not come in time.
    Slow,
    /// Room is short, and this is the slowest of those that hold some.
    Crowded,
    /// It was not used for as long as it may rest, or the listener stops.
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
            waker: Mutex::default(),
        }
    }

    /// The phase.
    pub fn phase(&self) -> Phase {
        let phase = self.phase.load(Ordering::Acquire);
        PHASES.into_iter().find(|known| *known as u8 == phase).unwrap_or(Phase::Leaving)
    }

    /// When the phase began.
    pub fn since(&self) -> Instant {
        self.opened + std::time::Duration::from_micros(self.since.load(Ordering::Relaxed))
    }

    /// Why it was ended from outside, if it was.
    pub fn ended(&self) -> Option<End> {
        let ended = self.ended.load(Ordering::Acquire);
        [End::Slow, End::Crowded, End::Unused].into_iter().find(|end| *end as u8 + 1 == ended)
    }

    /// Ends it: whoever polls it next sees the end of the stream.
    pub fn end(&self, why: End) {
        let first =
            self.ended.compare_exchange(0, why as u8 + 1, Ordering::AcqRel, Ordering::Acquire);
        if first.is_ok() {
            self.wake();
        }
    }

    /// A handler has begun: the head is whole.
    pub fn begin(&self) {
        self.enter(Phase::Body);
        self.took();
    }

    /// The handler has taken what came so far.
    pub fn took(&self) {
        if self.unread.swap(0, Ordering::Relaxed) >= WINDOW {
            self.wake();
        }
    }

    /// The body is whole. `length` is what its head announced; of chunks nobody knows how many bytes they
    /// took on the wire, and nothing is taken for the next request's.
    pub fn whole(&self, length: Option<usize>) {
        let rest =
            length.map_or(0, |length| self.behind.load(Ordering::Relaxed).saturating_sub(length));
        self.behind.store(rest, Ordering::Relaxed);
        self.enter(Phase::Answering);
    }

    /// The handler has answered, for the last time or not.
    pub fn answered(&self, is_last: bool) {
        self.enter(if is_last { Phase::Leaving } else { Phase::Answered });
    }

    /// What was written is out.
    pub(super) fn flushed(&self) {
        if self.phase() == Phase::Answered {
            // A part of the next head may have come with this request, and has its time as any other.
            let has_more = self.behind.load(Ordering::Relaxed) > 0;
            self.enter(if has_more { Phase::Head } else { Phase::Idle });
            self.took();
        }
    }

    /// These bytes came.
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

    /// Bytes that no handler has taken.
    pub(super) fn unread(&self) -> usize {
        self.unread.load(Ordering::Relaxed)
    }

    pub(super) fn enter(&self, phase: Phase) {
        let since = u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX / 2);
        self.since.store(since, Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Notes who is to be woken. Look at [`Self::ended`] after it, not before.
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

/// The most bytes that a connection may have sent ahead of what a handler has taken, so also the most
/// that a head may have: twice what common servers take, and no sender comes near it.
pub const WINDOW: usize = 16 << 10;
