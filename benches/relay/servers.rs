//! The measured servers, and the Kafka beside them.

use crate::requests::SECRET;
use rdkafka::ClientConfig;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use support::kafka::Kafka;
use support::process::launch;
use support::relay::{Builder, Relay};

/// The bare server, in a process of its own, which ends when this value is dropped.
pub struct Bare {
    child: Child,
    /// The address that it listens on.
    pub address: SocketAddr,
}

impl Bare {
    /// Starts it.
    pub fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().expect("the system knows"));
        command.arg("bare").stdout(Stdio::piped());
        let mut child = launch(command).expect("this program starts");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        output.read_line(&mut line).expect("it says where it listens");
        Self { child, address: line.trim().parse().expect("an address") }
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Configures a relay with this many sources, `onshape-0` and so on, and room for all that a bench
/// posts.
pub fn relay(sources: usize) -> Builder {
    let source = |builder: Builder, number| {
        builder.source(&format!(
            "name = 'onshape-{number}'\nprovider = 'onshape'\nproof = {{ hmac = ['{SECRET}'] }}"
        ))
    };
    let usual = Relay::builder().set("spool.max_bytes", "'64GiB'").set("kafka.partitions", "6");
    (0..sources).fold(usual, source)
}

/// The client settings for a Kafka that is away: nothing listens at the address.
pub fn nowhere() -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", "127.0.0.1:1");
    client
}

/// The processor time that a broker has used.
pub fn broker_cpu(kafka: &Kafka) -> Duration {
    crate::process::Usage::of(kafka.pid()).cpu()
}

/// The number of records that wait in a relay's spool.
pub async fn pending(relay: &Relay) -> u64 {
    relay.metrics().await.sum("cadrelay_spool_pending") as u64
}

/// Waits until no record is left. Looks seldom, because each look is work for the relay.
pub async fn drained(relay: &Relay) {
    while pending(relay).await > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
