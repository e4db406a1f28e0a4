//! The records that a consumer finds in a topic.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::{BorrowedMessage, Headers},
};

/// Kafka's `isolation.level`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Isolation {
    /// The view that our promises are about: the records of committed transactions, each once.
    ReadCommitted,
    /// Everything in the log, what was aborted too.
    ReadUncommitted,
}

/// A record as a consumer gets it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Received {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
    /// Absent in a tombstone.
    pub value: Option<Vec<u8>>,
}

impl Received {
    /// The text of a header, absent if there is none of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        Some(str::from_utf8(value).expect("headers of ours are text"))
    }

    /// The key as text. Fails the test if there is none.
    pub fn key_text(&self) -> &str {
        str::from_utf8(self.key.as_deref().expect("a key")).expect("keys of ours are text")
    }

    /// The value as JSON. Fails the test if it is not.
    pub fn json(&self) -> serde_json::Value {
        let value = self.value.as_deref().expect("a value");
        serde_json::from_slice(value).expect("values of ours are JSON")
    }
}

/// Reads to the end that each partition has when it is reached, with what was committed before.
pub fn read_to_end(config: ClientConfig, topic: &str, isolation: Isolation) -> Vec<Received> {
    if isolation == Isolation::ReadCommitted {
        await_markers(&config, topic);
    }
    let (consumer, partitions) = assigned(config, topic, isolation);
    let mut open: HashSet<i32> = partitions.into_iter().collect();
    let mut records = Vec::new();
    let deadline = Instant::now() + DEADLINE;
    while !open.is_empty() {
        match next(&consumer) {
            Next::Record(record) => records.push(record),
            Next::End(partition) => {
                open.remove(&partition);
            }
            Next::Nothing => {}
        }
        assert!(Instant::now() < deadline, "the end of {topic} was not reached in {DEADLINE:?}");
    }
    records
}

/// Reads until there are `count` records.
pub fn read_count(
    config: ClientConfig,
    topic: &str,
    isolation: Isolation,
    count: usize,
) -> Vec<Received> {
    let (consumer, _) = assigned(config, topic, isolation);
    let mut records = Vec::with_capacity(count);
    let deadline = Instant::now() + DEADLINE;
    while records.len() < count {
        if let Next::Record(record) = next(&consumer) {
            records.push(record);
        }
        assert!(
            Instant::now() < deadline,
            "{topic} had {} of {count} records after {DEADLINE:?}",
            records.len()
        );
    }
    records
}

/// Waits until the end that consumers of committed records see is the end of all records.
///
/// A commit is answered before its markers are in every partition, and until they are its records
/// are not seen: tens of milliseconds, on a busy machine.
fn await_markers(config: &ClientConfig, topic: &str) {
    let committed = consumer(config.clone(), Isolation::ReadCommitted);
    let all = consumer(config.clone(), Isolation::ReadUncommitted);
    // A partition that was just made may not have its leader yet; the deadline judges it.
    let end = |consumer: &BaseConsumer, partition| {
        consumer.fetch_watermarks(topic, partition, DEADLINE).ok().map(|(_, end)| end)
    };
    let is_whole = |partition| match (end(&committed, partition), end(&all, partition)) {
        (Some(committed), Some(all)) => committed >= all,
        (None, _) | (_, None) => false,
    };
    let deadline = Instant::now() + DEADLINE;
    for partition in partitions(&committed, topic) {
        while !is_whole(partition) {
            assert!(Instant::now() < deadline, "a transaction on {topic} stayed open");
            // Nothing is assigned, so this only waits.
            all.poll(Duration::from_millis(10));
        }
    }
}

fn assigned(config: ClientConfig, topic: &str, isolation: Isolation) -> (BaseConsumer, Vec<i32>) {
    let consumer = consumer(config, isolation);
    let partitions = partitions(&consumer, topic);
    let mut assignment = TopicPartitionList::new();
    for partition in &partitions {
        assignment
            .add_partition_offset(topic, *partition, Offset::Beginning)
            .expect("the beginning is an offset");
    }
    consumer.assign(&assignment).expect("a fresh consumer takes an assignment");
    (consumer, partitions)
}

fn consumer(mut config: ClientConfig, isolation: Isolation) -> BaseConsumer {
    let level = match isolation {
        Isolation::ReadCommitted => "read_committed",
        Isolation::ReadUncommitted => "read_uncommitted",
    };
    config
        // Demanded by the client, and used for nothing: partitions are assigned, nothing is committed.
        .set("group.id", "cadrelay-tests")
        .set("enable.auto.commit", "false")
        .set("isolation.level", level)
        .set("enable.partition.eof", "true")
        .set("reconnect.backoff.max.ms", "200")
        // The end of a partition is an empty answer, and a broker holds those back this long.
        .set("fetch.wait.max.ms", "10")
        .create()
        .expect("a consumer")
}

/// The partitions of a topic, as soon as it exists: who waits for records may come before the topic.
fn partitions(consumer: &BaseConsumer, topic: &str) -> Vec<i32> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let metadata = consumer.fetch_metadata(Some(topic), DEADLINE).expect("metadata");
        let found: Vec<i32> = metadata
            .topics()
            .iter()
            .filter(|found| found.error().is_none())
            .flat_map(|found| found.partitions())
            .map(|partition| partition.id())
            .collect();
        if !found.is_empty() {
            return found;
        }
        assert!(Instant::now() < deadline, "there was no topic {topic} for {DEADLINE:?}");
        // Nothing is assigned yet, so this only waits.
        consumer.poll(Duration::from_millis(50));
    }
}

enum Next {
    Record(Received),
    End(i32),
    Nothing,
}

fn next(consumer: &BaseConsumer) -> Next {
    match consumer.poll(Duration::from_millis(200)) {
        Some(Ok(message)) => Next::Record(received(&message)),
        Some(Err(KafkaError::PartitionEOF(partition))) => Next::End(partition),
        // The client itself comes back from what is not fatal; the deadline judges it.
        Some(Err(error)) if error.rdkafka_error_code().is_none() => panic!("reading: {error}"),
        Some(Err(_)) | None => Next::Nothing,
    }
}

fn received(message: &BorrowedMessage<'_>) -> Received {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    Received {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        headers: headers
            .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
            .collect(),
        value: message.payload().map(<[u8]>::to_vec),
    }
}

/// Long, because a broker that just came back elects its leaders first.
const DEADLINE: Duration = Duration::from_secs(60);
