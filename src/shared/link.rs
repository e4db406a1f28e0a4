//! The link to Redis: a connection while there is one, and a growing pause while there is none.
//!
//! # Promises
//! - A call without a connection fails at once: nobody waits for one.
//! - One message says that Redis is away, and one that it is back; while only a part of a cluster is away, a
//!   few of each.
//! - One message says that Redis evicts keys, if it tells.
//! - A connection that failed is ended and made anew, which also looks for the server anew.

use crate::lock::lock;
use crate::pause::growing;
use crate::shared::eviction::evicts;
use crate::shared::redis::{Connection, Connector};
use crate::shared::script::{Call, Script};
use crate::shared::trouble::Trouble;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// The link to one Redis.
#[derive(Debug)]
pub struct Link {
    connector: Connector,
    /// The test that a connection must pass before it is used.
    probe: Probe,
    current: Mutex<Current>,
    /// True while there is a connection.
    connected: watch::Sender<bool>,
    lost: Notify,
    /// True if a message said that Redis is away.
    is_away: AtomicBool,
    /// True if a message said that Redis evicts keys.
    is_evicting: AtomicBool,
}

/// A call that exercises all that the relay needs of a server.
#[derive(Debug)]
pub struct Probe {
    /// The script.
    pub script: Script,
    /// Its keys and arguments.
    pub call: Call,
}

/// The connection, if there is one. Each has a number, so that a failure ends only the connection
/// that failed.
#[derive(Default)]
struct Current {
    connection: Option<Connection>,
    number: u64,
}

impl Link {
    /// Makes a link without a connection; [`Link::keep`] makes the connection.
    pub fn new(connector: Connector, probe: Probe) -> Self {
        Self {
            connector,
            probe,
            current: Mutex::default(),
            connected: watch::Sender::new(false),
            lost: Notify::new(),
            is_away: AtomicBool::new(false),
            is_evicting: AtomicBool::new(false),
        }
    }

    /// True while there is a connection.
    pub fn is_up(&self) -> bool {
        *self.connected.borrow()
    }

    /// Waits until there is a connection, or time is up.
    pub async fn wait(&self, patience: Duration) {
        let mut connected = self.connected.subscribe();
        drop(tokio::time::timeout(patience, connected.wait_for(|connected| *connected)).await);
    }

    /// Runs a script once for each call. Any failure ends the connection.
    pub async fn run(
        &self,
        script: &Script,
        calls: impl FnOnce(usize) -> Vec<Call>,
        deadline: Duration,
    ) -> Result<Vec<Vec<i64>>, Trouble> {
        let (connection, number) = self.current()?;
        let calls = calls(connection.keys_in_a_call());
        let answers = connection.run(script, calls, deadline).await;
        answers.inspect_err(|trouble| self.lose(number, *trouble))
    }

    /// Reads the text under a key. Any failure ends the connection.
    pub async fn get(&self, key: &str, deadline: Duration) -> Result<Option<String>, Trouble> {
        let (connection, number) = self.current()?;
        let text = connection.get(key, deadline).await;
        text.inspect_err(|trouble| self.lose(number, *trouble))
    }

    /// The connection and its number.
    fn current(&self) -> Result<(Connection, u64), Trouble> {
        let current = lock(&self.current);
        let connection = current.connection.clone().ok_or(Trouble::Away)?;
        Ok((connection, current.number))
    }

    /// Ends the connection because of an answer that could not be read.
    pub fn end(&self, trouble: Trouble) {
        let number = lock(&self.current).number;
        self.lose(number, trouble);
    }

    /// Makes the connection whenever there is none. Never ends.
    pub async fn keep(&self) {
        let mut failures = 0_u32;
        loop {
            match self.connect().await {
                Ok(connection) => {
                    let made = Instant::now();
                    {
                        let mut current = lock(&self.current);
                        current.number += 1;
                        current.connection = Some(connection.clone());
                    }
                    self.connected.send_replace(true);
                    self.say_back();
                    self.look_for_eviction(connection).await;
                    self.lost.notified().await;
                    // A connection that is lost at once is no better than none: a part of a cluster is
                    // away, and the test of a connection meets another part.
                    if made.elapsed() >= STEADY {
                        failures = 0;
                    }
                }
                Err(trouble) => self.say_away(trouble),
            }
            tokio::time::sleep(growing(FIRST_PAUSE, failures, LONGEST_PAUSE)).await;
            failures = failures.saturating_add(1);
        }
    }

    /// Connects to a server that does what the relay needs; a full or read-only server fails the
    /// test.
    async fn connect(&self) -> Result<Connection, Trouble> {
        let connection = self.connector.connect(CONNECT).await?;
        let Probe { script, call } = &self.probe;
        connection.run(script, vec![call.clone()], CONNECT).await?;
        Ok(connection)
    }

    fn say_back(&self) {
        if self.is_away.swap(false, Ordering::Relaxed) {
            tracing::info!(event = "shared_window_back", redis = %self.connector.address(),
                "the window that replicas share answers again");
        }
    }

    /// Says once if the server forgets keys when its memory is full: nothing else would tell.
    async fn look_for_eviction(&self, connection: Connection) {
        let is_evicting = connection.memory(CONNECT).await.iter().any(|info| evicts(info));
        if is_evicting && !self.is_evicting.swap(true, Ordering::Relaxed) {
            tracing::warn!(event = "shared_window_evicts", redis = %self.connector.address(),
                "Redis evicts keys when its memory is full: a redelivery of an event that it has \
                 forgotten may be published again; set maxmemory-policy to noeviction");
        }
    }

    fn lose(&self, number: u64, trouble: Trouble) {
        {
            let mut current = lock(&self.current);
            if current.number != number || current.connection.take().is_none() {
                return;
            }
        }
        self.connected.send_replace(false);
        self.say_away(trouble);
        self.lost.notify_one();
    }

    fn say_away(&self, trouble: Trouble) {
        if !self.is_away.swap(true, Ordering::Relaxed) {
            tracing::warn!(event = "shared_window_away", redis = %self.connector.address(),
                trouble = trouble.as_str(),
                "the window that replicas share is away: {}; notifications are accepted without it, \
                 and an event that reaches two replicas may be published twice", trouble.as_str());
        }
    }
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Current").field("number", &self.number).finish_non_exhaustive()
    }
}

/// The longest time for connecting, with TLS and a question to the sentinels. Nobody waits for it.
const CONNECT: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Sentinels and managed servers come back within seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The life of a connection that counts as good.
const STEADY: Duration = LONGEST_PAUSE;
