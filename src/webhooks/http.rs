//! Calls a provider: bounded in time and in repeats.
//!
//! # Promises
//! - A reading call is tried up to four times; a call that changes something is repeated only after
//!   429, because any other failure may come after the change.
//! - `Retry-After` is obeyed up to a minute; a longer one ends the call with the provider's answer.
//! - Redirects are never followed here, so credentials stay with the host they are meant for.
//!
//! Knows nothing of hooks.

use crate::event::provider::Provider;
use crate::webhooks::error::Error;
use crate::webhooks::hidden::{Hidden, Veil};
use crate::webhooks::url::is_loopback;
use bytes::Bytes;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Request, StatusCode};
use serde::de::DeserializeOwned;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// Calls one provider.
#[derive(Debug)]
pub struct Caller {
    provider: Provider,
    client: Client,
    host: String,
    veil: Mutex<Veil>,
}

/// What a call does at the provider, which says when it may be repeated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// It reads.
    Reading,
    /// It changes something.
    Changing,
}

/// Status, headers and body of an answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Caller {
    /// A caller of one provider at one base URL; each single call takes at most `timeout`.
    pub fn new(
        provider: Provider,
        base: &Url,
        timeout: Duration,
        veil: Veil,
    ) -> Result<Self, Error> {
        let client = client(base, timeout)
            .map_err(|error| Error::Unusable(format!("the HTTP client cannot start: {error}")))?;
        let host = base.host_str().unwrap_or_default().to_owned();
        Ok(Self { provider, client, host, veil: Mutex::new(veil) })
    }

    /// The client, to build requests with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Hides one more secret in what is shown.
    pub fn hide(&self, secret: &Hidden) {
        self.veil.lock().unwrap_or_else(PoisonError::into_inner).add(secret.clone());
    }

    /// Sends a request, as often as its purpose allows. It is built anew for each try, because a
    /// signature covers a time and a nonce.
    pub async fn call(
        &self,
        purpose: Purpose,
        build: impl Fn() -> Result<Request, Error>,
    ) -> Result<Answer, Error> {
        let mut attempt = 1;
        loop {
            let outcome = self.send(build()?).await;
            match pause(purpose, attempt, &outcome) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return outcome,
            }
            attempt += 1;
        }
    }

    /// The answer if it is a success; else what the provider said, as an error.
    pub fn success(&self, answer: Answer, what: &str) -> Result<Answer, Error> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        let text = self.text(&answer);
        let status = answer.status.as_u16();
        let provider = self.provider;
        Err(match status {
            401 | 403 => Error::Refused { provider, status, text, advice: String::new() },
            404 => Error::NotFound { what: what.to_owned(), place: String::new() },
            _ => Error::Answered { provider, status, text },
        })
    }

    /// The body of a success, read as JSON.
    pub fn json<T: DeserializeOwned>(
        &self,
        answer: &Answer,
        expected: &'static str,
    ) -> Result<T, Error> {
        serde_json::from_slice(&answer.body).map_err(|error| Error::Unreadable {
            provider: self.provider,
            status: answer.status.as_u16(),
            expected,
            reason: error.to_string(),
        })
    }

    /// What the provider said, short enough to show and without secrets.
    fn text(&self, answer: &Answer) -> String {
        let body = String::from_utf8_lossy(&answer.body);
        let mut text: String = message(&answer.body).unwrap_or_else(|| body.trim().to_owned());
        if text.is_empty() {
            text = answer.status.canonical_reason().unwrap_or("no explanation").to_owned();
        }
        if let Some(wait) = retry_after(&answer.headers) {
            text = format!("{text} (it asks to wait {} s)", wait.as_secs());
        }
        // The secrets go before the end is cut off, so that no half of one stays.
        let text = self.veil.lock().unwrap_or_else(PoisonError::into_inner).over(&text);
        text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
    }

    async fn send(&self, request: Request) -> Result<Answer, Error> {
        let response = self.client.execute(request).await.map_err(|error| self.lost(error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(|error| self.lost(error))?;
        Ok(Answer { status, headers, body })
    }

    fn lost(&self, error: reqwest::Error) -> Error {
        Error::Unreachable {
            provider: self.provider,
            host: self.host.clone(),
            reason: reason(error),
        }
    }
}

/// A client for one base URL. The system's proxy is not asked for what runs on this machine.
pub fn client(base: &Url, timeout: Duration) -> reqwest::Result<Client> {
    // Someone else may have chosen a provider before; then that one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("cadrelay/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(timeout);
    if is_loopback(base) { builder.no_proxy().build() } else { builder.build() }
}

/// What went wrong with a call, down to the first cause, and without the URL.
pub fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        return "no answer in time".into();
    }
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// How long to wait before the next try, or none if this outcome is the last.
fn pause(purpose: Purpose, attempt: u32, outcome: &Result<Answer, Error>) -> Option<Duration> {
    if attempt >= MAX_ATTEMPTS {
        return None;
    }
    let asked = match outcome {
        Ok(answer) => {
            let status = answer.status;
            let again = status == StatusCode::TOO_MANY_REQUESTS
                || (status.is_server_error() && purpose == Purpose::Reading);
            if !again {
                return None;
            }
            retry_after(&answer.headers)
        }
        Err(Error::Unreachable { .. }) if purpose == Purpose::Reading => None,
        Err(_) => return None,
    };
    let pause = asked.unwrap_or(FIRST_PAUSE * 2_u32.pow(attempt - 1));
    (pause <= LONGEST_PAUSE).then_some(pause)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The sentence for people in an error body of either provider.
fn message(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let names =
        ["message", "developerMessage", "detail", "errorMessage", "error_description", "title"];
    names.iter().find_map(|name| match body.get(name)? {
        serde_json::Value::String(text) if !text.is_empty() => Some(text.clone()),
        serde_json::Value::Array(texts) => {
            let texts: Vec<_> = texts.iter().filter_map(|text| text.as_str()).collect();
            (!texts.is_empty()).then(|| texts.join("; "))
        }
        _ => None,
    })
}

const MAX_ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longer than this, and a person or the next interval should decide.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// An error page of a proxy can be long; its beginning says enough.
const MAX_TEXT: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, wait: Option<&str>) -> Result<Answer, Error> {
        let mut headers = HeaderMap::new();
        if let Some(wait) = wait {
            headers.insert(RETRY_AFTER, wait.parse().unwrap());
        }
        Ok(Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::new() })
    }

    fn lost() -> Result<Answer, Error> {
        let (host, reason) = (String::new(), String::new());
        Err(Error::Unreachable { provider: Provider::Aps, host, reason })
    }

    #[test]
    fn a_reading_call_is_repeated_after_faults_that_pass_and_only_so_often() {
        let pause = |attempt, outcome| pause(Purpose::Reading, attempt, &outcome);

        assert_eq!(pause(1, answered(503, None)), Some(Duration::from_millis(500)));
        assert_eq!(pause(3, lost()), Some(Duration::from_secs(2)));
        assert_eq!(pause(4, lost()), None);
        assert_eq!(pause(1, answered(404, None)), None);
        assert_eq!(pause(1, answered(200, None)), None);
    }

    #[test]
    fn a_changing_call_is_repeated_only_when_the_provider_did_nothing() {
        let pause = |outcome| pause(Purpose::Changing, 1, &outcome);

        assert_eq!(pause(answered(429, Some("7"))), Some(Duration::from_secs(7)));
        assert_eq!(pause(answered(500, None)), None);
        assert_eq!(pause(lost()), None);
    }

    #[test]
    fn a_wait_of_more_than_a_minute_is_left_to_people() {
        assert_eq!(pause(Purpose::Reading, 1, &answered(429, Some("60"))), Some(LONGEST_PAUSE));
        assert_eq!(pause(Purpose::Reading, 1, &answered(429, Some("450"))), None);
    }
}
