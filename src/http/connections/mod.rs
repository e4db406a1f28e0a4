//! All connections of a listener, and their common limits.
//!
//! # Promises
//! - Every head of a connection is bounded by `read_timeout` and 16 KiB.
//! - The number of connections is bounded, and so are the bytes of unproven requests that they
//!   hold. When room is short the slowest holder is closed, not the newcomer; a connection that is
//!   just being answered is never closed.
//!
//! # Limits
//! A complete request holds nothing here; it waits for one commit.
//!
//! The web framework has no settings for this: it buffers 128 KiB of an unfinished head, times only
//! the first head of a connection, and makes newcomers wait while strangers hold all connections.
//! So its service runs behind a stream of ours, [`guarded::Guarded`], which only needs its public
//! factory.

pub mod connection;
pub mod guarded;

use crate::http::error::Problem;
use crate::lock::lock;
use crate::throttle::Throttle;
use actix_web::HttpRequest;
use connection::{Connection, End, Phase};
use std::collections::HashMap;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// The connection of a request. A request that came otherwise, as in a test, has one of its own.
pub fn of(request: &HttpRequest) -> Arc<Connection> {
    request.conn_data::<Arc<Connection>>().cloned().unwrap_or_default()
}

/// The common limits of all connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The name of the listener, for the log.
    pub listener: &'static str,
    /// The most connections.
    pub connections: usize,
    /// The most bytes of incomplete heads and bodies.
    pub bytes: usize,
    /// The time that a head may take, and that an answer may stay unread.
    pub read_timeout: Duration,
    /// The time that a connection may be idle between two requests.
    pub keep_alive: Duration,
}

/// All connections.
#[derive(Debug)]
pub struct Connections {
    limits: Limits,
    open: Mutex<Open>,
    /// The bytes that bodies may still hold.
    left: AtomicUsize,
    stopping: AtomicBool,
    crowded: Throttle,
    refused: Throttle,
}

#[derive(Debug, Default)]
struct Open {
    last: u64,
    all: HashMap<u64, Arc<Connection>>,
}

/// The entry of a connection among the others, removed on drop.
#[derive(Debug)]
pub struct Entry {
    connection: Arc<Connection>,
    number: u64,
    connections: Arc<Connections>,
}

/// There is no room for this piece of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoRoom;

