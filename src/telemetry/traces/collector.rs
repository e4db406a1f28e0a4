//! The client of the collector: HTTP on the relay's own runtime.
//!
//! # Promises
//! No call takes longer than [`TIMEOUT`], no redirect is followed, and at most [`MOST`] bytes of an
//! answer are kept.

use crate::telemetry::traces::health::Health;
use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use url::{Host, Url};

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
        // If another part of the process has chosen a provider of cryptography before, that one
        // stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .user_agent(concat!("cadrelay/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .timeout(TIMEOUT);
        // The system's proxy is not used for a collector on this machine.
        let builder = if is_loopback(url) { builder.no_proxy() } else { builder };
        Ok(Self { client: builder.build()?, health, runtime })
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
            Err(error) => Some(innermost(error.as_ref())),
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
    let mut answer = client.execute(request).await.map_err(hidden)?;
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(hidden)? {
        let room = MOST - body.len();
        body.extend_from_slice(&part[..part.len().min(room)]);
        if part.len() >= room {
            break;
        }
    }
    let mut response = Response::new(body.into());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The innermost cause: the operating system's message below those of the libraries.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.last().map_or_else(String::new, ToString::to_string)
}

/// The longest time of one call.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The most bytes kept of an answer, which holds the number of refused spans.
const MOST: usize = 64 << 10;
