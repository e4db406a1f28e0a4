//! `cadrelay simulate`: simulates a provider on loopback.

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::note;
use crate::event::provider::Provider;
use crate::secret::Secret;
use crate::simulator::{self, Schedule, Secrets, Settings, Trial};
use crate::webhooks::environment::variable;
use std::io::{IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

/// Simulate a provider: its API and its deliveries, in memory.
///
/// Direct the webhook commands, `serve` and other clients to it with ONSHAPE_BASE_URL or
/// APS_BASE_URL. It accepts the credentials of ONSHAPE_ACCESS_KEY and ONSHAPE_SECRET_KEY, or
/// APS_CLIENT_ID and APS_CLIENT_SECRET, or any if these are not set. It signs its deliveries with
/// ONSHAPE_WEBHOOK_KEY and ONSHAPE_WEBHOOK_KEY_SECONDARY, or APS_WEBHOOK_SECRET.
///
/// POST /simulator/events {"event": …} makes an event happen; GET /simulator/deliveries lists every
/// attempt to deliver.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The provider to simulate.
    #[arg(value_parser = super::webhook::provider_parser())]
    provider: Provider,
    /// The address to listen on: 127.0.0.1:8090 for onshape, 8091 for aps; port 0 for any.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Onshape: try a new hook after its registration is answered, or before.
    #[arg(long, value_enum, default_value = "after")]
    trial: TrialArg,
    /// The number of retries of a delivery: 3 for onshape, 8 for aps.
    #[arg(long, value_name = "N")]
    retries: Option<u32>,
    /// The pause before the first retry; it doubles with each.
    #[arg(long, value_name = "D", value_parser = duration, default_value = "1s")]
    retry_delay: Duration,
    /// The time that a receiver may take to answer: 5s for onshape, 6s for aps.
    #[arg(long, value_name = "D", value_parser = duration)]
    timeout: Option<Duration>,
    /// The number of failed deliveries in a row after which a hook is cancelled (onshape) or
    /// inactive (aps).
    #[arg(long, value_name = "N", default_value_t = 5)]
    cancel_after: u32,
    /// Make this many events a second happen, of those that hooks listen to.
    #[arg(long, value_name = "N", alias = "events-per-second", value_parser = rate)]
    rate: Option<f64>,
    /// Multiply all pauses and time-outs, to see in seconds what usually takes hours.
    #[arg(long, value_name = "F", default_value_t = 1.0, value_parser = rate)]
    time_scale: f64,
    /// Refuse every Nth call of the API, with 503 and 429 by turns, to test a client.
    #[arg(long, value_name = "N", default_value_t = 0)]
    faults: u32,
    /// Deliver every Nth notification twice, as real services sometimes do.
    #[arg(long, value_name = "N", default_value_t = 0)]
    repeat_every: u32,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum TrialArg {
    After,
    Before,
}

impl Args {
    /// Listens until it is told to stop.
    pub async fn run(self) -> Result<Exit, Failure> {
        let address = self.listen.unwrap_or_else(|| {
            SocketAddr::from((
                [127, 0, 0, 1],
                if self.provider == Provider::Onshape { 8090 } else { 8091 },
            ))
        });
        let cannot = |error| Failure::failed(format!("cannot listen on {address}: {error}"));
        let listener = TcpListener::bind(address).map_err(cannot)?;
        let simulation =
            simulator::start(self.provider, self.settings(), listener).map_err(cannot)?;
        announce(self.provider, &simulation.url);
        simulation.run().await.map_err(cannot)?;
        Ok(Exit::Done)
    }

    fn settings(&self) -> Settings {
        let (retries, timeout) = match self.provider {
            Provider::Onshape => (3, Duration::from_secs(5)),
            Provider::Aps => (8, Duration::from_secs(6)),
        };
        Settings {
            trial: match self.trial {
                TrialArg::After => Trial::After,
                TrialArg::Before => Trial::Before,
            },
            schedule: Schedule {
                retries: self.retries.unwrap_or(retries),
                retry_delay: self.retry_delay.mul_f64(self.time_scale),
                timeout: self.timeout.unwrap_or(timeout).mul_f64(self.time_scale),
                repeat_every: self.repeat_every,
            },
            cancel_after: self.cancel_after,
            rate: self.rate,
            fault_every: self.faults,
            secrets: secrets(self.provider),
        }
    }
}

fn secrets(provider: Provider) -> Secrets {
    let secret = |name| variable(name).map(Secret::new);
    match provider {
        Provider::Onshape => Secrets {
            id: secret("ONSHAPE_ACCESS_KEY"),
            secret: secret("ONSHAPE_SECRET_KEY"),
            token: secret("ONSHAPE_ACCESS_TOKEN"),
            signing: secret("ONSHAPE_WEBHOOK_KEY"),
            signing_secondary: secret("ONSHAPE_WEBHOOK_KEY_SECONDARY"),
        },
        Provider::Aps => Secrets {
            id: secret("APS_CLIENT_ID"),
            secret: secret("APS_CLIENT_SECRET"),
            token: secret("APS_ACCESS_TOKEN"),
            signing: secret("APS_WEBHOOK_SECRET"),
            signing_secondary: None,
        },
    }
}

/// Prints the address: as JSON for programs, as variables to set for people.
fn announce(provider: Provider, url: &str) {
    let mut stdout = std::io::stdout();
    let text = match (stdout.is_terminal(), provider) {
        (false, _) => format!("{{\"listening\":\"{url}\"}}"),
        (true, Provider::Onshape) => format!(
            "Onshape is simulated at {url}. In another terminal:\n  export ONSHAPE_BASE_URL={url} \
             ONSHAPE_ACCESS_KEY=any ONSHAPE_SECRET_KEY=any"
        ),
        (true, Provider::Aps) => format!(
            "APS is simulated at {url}. In another terminal:\n  export APS_BASE_URL={url} \
             APS_CLIENT_ID=any APS_CLIENT_SECRET=any"
        ),
    };
    // A closed stdout is no reason to stop listening.
    if writeln!(stdout, "{text}").and_then(|()| stdout.flush()).is_err() {
        note(&text);
    }
}

/// A duration such as `1s`, `250ms` or `1.5s`.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("expected a duration such as 500ms, 1s, 2m or 1h".into()),
    };
    let number: f64 = number.parse().map_err(|_| "expected a duration such as 500ms or 1s")?;
    Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())
}

/// A number over zero.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "expected a number")?;
    if rate > 0.0 && rate <= 10_000.0 { Ok(rate) } else { Err("expected 0 < N <= 10000".into()) }
}
