//! The queue of spans that wait for the collector.
//!
//! # Promises
//! - At most [`MOST`] spans wait, including those that are being sent; a link counts as one.
//!   Further spans are dropped, counted and reported.
//! - The end of a span waits for nothing.

use crate::telemetry::traces::health::Health;
use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A bounded queue before an exporter, which the library empties from its own thread.
///
/// The library's own queue is bounded as well, but does not report dropped spans.
#[derive(Debug)]
pub(super) struct Queue {
    batches: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
    health: Arc<Health>,
}

/// Sends spans, and counts them out of the queue.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    waiting: Arc<AtomicUsize>,
    health: Arc<Health>,
}

impl Queue {
    /// Makes a queue before this exporter.
    pub fn before(exporter: impl SpanExporter + 'static, health: Arc<Health>) -> Self {
        let waiting = Arc::new(AtomicUsize::new(0));
        let counted =
            Counted { exporter, waiting: Arc::clone(&waiting), health: Arc::clone(&health) };
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(MOST)
            .with_max_export_batch_size(TOGETHER)
            .with_scheduled_delay(DELAY)
            .build();
        let batches = BatchSpanProcessor::builder(counted).with_batch_config(config).build();
        Self { batches, waiting, health }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        let weight = weight(&span);
        if self.waiting.fetch_add(weight, Ordering::Relaxed) + weight <= MOST {
            self.batches.on_end(span);
        } else {
            self.waiting.fetch_sub(weight, Ordering::Relaxed);
            self.health.lost(1, Instant::now());
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let weight = batch.iter().map(weight).sum();
        let exported = self.exporter.export(batch).await;
        self.waiting.fetch_sub(weight, Ordering::Relaxed);
        match &exported {
            Ok(()) => self.health.took(Instant::now()),
            Err(_) => self.health.lost(spans as u64, Instant::now()),
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// The weight of a span: the links of a batch can take more memory than the rest of it.
fn weight(span: &SpanData) -> usize {
    1 + span.links.len()
}

/// The most spans and links that wait: four for each of 1,024 notifications, about two megabytes.
pub(super) const MOST: usize = 4_096;
/// The most spans in one call; the standard's own default.
const TOGETHER: usize = 512;
/// The longest wait of a span for others to be sent with it.
const DELAY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::{Tracer as _, TracerProvider as _};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    /// A collector that never answers.
    #[derive(Debug)]
    struct Silent;

    impl SpanExporter for Silent {
        async fn export(&self, _batch: Vec<SpanData>) -> OTelSdkResult {
            std::future::pending().await
        }
    }

    #[test]
    fn a_collector_that_never_answers_costs_a_bounded_number_of_spans_and_no_time() {
        let lost = prometheus::IntCounter::new("lost", "lost").unwrap();
        let health = Arc::new(Health::new(lost));
        let queue = Queue::before(Silent, Arc::clone(&health));
        let waiting = Arc::clone(&queue.waiting);
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let tracer = provider.tracer("test");

        for _ in 0..10 * MOST {
            drop(tracer.start_with_context("span", &Context::new()));
        }

        assert_eq!(waiting.load(Ordering::Relaxed), MOST);
        assert_eq!(health.losses(), 9 * MOST as u64);
        drop(provider.shutdown_with_timeout(Duration::ZERO));
    }
}
