//! Senders, and the answers they get.

use crate::notification::Notification;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::sync::watch;

/// A client that posts to a relay, wherever it listens now.
#[derive(Clone)]
pub struct Sender {
    client: reqwest::Client,
    address: watch::Receiver<Option<SocketAddr>>,
}

/// No answer: what a sender takes for a reason to try again.
#[derive(Debug)]
pub struct NoAnswer;

impl Sender {
    pub(super) fn new(
        client: reqwest::Client,
        address: watch::Receiver<Option<SocketAddr>>,
    ) -> Self {
        Self { client, address }
    }

    /// Waits until the relay stops, or listens somewhere else.
    pub async fn moved(&self) {
        drop(self.address.clone().changed().await);
    }

    /// Posts a notification once.
    pub async fn post(&self, notification: &Notification) -> Result<Answer, NoAnswer> {
        let address = self.address.borrow().ok_or(NoAnswer)?;
        let mut request = self
            .client
            .post(format!("http://{address}/webhooks/{}", notification.source))
            .header("content-type", "application/json")
            .body(notification.body.clone());
        for (name, value) in &notification.headers {
            request = request.header(name, value);
        }
        Answer::read(request.send().await.map_err(|_| NoAnswer)?).await.map_err(|_| NoAnswer)
    }
}

/// An answer of the relay.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Answer {
    /// Reads a response whole.
    pub async fn read(response: reqwest::Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: response.text().await? })
    }

    /// The body as JSON. Fails the test if it is not.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// A header's text, if there is one of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("headers of ours are text"))
    }

    /// The `status` of a receipt; fails the test if it is not one with 200.
    #[track_caller]
    pub fn receipt(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["status"].as_str().expect("a receipt has a status").to_owned()
    }

    /// The `id` of a receipt; fails the test if it is not one with 200.
    #[track_caller]
    pub fn id(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["id"].as_str().expect("a receipt has an id").to_owned()
    }

    #[track_caller]
    pub fn assert_accepted(&self) {
        assert_eq!(self.receipt(), "accepted");
    }

    #[track_caller]
    pub fn assert_duplicate(&self) {
        assert_eq!(self.receipt(), "duplicate");
    }

    #[track_caller]
    pub fn assert_quarantined(&self) {
        assert_eq!(self.receipt(), "quarantined");
    }

    /// Fails the test unless it is problem+json with this status and says nothing of our inside.
    #[track_caller]
    pub fn assert_problem(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{self:?}");
        for field in ["type", "title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        }
    }
}
