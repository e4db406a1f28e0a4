//! All connections of the ingest listener, and what they may hold together.
//!
//! # Promises
//! - Heads have `read_timeout`, every one of a connection, and 16 KiB.
//! - Connections are bounded in number, and what they hold of unproven requests in bytes. When room is
//!   short the slowest holder goes, not the newcomer: a connection that is just served never does.
//!
//! # Limits
//! A request that is whole holds nothing here; it waits for one commit.
//!
//! The web framework has no setting for any of it: it reads 128 KiB of an unfinished head, times the
//! first head of a connection alone, and lets newcomers wait while strangers hold all connections. So
//! its service runs behind a stream of ours, [`guarded::Guarded`], which needs nothing of it but its
//! public factory.

pub mod connection;
pub mod guarded;

use crate::http::error::Problem;
use crate::lock::lock;
use crate::throttle::Throttle;
use connection::{Connection, End, Phase};
use std::collections::HashMap;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What connections may hold together.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most connections.
    pub connections: usize,
    /// The most bytes of heads and bodies that are not whole.
    pub bytes: usize,
    /// How long a head may take, and how long an answer may lie unread.
    pub read_timeout: Duration,
    /// How long a connection may rest between two requests.
    pub keep_alive: Duration,
}

/// All connections.
#[derive(Debug)]
pub struct Connections {
    limits: Limits,
    open: Mutex<Open>,
    /// Bytes that bodies may still hold.
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

/// A connection's place among the others, given back when it is dropped.
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
    /// No connection yet.
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

    /// Takes a connection in. If there are too many, the slowest of the others go.
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

    /// Keeps room for a piece of a body, if need be that of the slowest body.
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

    /// Gives back the room that the pieces of a body had.
    pub fn release(&self, connection: &Connection) {
        let held = connection.held.swap(0, Ordering::AcqRel);
        self.left.fetch_add(held, Ordering::AcqRel);
    }

    /// Ends what rests, and whatever comes to rest, because the listener stops.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.sweep(Instant::now());
    }

    /// Waits until every request that was taken is answered; not for long, as it waits for one commit.
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

    /// Looks at all connections again and again. Never ends.
    pub async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            self.sweep(Instant::now());
        }
    }

    /// Ends what is late, and if unfinished heads and bodies hold too much, the slowest of them.
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

    /// Ends the slowest strangers, else those that have rested longest; some at once, so that a flood
    /// does not look through all connections for each of its own.
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
                held_back,
                "connections or unfinished requests use all the room they may: the slowest are closed"
            );
        }
    }
}

/// Who goes first when there are too many connections.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Standing {
    /// It is in the middle of a request that proves nothing yet, or has not begun one.
    Stranger,
    /// It rests.
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

    /// Says once in a while that a connection was refused before it made a request.
    fn note_refused(&self, problem: Problem) {
        if let Some(held_back) = self.connections.refused.pass() {
            tracing::info!(
                event = "connection_refused",
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

/// How long a commit may take.
const SETTLING: Duration = Duration::from_secs(5);
/// Deadlines are seconds.
const SWEEP_EVERY: Duration = Duration::from_millis(250);
/// A caller that was refused in the middle of its request may read that before we hang up.
const LEAVING: Duration = Duration::from_secs(1);
