//! Measures a backlog that drains while senders go on.

use crate::load::fixed_rate;
use crate::prepared;
use crate::process;
use crate::requests::{Requests, Shape};
use crate::servers::{pending, relay};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::kafka::Kafka;
use support::tools::scratch;

/// The figures of one drain.
#[derive(Clone, Copy, Debug)]
pub struct Drained {
    pub records: u64,
    pub size: usize,
    /// Records drained per second.
    pub rate: f64,
    /// The peak of resident memory, in MiB.
    pub peak_memory: u64,
    /// Resident memory when no record was left, in MiB.
    pub memory_after: u64,
    /// The senders' p99 during the drain, in milliseconds.
    pub p99: f64,
    /// Microseconds of processor time per record, of the relay and of the broker.
    pub cpu: f64,
    pub broker: f64,
}

/// Drains `records` records with bodies of `size` bytes, beside `beside` requests per second.
pub async fn measure(records: u64, size: usize, beside: u32) -> Drained {
    let kafka = Kafka::start_measured().await;
    let dir = tempfile::tempdir_in(scratch()).expect("a folder");
    let spool = dir.path().join("spool");
    prepared::fill(&spool, records, records, size).await;
    let shape = Shape { size, redeliveries: 0, sources: 1 };
    let longest = Duration::from_secs_f64(records as f64 / SLOWEST);
    let posts = (longest.as_secs_f64() * f64::from(beside)) as usize;
    let requests = Arc::new(Requests::make(posts, shape));

    let relay = relay(1)
        .set("spool.dir", &format!("{spool:?}"))
        .set("kafka.topic_prefix", "'cad.'")
        .kafka(&kafka)
        .start()
        .await;
    process::forget_peak(relay.pid());
    let before = process::Usage::of(relay.pid());
    let broker_before = process::Usage::of(kafka.pid());
    let to = relay.ingest();
    let posting = tokio::spawn(async move { fixed_rate(&requests, to, 64, beside).await });
    // The rate counts from the first look that finds fewer records than were prepared. The drain
    // counts as ended when fewer records wait than senders post in 50 ms, because they keep
    // posting.
    let (mut began, mut first) = (None, records);
    let took = loop {
        let left = pending(&relay).await;
        match began {
            None if left < records => (began, first) = (Some(Instant::now()), left),
            Some(began) if left <= u64::from(beside) / 20 => {
                break Instant::now().duration_since(began);
            }
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let cpu = process::Usage::of(relay.pid()).since(&before).cpu();
    let broker = process::Usage::of(kafka.pid()).since(&broker_before).cpu();
    let peak_memory = process::peak_memory(relay.pid());
    let memory_after = process::memory(relay.pid());
    let posted = posting.await.expect("the senders do not panic");
    let each = |time: Duration| time.as_secs_f64() * 1e6 / records as f64;
    Drained {
        records,
        size,
        rate: first as f64 / took.as_secs_f64(),
        peak_memory,
        memory_after,
        p99: posted.quantile(0.99),
        cpu: each(cpu),
        broker: each(broker),
    }
}

impl Drained {
    /// Writes the figures as a sentence.
    pub fn told(&self, beside: u32) -> String {
        format!(
            "{} records of {} B drained at {:.0} a second, beside {beside} requests a second whose p99 was \
             {:.1} ms. Memory: {} MiB at most, {} MiB afterwards. Processor time a record: {:.1} µs of the \
             relay, {:.1} µs of the broker.\n",
            self.records,
            self.size,
            self.rate,
            self.p99,
            self.peak_memory,
            self.memory_after,
            self.cpu,
            self.broker
        )
    }
}

/// The slowest expected drain, in records per second. The senders post for as long as it would
/// take.
const SLOWEST: f64 = 150_000.0;
