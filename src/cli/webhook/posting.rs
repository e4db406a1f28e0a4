//! The posting of `webhook test`, and the judgement of its answer.
//!
//! # Promises
//! - Each call sends one POST: no redirect is followed and nothing is repeated.
//! - A given payload is sent and signed byte for byte; a made-up body has new ids each time.
//! - No secret appears in an answer.

use crate::event::provider::Provider;
use crate::outbound::{self, Unread};
use crate::providers::sample;
use crate::secret::Secret;
use crate::veil::Veil;
use crate::webhooks::http;
use crate::webhooks::url::{CallbackUrl, host_and_port};
use jiff::Timestamp;
use reqwest::{Client, Response, StatusCode};
use std::time::{Duration, Instant};
use url::Url;

/// A notification that can be posted repeatedly.
#[derive(Debug)]
pub struct Posting {
    client: Client,
    url: CallbackUrl,
    target: Url,
    provider: Provider,
    content: Content,
    secret: Option<Secret>,
    veil: Veil,
}

/// The content of a body.
#[derive(Debug)]
pub enum Content {
    /// An event, made up anew each time.
    Event(String),
    /// The given bytes.
    Payload(Vec<u8>),
}

/// The result of one POST.
#[derive(Debug)]
pub struct Answer {
    /// The provider's judgement of the answer.
    pub verdict: Verdict,
    /// The status, if there was an answer.
    pub status: Option<StatusCode>,
    /// The text of the answer, or the reason for its absence.
    pub text: String,
    /// The time until the answer.
    pub time: Duration,
}

/// The provider's judgement of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The provider takes it for delivered.
    Success,
    /// The answer is not the one that the provider wants.
    Failure,
    /// There was no answer.
    NoAnswer,
}

impl Posting {
    /// A posting to a URL; each POST takes at most `timeout`.
    pub fn new(
        url: &CallbackUrl,
        provider: Provider,
        content: Content,
        secret: Option<Secret>,
        timeout: Duration,
    ) -> Result<Self, String> {
        let target = Url::parse(url.reveal()).map_err(|error| error.to_string())?;
        let client = outbound::client(&target, timeout).map_err(http::reason)?;
        let veil = Veil::new(secret.clone());
        let url = url.clone();
        Ok(Self { client, url, target, provider, content, secret, veil })
    }

    /// The provider whose notification it is.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// True if it is signed.
    pub fn is_signed(&self) -> bool {
        self.secret.is_some()
    }

    /// Posts it once, with the time `now`. Another seed gives other ids.
    pub async fn post(&self, seed: u64, now: Timestamp) -> Answer {
        let body = self.body(seed, now);
        let mut headers = match &self.secret {
            Some(secret) => sample::sign(self.provider, secret.reveal(), &body, now),
            None => Vec::new(),
        };
        if self.provider == Provider::Aps {
            headers.push(("x-adsk-delivery-id", sample::aps_delivery_id(seed)));
        }
        let request = self.client.post(self.target.clone());
        let request = request.header("content-type", "application/json").body(body);
        let request =
            headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let started = Instant::now();
        let (status, text) = match request.send().await {
            Ok(response) => (Some(response.status()), beginning(response).await),
            Err(error) => {
                let host = host_and_port(&self.target);
                (None, format!("no answer from {host}: {}", http::reason(error)))
            }
        };
        let verdict = status.map_or(Verdict::NoAnswer, |status| self.verdict(status));
        let text = self.veil.over(text.trim());
        Answer { verdict, status, text, time: started.elapsed() }
    }

    fn body(&self, seed: u64, now: Timestamp) -> Vec<u8> {
        let event = match &self.content {
            Content::Payload(bytes) => return bytes.clone(),
            Content::Event(event) => event,
        };
        let mut body = sample::value(self.provider, event, seed, now);
        // A hook of APS contains the URL that it posts to.
        if let Some(url) = body.get_mut("hook").and_then(|hook| hook.get_mut("callbackUrl")) {
            *url = self.url.reveal().into();
        }
        serde_json::to_vec(&body).expect("a JSON object has a text")
    }

    fn verdict(&self, status: StatusCode) -> Verdict {
        let delivered = match self.provider {
            Provider::Onshape => status == StatusCode::OK,
            Provider::Aps => status.is_success(),
        };
        if delivered { Verdict::Success } else { Verdict::Failure }
    }
}

impl Answer {
    /// The message for people: the answer, and the wanted status if it is another one.
    pub fn message(&self, provider: Provider) -> String {
        let message = match (self.verdict, self.status) {
            (Verdict::Failure, Some(status)) => {
                let wanted = if provider == Provider::Onshape { "200" } else { "2xx" };
                format!("{status}, and {provider} wants {wanted}: {}", self.text)
            }
            _ => self.text.clone(),
        };
        message.chars().take(MAX_MESSAGE).collect()
    }
}

/// The beginning of a body. The status is what counts: a body that breaks off changes nothing.
async fn beginning(response: Response) -> String {
    let read = match outbound::read_body(response, MAX_READ).await {
        Ok(body) | Err(Unread::TooLarge { beginning: body }) => body,
        Err(Unread::Lost(_)) => return String::new(),
    };
    String::from_utf8_lossy(&read).into_owned()
}

const MAX_MESSAGE: usize = 300;
/// A receipt has some hundred bytes, an error page some thousand.
const MAX_READ: usize = 64 << 10;
