//! `[http]` and `[admin]`: the settings of the listeners.

use crate::quantity::{ByteSize, Duration};
use crate::secret::written::Written;
use crate::veil;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;
use std::path::PathBuf;
use url::Url;

/// Settings of the ingest listener.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The address to listen on. Default `127.0.0.1:8080`.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// The largest body. Default `1MiB`.
    pub body_limit: ByteSize,
    /// The time that a request's head, and then its body, may take to arrive. Default `10s`.
    pub read_timeout: Duration,
    /// The time that a connection may be idle between two requests. Default `75s`: balancers close
    /// theirs after 60, and must be the first to do so.
    pub keep_alive: Duration,
    /// The time for which ingest goes on answering after SIGTERM while `/readyz` says 503, so that
    /// a balancer in front can switch over first. Default `0s`.
    pub stop_delay: Duration,
    /// The most connections at once, if the limit of open files allows it. Beyond it the slowest
    /// are closed. Default 10000.
    pub max_connections: usize,
    /// Allows a source without proof on an address other than loopback. Default false.
    pub allow_unproven: bool,
    /// The certificate and key for TLS. Default none: plain HTTP, behind a proxy that terminates
    /// TLS.
    pub tls: Option<Tls>,
    /// The URL under which providers reach this listener, for subscriptions without a URL of their
    /// own.
    pub public_url: Option<String>,
    /// The number of worker threads, 1 to 512. Default: one for each processor.
    pub workers: Option<usize>,
}

impl Settings {
    /// Returns the faults in these settings, each with its key.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.body_limit.0 == 0 || self.body_limit.0 > MAX_BODY_LIMIT {
            faults.push(format!("http.body_limit: {} is not 1B to 1MiB", self.body_limit));
        }
        if let Some(workers) = self.workers
            && !(1..=MOST_WORKERS).contains(&workers)
        {
            faults.push(format!("http.workers: {workers} is not 1 to {MOST_WORKERS}"));
        }
        if self.read_timeout.0.is_zero() {
            faults
                .push("http.read_timeout: 0 would leave no request the time to arrive".to_owned());
        }
        if self.stop_delay.0 > LONGEST_STOP_DELAY {
            faults.push(format!("http.stop_delay: {} is not 0s to 1h", self.stop_delay));
        }
        if self.max_connections == 0 {
            faults.push("http.max_connections: 0 would let nobody in".to_owned());
        }
        let public = self.public_url.as_deref().map(str::trim).map(Url::parse);
        let is_posted_to = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        if public.is_some_and(|public| !public.is_ok_and(|url| is_posted_to(&url))) {
            // It may hold a token, and is not repeated.
            let expected = "expected the address at which providers reach this listener";
            faults.push(format!("http.public_url: {expected}, such as https://relay.example.com"));
        }
        faults
    }

    /// The number of worker threads: as configured, or one for each processor.
    pub fn worker_threads(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        self.workers.unwrap_or_else(processors).min(MOST_WORKERS)
    }
}

/// A certificate and its key, as PEM files.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate, with its chain.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            body_limit: ByteSize(1 << 20),
            read_timeout: Duration(std::time::Duration::from_secs(10)),
            keep_alive: Duration(std::time::Duration::from_secs(75)),
            stop_delay: Duration(std::time::Duration::ZERO),
            max_connections: 10_000,
            allow_unproven: false,
            tls: None,
            public_url: None,
            workers: None,
        }
    }
}

/// Settings of the admin listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// The address to listen on; not for the internet. Default `127.0.0.1:9464`.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// The bearer token that guards everything but the probes. Default none.
    pub token: Option<Written>,
    /// The number of ingest's decisions that are kept for people. Default 100,000.
    pub recent_events: u64,
    /// The bytes on the spool's disk that these may take, bodies included. Default 64 MiB.
    pub recent_bytes: ByteSize,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9464)),
            token: None,
            recent_events: 100_000,
            recent_bytes: ByteSize(64 << 20),
        }
    }
}

/// Balancers look every few seconds; a longer stop would be taken for one that hangs.
const LONGEST_STOP_DELAY: std::time::Duration = std::time::Duration::from_secs(3_600);
/// The limit of our topics, less what a record adds to a body.
const MAX_BODY_LIMIT: u64 = 1 << 20;

/// The most threads that the framework's server can have.
const MOST_WORKERS: usize = 512;

/// Reads an address. The error shows a valid one.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        D::Error::custom(format_args!(
            "{} is not an address such as `127.0.0.1:8080`",
            veil::value(&text)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use std::time::Duration;

    #[test]
    fn connections_rest_longer_than_a_common_balancer_lets_them() {
        // A balancer that finds its kept connection closed answers its sender 502. Common ones keep
        // theirs for 60 s; read_timeout is for what has begun.
        let settings = Settings::default();

        assert!(settings.keep_alive.0 > Duration::from_secs(60), "{:?}", settings.keep_alive);
        assert!(settings.read_timeout.0 < settings.keep_alive.0);
    }
}
