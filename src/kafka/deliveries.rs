//! What Kafka says of each record of a batch.

use crate::kafka::client::Context;
use crate::kafka::outcome::{Report, Trouble};
use crate::lock::lock;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{DeliveryResult, ProducerContext};
use std::sync::Mutex;

/// Collects what Kafka says of each record of the current batch.
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
    /// The client has given up the transaction.
    is_lost: bool,
}

impl Deliveries {
    /// No batch yet; the client's log lines go where this context sends them.
    pub(super) fn of(context: Context) -> Self {
        Self { context, batch: Mutex::default() }
    }

    pub(super) fn begin(&self, number: usize, records: usize) {
        let mut batch = lock(&self.batch);
        *batch =
            Batch { number, reports: vec![Report::Unheard; records], worst: None, is_lost: false };
    }

    /// Names a record of the current batch, so that late reports of an earlier one are known.
    pub(super) fn tag(&self, index: usize) -> usize {
        lock(&self.batch).number << INDEX_BITS | index
    }

    pub(super) fn refuse(&self, index: usize, trouble: Trouble) {
        let mut batch = lock(&self.batch);
        if let Some(report) = batch.reports.get_mut(index) {
            *report = Report::Refused(trouble);
        }
        batch.worst.get_or_insert(trouble);
    }

    /// What was said of each record, and forgets it.
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
        // Of a topic that may not join the transaction no record is reported, and no call says so.
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
                    // Without an offset the broker took it for a repeat of what it has, and the
                    // client believes that. A broker that was just started was seen to say so of
                    // a record that it had never written.
                    && message.offset() >= 0
                {
                    *report = Report::Written {
                        partition: message.partition(),
                        offset: message.offset(),
                    };
                }
            }
            Err((error, _)) => {
                // What an abort takes back was not refused by anyone.
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
