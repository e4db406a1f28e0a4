//! Makes clients of the providers from the environment: credentials and base URLs.
//!
//! # Promises
//! - Nothing is sent.
//! - An error about a missing or wrong value names its variable.

use crate::event::provider::Provider;
use crate::webhooks::aps::region::Region;
use crate::webhooks::declared::Declared;
use crate::webhooks::error::Error;
use crate::webhooks::existing::{Clients, regions};
use crate::webhooks::{aps, onshape};
use std::time::Duration;
use url::Url;

/// The value of an environment variable, unless it is empty.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A client of Onshape; each call takes at most `timeout`.
pub fn onshape(timeout: Duration) -> Result<onshape::client::Client, Error> {
    let credentials = onshape::credentials::Credentials::from_variables(variable)?;
    onshape::client::Client::new(&base(Provider::Onshape)?, credentials, timeout)
}

/// A client of APS in a region; each call takes at most `timeout`.
pub fn aps(region: Region, timeout: Duration) -> Result<aps::client::Client, Error> {
    let credentials = aps::credentials::Credentials::from_variables(variable)?;
    aps::client::Client::new(&base(Provider::Aps)?, credentials, region, timeout)
}

/// Clients of the providers and regions that are declared, so that only they need credentials.
pub fn clients(declared: &[Declared], timeout: Duration) -> Result<Clients, Error> {
    let mut clients = Clients::default();
    if declared.iter().any(|one| one.provider() == Provider::Onshape) {
        clients.onshape = Some(onshape(timeout)?);
    }
    for region in regions(declared) {
        clients.aps.insert(region, aps(region, timeout)?);
    }
    Ok(clients)
}

/// The base URL of a provider's API.
pub fn base(provider: Provider) -> Result<Url, Error> {
    let (name, usual) = match provider {
        Provider::Onshape => ("ONSHAPE_BASE_URL", "https://cad.onshape.com"),
        Provider::Aps => ("APS_BASE_URL", "https://developer.api.autodesk.com"),
    };
    let text = variable(name).unwrap_or_else(|| usual.to_owned());
    let url = Url::parse(&text).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| Error::Unusable(format!("{name} must be a URL such as {usual}")))
}
