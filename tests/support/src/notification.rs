//! Made-up notifications: a body and the headers that prove it.

use cadrelay::{event::provider::Provider, providers::sample};
use jiff::Timestamp;

/// A notification on its way to a source.
#[derive(Clone, Debug)]
pub struct Notification {
    /// The source that it is posted to.
    pub source: String,
    /// Its headers, content-type aside.
    pub headers: Vec<(String, String)>,
    /// Its exact bytes.
    pub body: Vec<u8>,
}

impl Notification {
    /// A body that proves nothing.
    pub fn bare(source: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { source: source.to_owned(), headers: Vec::new(), body: body.into() }
    }

    /// An event as the provider posts it to the harness's source of its name, signed with that
    /// source's secret. Another seed is another event about another subject.
    pub fn of(provider: Provider, event: &str, seed: u64) -> Self {
        let body = sample::body(provider, event, seed, Timestamp::now());
        Self::bare(provider.as_str(), body).signed(provider, secret(provider))
    }

    /// A change of an Onshape document, a new document for each seed.
    pub fn onshape(seed: u64) -> Self {
        Self::of(Provider::Onshape, "onshape.model.lifecycle.changed", seed)
    }

    /// A new version of an APS item, a new item for each seed.
    pub fn aps(seed: u64) -> Self {
        Self::of(Provider::Aps, "dm.version.added", seed)
    }

    /// The same to another source.
    pub fn to(self, source: &str) -> Self {
        Self { source: source.to_owned(), ..self }
    }

    /// The same with the headers by which the provider proves it with this secret, now.
    pub fn signed(self, provider: Provider, secret: &str) -> Self {
        self.signed_at(provider, secret, Timestamp::now())
    }

    /// The same, proven at another time.
    pub fn signed_at(self, provider: Provider, secret: &str, now: Timestamp) -> Self {
        let headers = sample::sign(provider, secret, &self.body, now)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Self { headers, ..self }
    }

    /// The same with one more header.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same without any header of this name.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| header != name);
        self
    }
}

/// The secret of the harness's source for a provider. Distinct, so that a test can look for it where
/// it must not be.
pub fn secret(provider: Provider) -> &'static str {
    match provider {
        Provider::Onshape => "s3cret-of-onshape-9f2c",
        Provider::Aps => "s3cret-of-aps-71be",
    }
}