impl Connections {
    /// Begins without connections.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: Mutex::default(),
            left: AtomicUsize::new(limits.bytes),
            stopping: AtomicBool::new(false),
            crowded: Throttle::default(),
            refused: Throttle::default(),
        }
    }

    /// The most connections.
    pub fn most(&self) -> usize {
        self.limits.connections
    }

    /// Takes a connection in. If there are too many, the slowest of the others are closed.
    pub fn open(self: &Arc<Self>) -> Entry {
        let connection = Arc::new(Connection::new());
        let mut open = lock(&self.open);
        open.last += 1;
        let number = open.last;
        if open.all.len() >= self.limits.connections {
            self.make_place(&open);
        }
        open.all.insert(number, Arc::clone(&connection));
        drop(open);
        Entry { connection, number, connections: Arc::clone(self) }
    }

    /// Reserves room for a piece of a body, if need be by closing the slowest body.
    pub fn hold(&self, connection: &Connection, bytes: usize) -> Result<(), NoRoom> {
        loop {
            let less = |left: usize| left.checked_sub(bytes);
            if self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).is_ok() {
                connection.held.fetch_add(bytes, Ordering::AcqRel);
                return Ok(());
            }
            let slowest = lock(&self.open)
                .all
                .values()
                .filter(|other| other.held.load(Ordering::Acquire) > 0)
                .filter(|other| other.ended().is_none())
                .min_by_key(|other| other.since())
                .cloned();
            match slowest {
                Some(slowest) if !ptr::eq(&*slowest, connection) => self.crowd_out(&slowest),
                _ => return Err(NoRoom),
            }
        }
    }

    /// Gives back the room of a body's pieces.
    pub fn release(&self, connection: &Connection) {
        let held = connection.held.swap(0, Ordering::AcqRel);
        self.left.fetch_add(held, Ordering::AcqRel);
    }

    /// Closes idle connections now, and the others when they become idle, because the listener
    /// stops.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.sweep(Instant::now());
    }

    /// Waits until every complete request is answered, but no longer than a commit may take.
    pub async fn settled(&self) {
        let deadline = Instant::now() + SETTLING;
        while Instant::now() < deadline {
            let is_due = |one: &Arc<Connection>| one.phase() == Phase::Answering;
            if !lock(&self.open).all.values().any(is_due) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Checks all connections periodically. Never ends.
    pub async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            self.sweep(Instant::now());
        }
    }

    /// Closes connections that are late. If unfinished heads and bodies hold too much, also the
    /// slowest of them.
    fn sweep(&self, now: Instant) {
        let open = lock(&self.open);
        let mut heads = 0;
        for connection in open.all.values().filter(|one| one.ended().is_none()) {
            let age = now.saturating_duration_since(connection.since());
            let Limits { read_timeout, keep_alive, .. } = self.limits;
            let is_stopping = self.stopping.load(Ordering::Acquire);
            match connection.phase() {
                Phase::Opened | Phase::Head | Phase::Answered if age > read_timeout => {
                    connection.end(End::Slow);
                }
                Phase::Idle if age > keep_alive || is_stopping => connection.end(End::Unused),
                Phase::Leaving if age > LEAVING => connection.end(End::Unused),
                // The handler times a body itself, and an answer waits for one commit.
                Phase::Opened | Phase::Answered | Phase::Idle | Phase::Leaving => {}
                Phase::Head | Phase::Body | Phase::Answering => heads += connection.unread(),
            }
        }
        let mut excess = heads.saturating_sub(self.left.load(Ordering::Acquire));
        if excess == 0 {
            return;
        }
        let mut holders: Vec<_> = open
            .all
            .values()
            .filter(|one| one.ended().is_none())
            .filter(|one| matches!(one.phase(), Phase::Head | Phase::Body))
            .map(|one| (one.since(), one))
            .collect();
        holders.sort_unstable_by_key(|(since, _)| *since);
        for (_, holder) in holders {
            if excess == 0 {
                break;
            }
            let held = holder.unread() + holder.held.load(Ordering::Acquire);
            excess = excess.saturating_sub(held);
            self.crowd_out(holder);
        }
    }

    /// Closes the slowest strangers, or else the connections that were idle longest; several at
    /// once, so that a flood does not search all connections for each of its own.
    fn make_place(&self, open: &Open) {
        let mut holders: Vec<_> = open
            .all
            .values()
            .filter(|one| one.ended().is_none())
            .filter_map(|one| Some((Standing::of(one.phase())?, one.since(), one)))
            .collect();
        let alive = open.all.values().filter(|one| one.ended().is_none()).count();
        if alive < self.limits.connections {
            return;
        }
        holders.sort_unstable_by_key(|(standing, since, _)| (*standing, *since));
        let some = 1 + alive - self.limits.connections + self.limits.connections / 64;
        for (_, _, holder) in holders.into_iter().take(some) {
            self.crowd_out(holder);
        }
    }

    fn crowd_out(&self, connection: &Connection) {
        connection.end(End::Crowded);
        self.release(connection);
        if let Some(held_back) = self.crowded.pass() {
            tracing::warn!(
                event = "connections_crowded",
                listener = self.limits.listener,
                held_back,
                "connections or unfinished requests use all the room they may: the slowest are closed"
            );
        }
    }
}

/// The order of closing when there are too many connections.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Standing {
    /// It is in a request that proves nothing yet, or has not begun one.
    Stranger,
    /// It is idle.
    Resting,
}

impl Standing {
    fn of(phase: Phase) -> Option<Self> {
        match phase {
            Phase::Opened | Phase::Head | Phase::Body | Phase::Answered | Phase::Leaving => {
                Some(Self::Stranger)
            }
            Phase::Idle => Some(Self::Resting),
            Phase::Answering => None,
        }
    }
}

impl Entry {
    /// The connection.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Logs, at most once in a while, that a connection was refused before it made a request.
    fn note_refused(&self, problem: Problem) {
        if let Some(held_back) = self.connections.refused.pass() {
            tracing::info!(
                event = "connection_refused",
                listener = self.connections.limits.listener,
                ?problem,
                held_back,
                "a connection sent no valid request: {problem:?}"
            );
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.connections.open).all.remove(&self.number);
        self.connections.release(&self.connection);
    }
}

/// The time that a commit may take.
const SETTLING: Duration = Duration::from_secs(5);
/// Often enough, because deadlines are seconds.
const SWEEP_EVERY: Duration = Duration::from_millis(250);
/// A client that was refused in the middle of its request may read the answer before we hang up.
const LEAVING: Duration = Duration::from_secs(1);
