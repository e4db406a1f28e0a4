//! `webhook test`: one notification as the provider would post it, to any URL, or a burst of them.

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Format, note};
use crate::cli::webhook::burst::{Burst, MAX_COUNT};
use crate::cli::webhook::posting::{Content, Posting, Verdict};
use crate::cli::webhook::secret;
use crate::cli::webhook::session::Session;
use crate::event::provider::Provider;
use crate::providers::catalog;
use crate::secret::Secret;
use crate::webhooks::url::CallbackUrl;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde::Serialize;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Post one realistic notification to a URL, signed as the provider signs.
///
/// Success is the answer that the provider takes for one: exactly 200 for onshape, any 2xx for aps.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The URL to post to.
    url: String,
    /// The event; dm.version.added or onshape.model.lifecycle.changed if none is given.
    #[arg(short, long)]
    event: Option<String>,
    /// The secret to sign with. Others may see it in the list of processes.
    #[arg(short, long, value_name = "S", value_parser = secret::secret, conflicts_with = "secret_env")]
    secret: Option<Secret>,
    /// The name of the environment variable that holds the secret.
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,
    /// Post the bytes of this file instead of a made-up body.
    #[arg(short, long, value_name = "F")]
    payload_file: Option<PathBuf>,
    /// Post this many, each with new ids, and print one summary.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_COUNT as i64))]
    count: Option<u32>,
    /// Post this many a second; without it each waits for the answer to the one before.
    #[arg(long, value_name = "R", value_parser = rate, requires = "count")]
    rate: Option<f64>,
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
    /// Posts, and prints the result.
    pub async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let url = CallbackUrl::parse(&self.url)
            .map_err(|error| Failure::usage(format!("URL: {error}")))?;
        let provider = self.provider(session)?;
        let (content, event) = match &self.payload_file {
            Some(path) => {
                let cannot = |error| Failure::usage(format!("{}: {error}", path.display()));
                (Content::Payload(std::fs::read(path).map_err(cannot)?), self.event.clone())
            }
            None => {
                let usual = || default_event(provider).to_owned();
                let event = self.event.clone().unwrap_or_else(usual);
                (Content::Event(event.clone()), Some(event))
            }
        };
        let secret = match (self.secret, &self.secret_env) {
            (Some(secret), _) => Some(secret),
            (None, Some(name)) => Some(secret::from_variable(name)?),
            (None, None) => None,
        };
        let posting = Posting::new(&url, provider, content, secret, session.timeout)
            .map_err(Failure::failed)?;
        note(&format!("Sending {} to {url}", event.as_deref().unwrap_or("the payload file")));
        match self.count {
            None => once(&posting, url, event, session).await,
            Some(count) => Burst { count, rate: self.rate }.run(posting, url, event, session).await,
        }
    }

    /// The provider that was given, else the one that has the event, else APS.
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

async fn once(
    posting: &Posting,
    url: CallbackUrl,
    event: Option<String>,
    session: &Session,
) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let answer = posting.post(now.as_nanosecond() as u64, now).await;
    let outcome = Outcome {
        success: answer.verdict == Verdict::Success,
        url,
        provider: posting.provider(),
        event,
        status: answer.status.map(|status| status.as_u16()),
        time_ms: answer.time.as_millis() as u64,
        signed: posting.is_signed(),
        message: answer.message(posting.provider()),
    };
    print(session, &outcome)?;
    Ok(match answer.verdict {
        Verdict::Success => Exit::Done,
        Verdict::Failure => Exit::Failed,
        Verdict::NoAnswer => Exit::Remote,
    })
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if RATES.contains(&rate) => Ok(rate),
        _ => Err(format!("expected {} to {} a second", RATES.start(), RATES.end())),
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
/// Wide enough to try any URL.
const RATES: RangeInclusive<f64> = 0.01..=1000.0;
