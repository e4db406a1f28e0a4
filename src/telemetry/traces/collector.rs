//! The client of the collector: HTTP on the relay's own runtime.
//!
//! # Promises
//! No call takes longer than [`TIMEOUT`], no redirect is followed, and at most [`MOST`] bytes of an
//! answer are kept.

use crate::outbound::{self, Unread};
use crate::telemetry::traces::health::Health;
use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use url::Url;

/// A client of the collector.
#[derive(Debug)]
pub(super) struct Collector {
    client: reqwest::Client,
    health: Arc<Health>,
    /// The runtime for the calls: the library calls from its own thread, which has none.
    runtime: Handle,
}

impl Collector {
    /// Makes a client for this URL.
    pub fn new(url: &Url, health: Arc<Health>, runtime: Handle) -> reqwest::Result<Self> {
        Ok(Self { client: outbound::client(url, TIMEOUT)?, health, runtime })
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

/// The longest time of one call.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The most bytes kept of an answer, which holds the number of refused spans.
const MOST: usize = 64 << 10;
