//! Measures the relay's memory over a long outage of Kafka.

use crate::load::fixed_rate;
use crate::process;
use crate::requests::{Requests, Shape};
use crate::servers::{nowhere, pending, relay};
use std::sync::Arc;

/// The figures of one outage.
#[derive(Debug)]
pub struct Outage {
    rate: u32,
    /// Resident memory at the end of each minute, in MiB.
    memory: Vec<u64>,
    /// Records that waited at the end.
    waiting: u64,
}

/// Posts `rate` requests per second for `minutes`, to a relay that never reaches Kafka.
pub async fn measure(minutes: u32, rate: u32) -> Outage {
    let relay = relay(1).kafka_with(nowhere()).start().await;
    let mut memory = Vec::new();
    for minute in 1..=minutes {
        let requests = Arc::new(Requests::make((rate * 60) as usize, SHAPE));
        let posted = fixed_rate(&requests, relay.ingest(), CONNECTIONS, rate).await;
        assert_eq!(posted.failed, 0, "everything is answered 200");
        memory.push(process::memory(relay.pid()));
        eprintln!("minute {minute}: {} MiB", memory[memory.len() - 1]);
    }
    Outage { rate, waiting: pending(&relay).await, memory }
}

impl Outage {
    /// Writes the memory as a table, a row for every twelfth of the time.
    pub fn table(&self) -> String {
        let minutes = self.memory.len();
        let mut table = format!(
            "Kafka away for {minutes} minutes, {} notifications a second of 1 KiB: {} records wait at the end.\n\n\
             | minutes | memory MiB |\n|--:|--:|\n",
            self.rate, self.waiting
        );
        let step = minutes.div_ceil(12).max(1);
        for (minute, memory) in (1..).zip(&self.memory) {
            if minute % step == 0 || minute == minutes {
                table.push_str(&format!("| {minute} | {memory} |\n"));
            }
        }
        table
    }
}

const CONNECTIONS: usize = 16;
const SHAPE: Shape = Shape { size: 1024, redeliveries: 0, sources: 1 };
