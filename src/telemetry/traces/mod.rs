//! Spans for a collector: a notification's walk to the disk, and a batch's way to Kafka.
//!
//! # Promises
//! - Without `telemetry.otlp` a walk costs one look at an empty option.
//! - Nothing waits for the collector. A span that finds the queue full is dropped.
//! - The span of a notification belongs to the trace of its `traceparent`, and is left out if the
//!   trace is not recorded. A batch is a trace of its own, with links to those of its records.
//! - A span holds names, times, counts and the event's id: nothing else of a head or a body.
//!
//! # Limits
//! `queue::MOST` spans and links wait at most; a batch has at most `MOST_LINKS` links. The standard variables
//! `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER` and `OTEL_RESOURCE_ATTRIBUTES` count.

mod collector;
mod health;
mod queue;
pub mod walk;

use crate::event::traceparent::Traceparent;
use crate::telemetry::target::Target;
use crate::telemetry::traces::collector::Collector;
use crate::telemetry::traces::health::Health;
use crate::telemetry::traces::queue::Queue;
use crate::telemetry::traces::walk::{Answered, Walk};
use opentelemetry::trace::{
    Link, Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _,
    TraceFlags, TraceId, TraceState, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use prometheus::IntCounter;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::runtime::Handle;

/// Sends spans to a collector. Without one, the default, no spans are made.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<Sending>>);

struct Sending {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    health: Arc<Health>,
}

/// The reason why no spans can be sent: the settings, or a variable of OpenTelemetry, cannot be
/// used. The text does not show the URL.
#[derive(Debug, thiserror::Error)]
#[error("no exporter can be made: {0}")]
pub struct Error(String);

/// A batch under way to Kafka. Empty if no spans are made.
#[derive(Debug, Default)]
pub struct Publishing(Option<Box<Departed>>);

#[derive(Debug)]
struct Departed {
    span: SpanBuilder,
    at: SystemTime,
    clock: Instant,
}

impl Traces {
    /// Makes the way to this collector. `instance` tells replicas apart, `lost` counts the lost spans.
    pub fn to(
        target: &Target,
        instance: &str,
        lost: IntCounter,
        runtime: Handle,
    ) -> Result<Self, Error> {
        let health = Arc::new(Health::new(lost));
        let url = target.otlp.traces();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new(target.client.clone(), Arc::clone(&health), runtime))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(url.as_str())
            .with_timeout(PATIENCE)
            .build()
            // The URL may hold a token.
            .map_err(|error| Error(error.to_string().replace(url.as_str(), "***")))?;
        let resource = Resource::builder()
            .with_service_name("cadrelay")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_attribute(KeyValue::new("service.instance.id", instance.to_owned()))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Queue::before(exporter, Arc::clone(&health)))
            .with_resource(resource)
            .with_max_links_per_span(MOST_LINKS)
            .build();
        let tracer = provider.tracer("cadrelay");
        Ok(Self(Some(Arc::new(Sending { provider, tracer, health }))))
    }

    /// Begins the walk of a notification that has arrived, in its trace.
    pub fn walk<'a>(&self, trace: impl FnOnce() -> Option<Traceparent<'a>>) -> Walk {
        match self.0 {
            Some(_) => Walk::begin(trace().and_then(span_context)),
            None => Walk::default(),
        }
    }

    /// Makes the span of a notification that was answered, and one for each stage of its walk.
    pub fn walked(&self, walk: Walk, answered: Answered<'_>) {
        let (Some(sending), Some(times)) = (&self.0, walk.0) else { return };
        let mut attributes = vec![
            KeyValue::new("cadrelay.source", answered.source.to_owned()),
            KeyValue::new("cadrelay.outcome", answered.outcome),
            KeyValue::new("http.response.status_code", i64::from(answered.status)),
        ];
        attributes.extend(times.event.map(|id| KeyValue::new("cadrelay.event.id", id)));
        let around = times
            .parent
            .map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
        let whole = SpanBuilder::from_name("notification")
            .with_kind(SpanKind::Server)
            .with_start_time(times.began)
            .with_attributes(attributes);
        let mut whole = sending.tracer.build_with_context(whole, &around);
        if !whole.is_recording() {
            return;
        }
        let inside = Context::new().with_remote_span_context(whole.span_context().clone());
        let mut from = times.began;
        for (stage, after) in times.ended {
            let part = SpanBuilder::from_name(stage.as_str()).with_start_time(from);
            from = times.began + after;
            sending.tracer.build_with_context(part, &inside).end_with_timestamp(from);
        }
        if answered.status >= 500 {
            whole.set_status(Status::error(answered.outcome));
        }
        whole.end_with_timestamp(times.began + times.clock.elapsed());
    }

    /// Begins the span of a batch of `records` records, which carry these `traceparents`.
    pub fn publishing<'a>(
        &self,
        records: usize,
        traceparents: impl Iterator<Item = &'a str>,
    ) -> Publishing {
        Publishing(self.0.as_ref().map(|_| {
            let contexts = traceparents.filter_map(Traceparent::parse).filter_map(span_context);
            let links = contexts.take(MOST_LINKS as usize).map(Link::with_context).collect();
            let span = SpanBuilder::from_name("publish")
                .with_kind(SpanKind::Producer)
                .with_links(links)
                .with_attributes([
                    KeyValue::new("messaging.system", "kafka"),
                    KeyValue::new("messaging.operation.type", "send"),
                    KeyValue::new("messaging.batch.message_count", records as i64),
                ]);
            Box::new(Departed { span, at: SystemTime::now(), clock: Instant::now() })
        }))
    }

    /// Ends the span of a batch. `trouble` is the reason if Kafka did not take the batch.
    pub fn published(&self, publishing: Publishing, trouble: Option<&'static str>) {
        let (Some(sending), Some(departed)) = (&self.0, publishing.0) else { return };
        let span = departed.span.with_start_time(departed.at);
        let mut span = sending.tracer.build_with_context(span, &Context::new());
        if let Some(trouble) = trouble {
            span.set_status(Status::error(trouble));
        }
        span.end_with_timestamp(departed.at + departed.clock.elapsed());
    }

    /// Sends the waiting spans for a bounded time, and no more after that. Blocks.
    pub fn close(&self) {
        if let Some(sending) = &self.0 {
            // An absent collector was reported already, and a stop does not wait for it.
            let patience = if sending.health.is_well() { LAST } else { Duration::ZERO };
            drop(sending.provider.shutdown_with_timeout(patience));
        }
    }
}

/// The place in a trace that a `traceparent` names.
fn span_context(parent: Traceparent<'_>) -> Option<SpanContext> {
    Some(SpanContext::new(
        TraceId::from_hex(parent.trace_id).ok()?,
        SpanId::from_hex(parent.span_id).ok()?,
        TraceFlags::new(u8::from_str_radix(parent.flags, 16).ok()?),
        true,
        TraceState::default(),
    ))
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Traces").field(&self.0.is_some()).finish()
    }
}

/// The most links of a batch: it can have thousands of records, and collectors refuse very large
/// spans.
const MOST_LINKS: u32 = 128;
/// The time for which spans are sent again before they count as lost; the standard's own default.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest wait of a stop for the last spans.
const LAST: Duration = Duration::from_secs(2);
