//! Calls a provider, with bounds on time, bytes and repeats.
//!
//! # Promises
//! - One try takes at most the caller's time limit, from its first byte to the last of the reply,
//!   and at most 8 MiB of memory.
//! - A reading call is tried up to four times; a call that changes something is repeated only after
//!   429, because any other failure may come after the change.
//! - `Retry-After` is obeyed up to a minute; a longer one ends the call with the provider's answer.
//! - Redirects are never followed here, so credentials stay with the host they are meant for.
//!
//! Knows nothing of hooks.

use crate::event::provider::Provider;
use crate::lock::lock;
use crate::outbound::{self, Unread, client};
use crate::pause::growing;
use crate::secret::Secret;
use crate::veil::Veil;
use crate::webhooks::error::Error;
use crate::webhooks::reply::Reply;
use crate::webhooks::url::host_and_port;
use reqwest::{Client, Request, StatusCode};
use serde::de::DeserializeOwned;
use std::sync::Mutex;
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

/// The purpose of a call, which decides whether it may be repeated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// It only reads.
    Reading,
    /// It changes something.
    Changing,
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
        let host = host_and_port(base);
        Ok(Self { provider, client, host, veil: Mutex::new(veil) })
    }

    /// The client, to build requests with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Hides one more secret in all texts.
    pub fn hide(&self, secret: &Secret) {
        lock(&self.veil).add(secret.clone());
    }

    /// Sends a request, as often as its purpose allows. It is built anew for each try, because a
    /// signature covers a time and a nonce.
    pub async fn call(
        &self,
        purpose: Purpose,
        build: impl Fn() -> Result<Request, Error>,
    ) -> Result<Reply, Error> {
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

    /// Returns the reply if it is a success, else the provider's text as an error.
    pub fn success(&self, reply: Reply, what: &str) -> Result<Reply, Error> {
        if reply.status.is_success() {
            return Ok(reply);
        }
        let text = self.shown(&reply.said());
        let status = reply.status.as_u16();
        let provider = self.provider;
        Err(match status {
            401 | 403 => Error::Refused { provider, status, text, advice: String::new() },
            404 => Error::NotFound { what: what.to_owned(), place: String::new() },
            _ => Error::Answered { provider, status, text },
        })
    }

    /// Reads the body of a success as JSON.
    pub fn json<T: DeserializeOwned>(
        &self,
        reply: &Reply,
        expected: &'static str,
    ) -> Result<T, Error> {
        reply.json().map_err(|reason| Error::Unreadable {
            provider: self.provider,
            status: reply.status.as_u16(),
            expected,
            reason,
        })
    }

    /// A text of the provider: shortened, and without secrets.
    fn shown(&self, text: &str) -> String {
        // Secrets are hidden before the text is cut, so that no part of one remains.
        let text = lock(&self.veil).over(text);
        text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
    }

    async fn send(&self, request: Request) -> Result<Reply, Error> {
        let response = self.client.execute(request).await.map_err(|error| self.lost(error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        match outbound::read_body(response, MAX_BODY).await {
            Ok(body) => Ok(Reply { status, headers, body }),
            Err(Unread::Lost(error)) => Err(self.lost(error)),
            Err(Unread::TooLarge { .. }) => Err(Error::Unreadable {
                provider: self.provider,
                status: status.as_u16(),
                expected: "a reply of its API",
                reason: format!("it is longer than {} MiB", MAX_BODY >> 20),
            }),
        }
    }

    fn lost(&self, error: reqwest::Error) -> Error {
        Error::Unreachable {
            provider: self.provider,
            host: self.host.clone(),
            reason: self.shown(&reason(error)),
        }
    }
}

/// The innermost cause of a failed call, without the URL.
pub fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        return "no answer in time".into();
    }
    outbound::innermost(&error).to_string()
}

/// The pause before the next try; `None` if this outcome is the last.
fn pause(purpose: Purpose, attempt: u32, outcome: &Result<Reply, Error>) -> Option<Duration> {
    if attempt >= MAX_ATTEMPTS {
        return None;
    }
    let asked = match outcome {
        Ok(reply) => {
            let status = reply.status;
            let again = status == StatusCode::TOO_MANY_REQUESTS
                || (status.is_server_error() && purpose == Purpose::Reading);
            if !again {
                return None;
            }
            reply.retry_after()
        }
        Err(Error::Unreachable { .. }) if purpose == Purpose::Reading => None,
        Err(_) => return None,
    };
    let pause = asked.unwrap_or_else(|| growing(FIRST_PAUSE, attempt - 1, LONGEST_PAUSE));
    (pause <= LONGEST_PAUSE).then_some(pause)
}

const MAX_ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// After a longer pause, a person or the next interval should decide.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A page of hooks has some hundred kilobytes.
const MAX_BODY: usize = 8 << 20;
/// An error page of a proxy can be long; its beginning is enough.
const MAX_TEXT: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use reqwest::header::{HeaderMap, RETRY_AFTER};

    fn answered(status: u16, wait: Option<&str>) -> Result<Reply, Error> {
        let mut headers = HeaderMap::new();
        if let Some(wait) = wait {
            headers.insert(RETRY_AFTER, wait.parse().unwrap());
        }
        Ok(Reply { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::new() })
    }

    fn lost() -> Result<Reply, Error> {
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
