//! Computes the needs of a rate from the inputs alone.

use super::inputs::Inputs;

/// Cores of a replica and of a broker in the examples.
pub const CORES: f64 = 4.0;
/// The highest mean load of a machine: above it, a burst waits, and the others cannot carry the
/// load of one that fails.
pub const BUSY: f64 = 0.5;
/// The time for which ids are remembered: `dedup.window`, in seconds.
pub const WINDOW: f64 = 72.0 * 3600.0;
/// Kafka's copies of each record.
pub const REPLICATION: f64 = 3.0;

/// The bounds of the rate of one replica, per second.
pub struct Bounds {
    pub workers: f64,
    pub writer: f64,
    pub drain: f64,
}

impl Bounds {
    /// The bounds of a replica with so many cores.
    pub fn of(inputs: &Inputs, cores: f64) -> Self {
        Self {
            workers: cores / micros(inputs.get("relay_cpu")),
            // One thread writes the log, whatever the number of cores.
            writer: 1.0 / micros(inputs.get("writer_cpu")),
            drain: inputs.get("drain_rate"),
        }
    }

    /// The rate at which the first bound is reached, and its name.
    pub fn first(&self) -> (f64, &'static str) {
        let bounds =
            [(self.workers, "processors"), (self.writer, "the writer"), (self.drain, "the drain")];
        bounds.into_iter().min_by(|one, other| one.0.total_cmp(&other.0)).expect("three")
    }

    /// The rate that the replica carries day by day.
    pub fn carried(&self) -> f64 {
        BUSY * self.first().0
    }
}

/// The needs of a rate.
pub struct Needs {
    pub replicas: f64,
    pub brokers: f64,
    /// Bytes per second on the disks of all replicas together.
    pub log: f64,
    /// Bytes per second on the disks of all brokers together.
    pub kafka: f64,
    /// Cores of Redis, each an instance of its own.
    pub redis: f64,
    /// Bytes in Redis for a whole window at this rate.
    pub shared_window: f64,
    /// Bytes of memory in each replica for a whole window at this rate.
    pub window: f64,
}

impl Needs {
    /// The needs of `rate` notifications per second, with one replica and one broker more than the
    /// load takes.
    pub fn of(inputs: &Inputs, rate: f64) -> Self {
        let carried = Bounds::of(inputs, CORES).carried();
        let replicas = (rate / carried).ceil() + 1.0;
        // A follower's cost was not measured by itself; it is counted as the leader's.
        let broker = rate * micros(inputs.get("broker_cpu")) * REPLICATION;
        let commands = inputs.get("redis_claim_cpu") + inputs.get("redis_confirm_cpu");
        let ids = rate * WINDOW;
        Self {
            replicas,
            brokers: (broker / (CORES * BUSY)).ceil().max(REPLICATION - 1.0) + 1.0,
            log: rate * inputs.get("log_bytes"),
            kafka: rate * inputs.get("kafka_bytes") * REPLICATION,
            redis: rate * micros(commands) / BUSY,
            shared_window: ids * inputs.get("redis_id_bytes"),
            window: ids / replicas * inputs.get("window_id_bytes"),
        }
    }
}

fn micros(value: f64) -> f64 {
    value / 1e6
}
