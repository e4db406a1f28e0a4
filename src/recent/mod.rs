//! The recent decisions of ingest: one line for each notification of the last while, for people.
//!
//! # Promises
//! - Noting a decision never waits, neither for the disk nor for a reader.
//! - Decisions survive a restart, and all but the last second survive a kill.
//! - At most [`Limits::count`] decisions and [`Limits::bytes`] bytes are kept; the oldest are
//!   removed first.
//!
//! # Limits
//! A lost decision breaks no promise to a sender or a consumer. Decisions that come faster than the
//! disk takes them are dropped and counted, and so are all decisions while the disk is full.
//!
//! Knows nothing of HTTP, Kafka, or the spool.

mod buffer;
pub mod decision;
mod files;
pub mod filter;
mod thread;

use crate::lock::lock;
use crate::recent::buffer::Buffer;
use crate::recent::decision::Decision;
use crate::recent::files::Files;
use crate::recent::filter::Filter;
use jiff::Timestamp;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::broadcast;

/// The bounds of what is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The greatest number of decisions.
    pub count: u64,
    /// The greatest number of bytes on the disk.
    pub bytes: u64,
    /// The bytes that must stay free on the disk; with fewer nothing is written.
    pub reserve: u64,
}

/// The recent decisions. Cheap to clone; [`Recent::close`] ends its thread.
#[derive(Clone, Debug)]
pub struct Recent {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    buffer: Buffer,
    files: Mutex<Files>,
    followers: broadcast::Sender<Arc<Vec<Numbered>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A decision with its number. Numbers grow by one, over restarts too.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbered {
    /// Its number: the cursor of a page and the id of a stream's message.
    pub number: u64,
    /// The decision.
    pub decision: Decision<'static>,
}

/// Some decisions, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The decisions.
    pub decisions: Vec<Numbered>,
    /// The `before` for [`Recent::search`] to continue with older ones, if there may be some.
    pub next: Option<u64>,
}

impl Recent {
    /// Opens the decisions in a directory, which is created if missing, and starts the thread that
    /// writes them.
    pub fn open(dir: PathBuf, limits: Limits) -> io::Result<Self> {
        let inner = Arc::new(Inner {
            buffer: Buffer::default(),
            files: Mutex::new(Files::open(dir, limits)?),
            followers: broadcast::Sender::new(MAX_BATCHES_BEHIND),
            thread: Mutex::default(),
        });
        let shared = Arc::clone(&inner);
        let thread = std::thread::Builder::new()
            .name("recent".to_owned())
            .spawn(move || thread::run(&shared))?;
        *lock(&inner.thread) = Some(thread);
        Ok(Self { inner })
    }

    /// Notes a decision, with its body if there is one to keep. The body is left out when many
    /// decisions come at once.
    pub fn note(&self, decision: &Decision<'_>, body: Option<&[u8]>) {
        self.inner.buffer.note(decision, body);
    }

    /// Returns the decisions that match a filter, newest first, older than `before` if it is given.
    /// Reads the disk: call it on a thread that may block.
    pub fn search(&self, filter: &Filter, before: Option<u64>, limit: usize) -> io::Result<Page> {
        self.inner.write_out();
        lock(&self.inner.files).search(filter, before, limit)
    }

    /// Returns the decisions after a number, oldest first, at most `limit`. Reads the disk.
    pub fn after(&self, number: u64, limit: usize) -> io::Result<Vec<Numbered>> {
        self.inner.write_out();
        lock(&self.inner.files).after(number, limit)
    }

    /// The number that the next decision will have, after all that are noted so far.
    pub fn next_number(&self) -> u64 {
        self.inner.write_out();
        lock(&self.inner.files).next_number()
    }

    /// Subscribes to the batches of decisions that are written from now on.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Vec<Numbered>>> {
        self.inner.followers.subscribe()
    }

    /// The time of the oldest decision that is kept. Reads the disk.
    pub fn oldest(&self) -> io::Result<Option<Timestamp>> {
        self.inner.write_out();
        lock(&self.inner.files).oldest()
    }

    /// The number of decisions dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.inner.buffer.dropped()
    }

    /// Writes all that was noted, and ends the thread.
    pub fn close(&self) {
        self.inner.buffer.close();
        if let Some(thread) = lock(&self.inner.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes recent decisions panicked");
        }
    }
}

/// The decisions that a stopped relay left.
#[derive(Debug)]
pub struct Left(Files);

impl Left {
    /// Opens the directory read-only. Empty if there is none.
    pub fn look(dir: PathBuf) -> io::Result<Self> {
        let limits = Limits { count: 0, bytes: 0, reserve: 0 };
        Ok(Self(Files::look(dir, limits)?))
    }

    /// As [`Recent::search`].
    pub fn search(&self, filter: &Filter, before: Option<u64>, limit: usize) -> io::Result<Page> {
        self.0.search(filter, before, limit)
    }

    /// As [`Recent::oldest`].
    pub fn oldest(&self) -> io::Result<Option<Timestamp>> {
        self.0.oldest()
    }
}

impl Inner {
    /// Writes the waiting decisions, and sends them to the followers.
    fn write_out(&self) {
        // Locks the files first: a second caller waits until the first has written what it took.
        let mut files = lock(&self.files);
        let Some(lines) = self.buffer.take() else { return };
        let first = files.next_number();
        if let Err(written) = files.append(&lines) {
            self.buffer.count_dropped(written.dropped);
        }
        if self.followers.receiver_count() > 0 {
            let batch = lines.read(first).collect();
            // The last follower may have left meanwhile.
            drop(self.followers.send(Arc::new(batch)));
        }
    }
}

/// The number of batches that a follower may fall behind before it misses some: half a minute, at
/// four batches a second.
const MAX_BATCHES_BEHIND: usize = 128;

#[cfg(test)]
mod tests;
