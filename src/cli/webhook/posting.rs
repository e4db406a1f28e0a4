//! What `webhook test` posts, and how one answer is judged.
//!
//! # Promises
//! - One POST each time: no redirect is followed and nothing is repeated.
//! - A payload is sent and signed byte for byte, whatever it holds; a made-up body has new ids each
//!   time.
//! - No secret is in what an answer shows.

use crate::event::provider::Provider;
use crate::providers::sample;
use crate::secret::Secret;
use crate::veil::Veil;
use crate::webhooks::http;
use crate::webhooks::reply::{self, Unread};
use crate::webhooks::url::{CallbackUrl, host_and_port};
use jiff::Timestamp;
use reqwest::{Client, Response, StatusCode};
use std::time::{Duration, Instant};
use url::Url;

/// A notification that can be posted again and again.
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

/// What a body is made of.
#[derive(Debug)]
pub enum Content {
    /// This event, made up anew each time.
    Event(String),
    /// These bytes.
    Payload(Vec<u8>),
}

/// What came of one POST.
#[derive(Debug)]
pub struct Answer {
    /// Whether the provider would take it for a success.
    pub verdict: Verdict,
    /// The status, if there was an answer.
    pub status: Option<StatusCode>,
    /// What the answer says, or why there is none.
    pub text: String,
    /// How long it took.
    pub time: Duration,
}

/// How the provider would take an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Delivered.
    Success,
    /// Answered, and not as it wants.
    Failure,
    /// Not answered.
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
        let client = http::client(&target, timeout).map_err(http::reason)?;
        let veil = Veil::new(secret.clone());
        let url = url.clone();
        Ok(Self { client, url, target, provider, content, secret, veil })
    }

    /// Whose notification it is.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// Whether it is signed.
    pub fn is_signed(&self) -> bool {
        self.secret.is_some()
    }

    /// Posts it once, as of now. Another seed gives other ids.
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
        // A hook of APS names the URL that it posts to.
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
    /// What people are told: the answer, and what was wanted if it is not that.
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

/// The beginning of a body. The status is the answer: a body that breaks off takes nothing from it.
async fn beginning(response: Response) -> String {
    let read = match reply::read_body(response, MAX_READ).await {
        Ok(body) | Err(Unread::TooLarge { beginning: body }) => body,
        Err(Unread::Lost(_)) => return String::new(),
    };
    String::from_utf8_lossy(&read).into_owned()
}

const MAX_MESSAGE: usize = 300;
/// A receipt has some hundred bytes, an error page some thousand.
const MAX_READ: usize = 64 << 10;
