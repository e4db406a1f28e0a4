//! The senders: post requests over kept connections, and count the answers.

use crate::requests::Requests;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// The figures of one round.
#[derive(Clone, Debug)]
pub struct Round {
    /// Requests answered 200.
    pub answered: usize,
    /// Requests answered with another status, or not at all.
    pub failed: usize,
    /// The time from the first request to the last answer.
    pub took: Duration,
    /// The latencies of the requests answered 200, sorted.
    pub latencies: Vec<Duration>,
}

impl Round {
    /// Answers per second.
    pub fn rate(&self) -> f64 {
        self.answered as f64 / self.took.as_secs_f64()
    }

    /// The latency in milliseconds that this part of the requests stayed under.
    pub fn quantile(&self, part: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = ((self.latencies.len() as f64 * part) as usize).min(last);
        self.latencies.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }

    fn of(parts: Vec<(Vec<Duration>, usize)>, began: Instant) -> Self {
        let took = began.elapsed();
        let failed = parts.iter().map(|(_, failed)| failed).sum();
        let mut latencies: Vec<Duration> =
            parts.into_iter().flat_map(|(latencies, _)| latencies).collect();
        latencies.sort_unstable();
        Self { answered: latencies.len(), failed, took, latencies }
    }
}

/// The action when all requests were posted and time is left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Then {
    /// Ends the round.
    End,
    /// Posts the requests again; only for a server to which a repeat is a request like any other.
    Repeat,
}

/// Posts for `time`; each connection sends its next request when it has the answer to the last.
pub async fn closed_loop(
    requests: &Arc<Requests>,
    to: SocketAddr,
    connections: usize,
    time: Duration,
    then: Then,
) -> Round {
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..connections {
        let (requests, next) = (Arc::clone(requests), Arc::clone(&next));
        senders.spawn(async move {
            let mut sender = Sender::connect(to).await;
            let (mut latencies, mut failed) = (Vec::new(), 0);
            loop {
                let mut number = next.fetch_add(1, Ordering::Relaxed);
                if then == Then::Repeat {
                    number %= requests.len();
                }
                let Some(request) = requests.get(number) else { break };
                let posted = Instant::now();
                if posted.duration_since(began) >= time {
                    break;
                }
                match sender.post(request).await {
                    Some(200) => latencies.push(posted.elapsed()),
                    _ => failed += 1,
                }
            }
            (latencies, failed)
        });
    }
    Round::of(senders.join_all().await, began)
}

/// Posts all requests at a fixed rate. Latency counts from the time at which a request was due, so
/// it includes the wait for a free connection.
pub async fn fixed_rate(
    requests: &Arc<Requests>,
    to: SocketAddr,
    connections: usize,
    rate: u32,
) -> Round {
    let mut ready = Vec::with_capacity(connections);
    for _ in 0..connections {
        ready.push(Sender::connect(to).await);
    }
    let due = Arc::new(Semaphore::new(0));
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let when =
        move |number: usize| began + Duration::from_secs_f64(number as f64 / f64::from(rate));
    let mut senders = JoinSet::new();
    for mut sender in ready {
        let (requests, next, due) = (Arc::clone(requests), Arc::clone(&next), Arc::clone(&due));
        senders.spawn(async move {
            let (mut latencies, mut failed) = (Vec::new(), 0);
            while let Ok(permit) = due.acquire().await {
                permit.forget();
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(request) = requests.get(number) else { break };
                match sender.post(request).await {
                    Some(200) => latencies.push(when(number).elapsed()),
                    _ => failed += 1,
                }
            }
            (latencies, failed)
        });
    }
    let count = requests.len();
    // A thread of its own, because the runtime's timers are no finer than a millisecond.
    let pacer = std::thread::spawn(move || {
        for number in 0..count {
            while let Some(left) = when(number).checked_duration_since(Instant::now()) {
                std::thread::park_timeout(left);
            }
            due.add_permits(1);
        }
        // One more permit for each sender, so that it finds that no request is left.
        due.add_permits(connections);
    });
    let round = Round::of(senders.join_all().await, began);
    pacer.join().expect("the pacer does not panic");
    round
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

    /// Posts a request and returns the status of the answer; `None` if the connection broke.
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

/// Returns the status once head and body have arrived in full.
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
