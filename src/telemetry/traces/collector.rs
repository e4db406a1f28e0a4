//! The client of the collector: HTTP on the relay's own runtime.
//!
//! # Promises
//! - At most [`MOST`] bytes of an answer are kept.
//! - Spans that the collector refuses among others that it takes count as lost.

use crate::outbound::{self, Unread};
use crate::printable;
use crate::telemetry::traces::health::Health;
use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Handle;

/// A client of the collector.
#[derive(Debug)]
pub(super) struct Collector {
    client: reqwest::Client,
    health: Arc<Health>,
    /// The runtime for the calls: the library calls from its own thread, which has none.
    runtime: Handle,
}

impl Collector {
    /// A collector that is called by this client.
    pub fn new(client: reqwest::Client, health: Arc<Health>, runtime: Handle) -> Self {
        Self { client, health, runtime }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sending = send(self.client.clone(), request);
        let sent = self.runtime.spawn(sending).await.map_err(HttpError::from);
        let sent = sent.and_then(|sent| sent.map_err(HttpError::from));
        self.health.called(match &sent {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status())),
            Err(error) => Some(outbound::innermost(error.as_ref()).to_string()),
        });
        let refused = sent.as_ref().ok().filter(|answer| answer.status().is_success());
        if let Some(Refused { spans, why }) = refused.and_then(|answer| refused_by(answer.body())) {
            self.health.refused(spans, why, Instant::now());
        }
        sent
    }
}

async fn send(
    client: reqwest::Client,
    request: Request<Bytes>,
) -> reqwest::Result<Response<Bytes>> {
    // The URL may hold a token.
    let hidden = reqwest::Error::without_url;
    let request = request.try_into().map_err(hidden)?;
    let answer = client.execute(request).await.map_err(hidden)?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = match outbound::read_body(answer, MOST).await {
        Ok(body) | Err(Unread::TooLarge { beginning: body }) => body,
        Err(Unread::Lost(error)) => return Err(hidden(error)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Spans that a collector refuses, and the reason.
#[derive(Debug, Eq, PartialEq)]
struct Refused {
    spans: u64,
    why: String,
}

/// Reads an answer that is a success. `None` if all spans were taken, as far as it can be read:
/// some collectors answer with an empty body, or with JSON.
fn refused_by(answer: &[u8]) -> Option<Refused> {
    let partly = ExportTraceServiceResponse::decode(answer).ok()?.partial_success?;
    let spans = u64::try_from(partly.rejected_spans).ok().filter(|spans| *spans > 0)?;
    let text: String = partly.error_message.chars().take(LONGEST_REASON).collect();
    let reason = if text.is_empty() { "no reason" } else { &text };
    Some(Refused { spans, why: format!("it refuses some spans: {}", printable::text(reason)) })
}

/// The most characters of a collector's own words in the log.
const LONGEST_REASON: usize = 200;
/// The most bytes kept of an answer, which holds the number of refused spans.
const MOST: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    #[test]
    fn a_success_may_refuse_spans_and_what_cannot_be_read_refuses_none() {
        let answer = |rejected_spans, error_message: &str| {
            let error_message = error_message.to_owned();
            let partial_success = ExportTracePartialSuccess { rejected_spans, error_message };
            ExportTraceServiceResponse { partial_success: Some(partial_success) }.encode_to_vec()
        };

        let refused = refused_by(&answer(3, "too\u{1b}[31m old")).unwrap();
        assert_eq!(
            (refused.spans, &*refused.why),
            (3, "it refuses some spans: too\\u{1b}[31m old")
        );
        assert!(refused_by(&answer(1, &"x".repeat(10_000))).unwrap().why.len() < 300);
        for taken in [&answer(0, "a warning")[..], &answer(-1, ""), b"", b"{}", b"<html>"] {
            assert_eq!(refused_by(taken), None);
        }
    }
}
