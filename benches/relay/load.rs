//! The senders: requests made beforehand, posted over kept connections.

use cadrelay::event::provider::Provider;
use cadrelay::providers::sample;
use jiff::Timestamp;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Requests, ready to be written, each with a body of its own.
pub struct Requests {
    bytes: Vec<Vec<u8>>,
}

/// What a round measured.
#[derive(Clone, Debug)]
pub struct Round {
    /// Requests answered 200.
    pub answered: usize,
    /// Requests answered anything else, or not at all.
    pub failed: usize,
    /// From the first to the last.
    pub took: Duration,
    /// Of each request, sorted.
    pub latencies: Vec<Duration>,
}

impl Round {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.answered as f64 / self.took.as_secs_f64()
    }

    /// The latency that this part of the requests stayed under.
    pub fn quantile(&self, part: f64) -> Duration {
        let at = (self.latencies.len() as f64 * part) as usize;
        self.latencies
            .get(at.min(self.latencies.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }
}

impl Requests {
    /// Signed notifications of Onshape with bodies of about `size` bytes, none of them twice.
    pub fn make(count: usize, size: usize, secret: &str, first: u64, now: Timestamp) -> Self {
        let bytes = (0..count as u64).map(|number| {
            let seed = first + number;
            let mut value =
                sample::value(Provider::Onshape, "onshape.model.lifecycle.changed", seed, now);
            value.insert("messageId".to_owned(), format!("{seed:024x}").into());
            let document = format!("{:024x}", seed % DOCUMENTS + 1);
            value.insert("documentId".to_owned(), document.into());
            value.remove("data");
            let bare = serde_json::to_vec(&value).expect("it is JSON").len();
            if size > bare + 10 {
                value.insert("data".to_owned(), "x".repeat(size - bare - 10).into());
            }
            let body = serde_json::to_vec(&value).expect("it is JSON");
            let mut request = format!(
                "POST /webhooks/onshape HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n\
                 content-length: {}\r\n",
                body.len()
            );
            for (name, value) in sample::sign(Provider::Onshape, secret, &body, now) {
                request.push_str(&format!("{name}: {value}\r\n"));
            }
            request.push_str("\r\n");
            [request.into_bytes(), body].concat()
        });
        Self { bytes: bytes.collect() }
    }

    /// Posts all of them, each connection the next one when it has its answer.
    pub async fn closed_loop(self: Arc<Self>, to: SocketAddr, connections: usize) -> Round {
        self.post_all(to, connections, Pace::Answers).await
    }

    /// Posts at a fixed rate. A request that must wait for a connection has waited since it was due.
    pub async fn fixed_rate(
        self: Arc<Self>,
        to: SocketAddr,
        connections: usize,
        rate: u32,
    ) -> Round {
        let start = Instant::now() + Duration::from_millis(50);
        self.post_all(to, connections, Pace::Rate { start, rate }).await
    }

    async fn post_all(self: Arc<Self>, to: SocketAddr, connections: usize, pace: Pace) -> Round {
        let next = Arc::new(AtomicUsize::new(0));
        let began = Instant::now();
        let mut senders = tokio::task::JoinSet::new();
        for _ in 0..connections {
            let (requests, next) = (Arc::clone(&self), Arc::clone(&next));
            senders.spawn(async move {
                let mut sender = Sender::connect(to).await;
                let mut latencies = Vec::new();
                let mut failed = 0;
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(request) = requests.bytes.get(number) else { break };
                    let due = pace.due(number).await;
                    if sender.post(request).await == Some(200) {
                        latencies.push(due.elapsed());
                    } else {
                        failed += 1;
                    }
                }
                (latencies, failed)
            });
        }
        Round::of(senders.join_all().await, began)
    }
}

/// When the next request goes.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// When the one before it was answered.
    Answers,
    /// So many a second.
    Rate { start: Instant, rate: u32 },
}

impl Pace {
    /// Waits until a request is due, and tells when that was.
    async fn due(self, number: usize) -> Instant {
        match self {
            Self::Answers => Instant::now(),
            Self::Rate { start, rate } => {
                let due = start + Duration::from_secs_f64(number as f64 / f64::from(rate));
                tokio::time::sleep_until(due.into()).await;
                due
            }
        }
    }
}

impl Round {
    fn of(parts: Vec<(Vec<Duration>, usize)>, began: Instant) -> Self {
        let took = began.elapsed();
        let failed = parts.iter().map(|(_, failed)| failed).sum();
        let mut latencies: Vec<Duration> =
            parts.into_iter().flat_map(|(latencies, _)| latencies).collect();
        latencies.sort_unstable();
        Self { answered: latencies.len(), failed, took, latencies }
    }
}

struct Sender {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Sender {
    async fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.expect("the server listens");
        stream.set_nodelay(true).expect("it is a TCP stream");
        Self { stream, buffer: vec![0; 4096] }
    }

    /// The status of the answer; `None` if the connection broke.
    async fn post(&mut self, request: &[u8]) -> Option<u16> {
        self.stream.write_all(request).await.ok()?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await.ok()?;
            if read == 0 {
                return None;
            }
            filled += read;
            if let Some(status) = whole(&self.buffer[..filled]) {
                return Some(status);
            }
        }
    }
}

/// The status, once head and body are all there.
fn whole(answer: &[u8]) -> Option<u16> {
    let head = memchr::memmem::find(answer, b"\r\n\r\n")?;
    let text = std::str::from_utf8(&answer[..head]).ok()?;
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|length| length.parse::<usize>().ok())
        .unwrap_or(0);
    let is_whole = answer.len() >= head + 4 + length;
    is_whole.then(|| text.get(9..12)?.parse().ok()).flatten()
}

/// Few enough that order matters, many enough that partitions fill evenly.
const DOCUMENTS: u64 = 1_000;
