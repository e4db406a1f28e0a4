//! The delivery reports of a batch: Kafka's answer for each record.

use crate::kafka::client::Context;
use crate::kafka::outcome::{Report, Trouble};
use crate::lock::lock;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{DeliveryResult, ProducerContext};
use std::sync::Mutex;

/// Collects the delivery reports of the current batch.
#[derive(Debug, Default)]
pub struct Deliveries {
    context: Context,
    batch: Mutex<Batch>,
}

#[derive(Debug, Default)]
struct Batch {
    number: usize,
    reports: Vec<Report>,
    worst: Option<Trouble>,
    /// True if the client has given up the transaction.
    is_lost: bool,
}

impl Deliveries {
    /// Without a batch yet. The client's log lines go to `context`.
    pub(super) fn of(context: Context) -> Self {
        Self { context, batch: Mutex::default() }
    }

    pub(super) fn begin(&self, number: usize, records: usize) {
        let mut batch = lock(&self.batch);
        *batch =
            Batch { number, reports: vec![Report::Unheard; records], worst: None, is_lost: false };
    }

    /// Returns a tag for a record of a batch, which tells late reports of an earlier batch apart.
    pub(super) fn tag(batch: usize, index: usize) -> usize {
        batch << INDEX_BITS | index
    }

    pub(super) fn refuse(&self, index: usize, trouble: Trouble) {
        let mut batch = lock(&self.batch);
        if let Some(report) = batch.reports.get_mut(index) {
            *report = Report::Refused(trouble);
        }
        batch.worst.get_or_insert(trouble);
    }

    /// Returns the report of each record, and forgets them.
    pub(super) fn take(&self) -> Vec<Report> {
        std::mem::take(&mut lock(&self.batch).reports)
    }

    pub(super) fn has_refusal(&self) -> bool {
        let batch = lock(&self.batch);
        batch.worst.is_some() || batch.is_lost
    }

    pub(super) fn all_are_written(&self) -> bool {
        let batch = lock(&self.batch);
        batch.reports.iter().all(|report| matches!(report, Report::Written { .. }))
    }

    pub(super) fn worst(&self) -> Trouble {
        lock(&self.batch).worst.unwrap_or(Trouble::Timeout)
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // If a topic may not join the transaction, no record is reported and no call fails; only
        // this log line tells.
        if facility == "TXNERR" {
            lock(&self.batch).is_lost = true;
        }
        self.context.log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.context.log_error(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, tag: usize) {
        use rdkafka::message::Message;
        let index = tag & ((1 << INDEX_BITS) - 1);
        match result {
            Ok(message) => {
                let mut batch = lock(&self.batch);
                if batch.number == tag >> INDEX_BITS
                    && let Some(report) = batch.reports.get_mut(index)
                    // Without an offset the broker took the record for a repeat, and the client
                    // believes it. A broker that had just started was seen to claim this of a
                    // record that it had never written.
                    && message.offset() >= 0
                {
                    *report = Report::Written {
                        partition: message.partition(),
                        offset: message.offset(),
                    };
                }
            }
            Err((error, _)) => {
                // A record that an abort purges was not refused by anyone.
                let code = error.rdkafka_error_code();
                let purged = matches!(code, Some(Code::PurgeQueue | Code::PurgeInflight));
                if !purged && lock(&self.batch).number == tag >> INDEX_BITS {
                    self.refuse(index, Trouble::of(error));
                }
            }
        }
    }
}

/// A batch has at most 2^24 records.
const INDEX_BITS: usize = 24;
