//! The recent decisions of ingest: one line for each notification of the last while, for people.
//!
//! # Promises
//! - Noting a decision never waits, neither for the disk nor for a reader.
//! - Decisions survive a restart, and a kill but for the last second.
//! - At most [`Limits::count`] decisions and [`Limits::bytes`] bytes are kept; the oldest go first.
//!
//! # Limits
//! A lost decision loses nothing that was promised to a sender or a consumer. Decisions that come
//! faster than the disk takes them are dropped and counted, and so are all while the disk is full.
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
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::broadcast;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most decisions.
    pub count: u64,
    /// The most bytes on the disk.
    pub bytes: u64,
    /// The bytes that must stay free on the disk; nothing is written with less.
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
    /// Where older ones go on, if there may be some: [`Recent::search`]'s `before`.
    pub next: Option<u64>,
}

impl Recent {
    /// Opens the decisions in a directory, which is made if it is missing, and starts the thread
    /// that writes them.
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

    /// Notes a decision, with the body that it was about if there is one to show. The body is left
    /// out when many come at once.
    pub fn note(&self, decision: &Decision<'_>, body: Option<&[u8]>) {
        self.inner.buffer.note(decision, body);
    }

    /// The decisions that a filter takes, newest first, older than `before` if that is given.
    /// Reads the disk: for a thread that may wait.
    pub fn search(&self, filter: &Filter, before: Option<u64>, limit: usize) -> io::Result<Page> {
        self.inner.write_out();
        lock(&self.inner.files).search(filter, before, limit)
    }

    /// The decisions after a number, oldest first, at most `limit`. Reads the disk.
    pub fn after(&self, number: u64, limit: usize) -> io::Result<Vec<Numbered>> {
        self.inner.write_out();
        lock(&self.inner.files).after(number, limit)
    }

    /// The number that the next decision will have, after all that were noted by now.
    pub fn next_number(&self) -> u64 {
        self.inner.write_out();
        lock(&self.inner.files).next_number()
    }

    /// Hears each batch of decisions from now on, as it is written.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Vec<Numbered>>> {
        self.inner.followers.subscribe()
    }

    /// Decisions that were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.inner.buffer.dropped()
    }

    /// Writes what was noted and ends the thread.
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
    /// Looks into the directory; changes nothing. Empty if there is none.
    pub fn look(dir: PathBuf) -> io::Result<Self> {
        let limits = Limits { count: 0, bytes: 0, reserve: 0 };
        Ok(Self(Files::look(dir, limits)?))
    }

    /// As [`Recent::search`].
    pub fn search(&self, filter: &Filter, before: Option<u64>, limit: usize) -> io::Result<Page> {
        self.0.search(filter, before, limit)
    }
}

impl Inner {
    /// Writes what has gathered, and tells it to the followers.
    fn write_out(&self) {
        // The files first: who comes second waits until the first has written what it took.
        let mut files = lock(&self.files);
        let Some(lines) = self.buffer.take() else { return };
        let first = files.next_number();
        if let Err(written) = files.append(&lines) {
            self.buffer.count_dropped(written.dropped);
        }
        if self.followers.receiver_count() > 0 {
            let batch = lines.read(first).collect();
            // The last follower may just have left.
            drop(self.followers.send(Arc::new(batch)));
        }
    }
}

/// How far a follower may fall behind before it misses some: at four batches a second, half a minute.
const MAX_BATCHES_BEHIND: usize = 128;

#[cfg(test)]
mod tests;
