//! `webhook test`: one notification as the provider would post it, to any URL.
//!
//! # Promises
//! - One POST: no redirect is followed and nothing is repeated.
//! - A payload file is sent and signed byte for byte, whatever it holds.

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Format, note};
use crate::cli::webhook::secret;
use crate::cli::webhook::session::Session;
use crate::event::provider::Provider;
use crate::providers::{catalog, sample};
use crate::webhooks::hidden::{Hidden, Veil};
use crate::webhooks::http;
use crate::webhooks::url::CallbackUrl;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;
use url::Url;

/// Post one realistic notification to a URL, signed as the provider signs.
///
/// Success is what the provider takes for one: exactly 200 for onshape, any 2xx for aps.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to post.
    url: String,
    /// The event; dm.version.added or onshape.model.lifecycle.changed if none is given.
    #[arg(short, long)]
    event: Option<String>,
    /// What to sign with. Others may see it in the list of processes.
    #[arg(short, long, value_name = "S", value_parser = secret::secret, conflicts_with = "secret_env")]
    secret: Option<Hidden>,
    /// The name of the environment variable that holds what to sign with.
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,
    /// Post the bytes of this file instead of a made-up body.
    #[arg(short, long, value_name = "F")]
    payload_file: Option<PathBuf>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    success: bool,
    url: CallbackUrl,
    provider: Provider,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    time_ms: u64,
    signed: bool,
    message: String,
}

impl Args {
    /// Posts, and prints what came of it.
    pub async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let url = CallbackUrl::parse(&self.url)
            .map_err(|error| Failure::usage(format!("URL: {error}")))?;
        let provider = self.provider(session)?;
        let now = Timestamp::now();
        let seed = now.as_nanosecond() as u64;
        let event = self.event.clone().unwrap_or_else(|| default_event(provider).to_owned());
        let (body, event) = match &self.payload_file {
            Some(path) => {
                let cannot = |error| Failure::usage(format!("{}: {error}", path.display()));
                (std::fs::read(path).map_err(cannot)?, self.event.clone())
            }
            None => (sample::body(provider, &event, seed, now), Some(event)),
        };
        let secret = match (self.secret, &self.secret_env) {
            (Some(secret), _) => Some(secret),
            (None, Some(name)) => Some(secret::from_variable(name)?),
            (None, None) => None,
        };
        let mut headers = match &secret {
            Some(secret) => sample::sign(provider, secret.reveal(), &body, now),
            None => Vec::new(),
        };
        if provider == Provider::Aps {
            headers.push(("x-adsk-delivery-id", sample::aps_delivery_id(seed)));
        }
        let signed = secret.is_some();
        note(&format!("Sending {} to {url}", event.as_deref().unwrap_or("the payload file")));
        let veil = Veil::new(secret);
        let started = Instant::now();
        let answer = post(&url, session, headers, body).await;
        let time_ms = started.elapsed().as_millis() as u64;
        let (success, status, message, exit) = match answer {
            Ok((status, text)) if is_success(provider, status) => {
                (true, Some(status.as_u16()), text, Exit::Done)
            }
            Ok((status, text)) => {
                let wanted = if provider == Provider::Onshape { "200" } else { "2xx" };
                let text = format!("{status}, and {provider} wants {wanted}: {text}");
                (false, Some(status.as_u16()), text, Exit::Failed)
            }
            Err(reason) => (false, None, reason, Exit::Remote),
        };
        let message = veil.over(message.trim()).chars().take(MAX_MESSAGE).collect();
        print(
            session,
            &Outcome { success, url, provider, event, status, time_ms, signed, message },
        )?;
        Ok(exit)
    }

    /// The provider that was named, else the one whose event it is, else APS.
    fn provider(&self, session: &Session) -> Result<Provider, Failure> {
        let Some(event) = &self.event else {
            return Ok(session.provider().unwrap_or(Provider::Aps));
        };
        let knows = |provider: &Provider| catalog::find(*provider, event).is_some();
        match (session.provider(), Provider::ALL.iter().find(|provider| knows(provider))) {
            (Some(named), _) if knows(&named) => Ok(named),
            (None, Some(found)) => Ok(*found),
            (named, _) => {
                let provider = named.unwrap_or(Provider::Aps);
                let objection = crate::webhooks::checks::unknown(provider, event);
                Err(Failure::usage(format!("--event: {objection}")))
            }
        }
    }
}

async fn post(
    url: &CallbackUrl,
    session: &Session,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
) -> Result<(StatusCode, String), String> {
    let target = Url::parse(url.reveal()).map_err(|error| error.to_string())?;
    let client = http::client(&target, session.timeout).map_err(http::reason)?;
    let request = client.post(target).header("content-type", "application/json");
    let request =
        headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    let response = request.body(body).send().await.map_err(http::reason)?;
    let status = response.status();
    // The status is the answer; a body that breaks off takes nothing from it.
    let text = response.text().await.unwrap_or_default();
    Ok((status, text))
}

fn is_success(provider: Provider, status: StatusCode) -> bool {
    match provider {
        Provider::Onshape => status == StatusCode::OK,
        Provider::Aps => status.is_success(),
    }
}

fn default_event(provider: Provider) -> &'static str {
    match provider {
        Provider::Onshape => "onshape.model.lifecycle.changed",
        Provider::Aps => "dm.version.added",
    }
}

fn print(session: &Session, outcome: &Outcome) -> Result<(), Failure> {
    if session.format != Format::Table {
        return session.print(KEYS, outcome);
    }
    let verdict = if outcome.success { "successful" } else { "failed" };
    let status = match outcome.status.map(StatusCode::from_u16) {
        Some(Ok(status)) => status.to_string(),
        _ => "none".to_owned(),
    };
    let signed = if outcome.signed { "yes" } else { "no" };
    session.print_text(&format!(
        "Webhook test {verdict}\n  Response Status: {status}\n  Response Time: {} ms\n  Signed: \
         {signed}\n  Answer: {}",
        outcome.time_ms, outcome.message
    ))
}

const KEYS: &[&str] =
    &["success", "url", "provider", "event", "status", "timeMs", "signed", "message"];
const MAX_MESSAGE: usize = 300;
