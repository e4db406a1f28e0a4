//! `cadrelay webhook`: manages the subscriptions at the providers by hand.
//!
//! # Promises
//! - Nothing is sent before everything that can be checked here was checked.
//! - No credential, bearer token or secret is printed, and a `token` in a URL reads `***`.

mod burst;
mod config;
mod create;
mod delete;
mod events;
mod flags;
mod get;
mod list;
mod ping;
mod plan;
mod posting;
mod rows;
mod secret;
mod session;
pub mod terminal;
mod test;
mod update;

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Format;
use crate::cli::webhook::session::Session;
use crate::event::provider::Provider;
use crate::webhooks::aps::region::Region;
use crate::webhooks::scope::Scope;
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::time::Duration;

/// List, create, change, test and delete the subscriptions at Onshape and APS.
///
/// Onshape: ONSHAPE_ACCESS_KEY and ONSHAPE_SECRET_KEY (with ONSHAPE_AUTH=signed they sign each
/// request), or ONSHAPE_ACCESS_TOKEN; ONSHAPE_BASE_URL for an enterprise.
/// APS: APS_CLIENT_ID and APS_CLIENT_SECRET, or APS_ACCESS_TOKEN (3-legged); APS_REGION, APS_BASE_URL.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Common options")]
struct Common {
    /// The provider.
    #[arg(long, global = true, value_parser = provider_parser())]
    provider: Option<Provider>,
    /// The form of the result: a table on a terminal, else json.
    #[arg(long, global = true, value_enum)]
    output: Option<Format>,
    /// Answer yes to every question.
    #[arg(long, global = true)]
    yes: bool,
    /// Never ask.
    #[arg(long, global = true)]
    non_interactive: bool,
    /// The time that one call may take, in seconds.
    #[arg(long, global = true, value_name = "SECONDS", value_parser = seconds, default_value = "30")]
    timeout: Duration,
    /// APS: the region of the hooks: US, EMEA, AUS, CAN, DEU, IND, JPN or GBR [default: $APS_REGION, US]
    #[arg(long, global = true)]
    region: Option<Region>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Events(events::Args),
    List(list::Args),
    Create(create::Args),
    Get(get::Args),
    Update(update::Args),
    Delete(delete::Args),
    Ping(ping::Args),
    Secret(secret::Args),
    Test(test::Args),
    Plan(plan::PlanArgs),
    Apply(plan::ApplyArgs),
}

impl Args {
    /// Runs the command.
    pub async fn run(self) -> Result<Exit, Failure> {
        let session = Session::new(self.common)?;
        match self.command {
            Command::Events(args) => args.run(&session),
            Command::List(args) => args.run(&session).await,
            Command::Create(args) => args.run(&session).await,
            Command::Get(args) => args.run(&session).await,
            Command::Update(args) => args.run(&session).await,
            Command::Delete(args) => args.run(&session).await,
            Command::Ping(args) => args.run(&session).await,
            Command::Secret(args) => args.run(&session).await,
            Command::Test(args) => args.run(&session).await,
            Command::Plan(args) => args.run(&session).await,
            Command::Apply(args) => args.run(&session).await,
        }
    }
}

/// The place of an APS hook, if it is known.
#[derive(Debug, clap::Args)]
struct Whereabouts {
    /// APS: the system of the hook.
    #[arg(short, long)]
    system: Option<String>,
    /// APS: the event of the hook.
    #[arg(short, long)]
    event: Option<String>,
}

/// Parses a provider's name.
pub fn provider_parser() -> impl TypedValueParser<Value = Provider> {
    PossibleValuesParser::new(Provider::ALL.map(Provider::as_str)).map(|name| {
        let named = |provider: &Provider| provider.as_str() == name;
        Provider::ALL.into_iter().find(named).expect("only known names come here")
    })
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 3600.0 => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected a number of seconds above 0, up to 3600".into()),
    }
}

/// Seconds to wait; zero checks at once.
fn wait(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected a number of seconds, up to 3600".into()),
    }
}

/// A moment in the future.
fn expiry(text: &str) -> Result<Timestamp, String> {
    match text.parse::<Timestamp>() {
        Ok(moment) if moment > Timestamp::now() => Ok(moment),
        Ok(_) => Err("it is in the past".into()),
        Err(_) => Err("expected a moment such as 2027-01-31T00:00:00Z".into()),
    }
}

fn attributes(text: &str) -> Result<Map<String, Value>, String> {
    let attributes: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| format!("expected a JSON object such as {{\"a\":\"b\"}}: {error}"))?;
    if text.len() < MAX_ATTRIBUTES { Ok(attributes) } else { Err("1 KB is too much".into()) }
}

/// Refuses flags of the other provider.
fn refuse(provider: Provider, flags: &[(&str, bool)]) -> Result<(), Failure> {
    match flags.iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(Failure::usage(format!("{flag} means nothing to {provider}"))),
        None => Ok(()),
    }
}

fn scope(pairs: &[(String, String)]) -> Scope {
    pairs.iter().cloned().collect()
}

/// The most bytes that APS takes in `hookAttribute`.
const MAX_ATTRIBUTES: usize = 1024;
