//! `cadrelay dev`: the relay with Kafka inside, to try it out.

use crate::app::Relay;
use crate::cli::colour::Colour;
use crate::cli::dev_brokers::{BrokersFile, PARTITIONS};
use crate::cli::exit::{Exit, Failure};
use crate::cli::printing::{self, Style};
use crate::cli::signals;
use crate::config::Config;
use crate::event::provider::Provider;
use crate::kafka::embedded::Embedded;
use crate::kafka::settings::Settings;
use crate::kafka::tailing::{From, Tail};
use crate::kafka::topics;
use crate::providers::settings::{self as source, Asked};
use crate::quantity::ByteSize;
use crate::scratch::Scratch;
use crate::simulator::traffic;
use crate::spool::Loss;
use crate::telemetry;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Flags of `dev`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address of the ingest listener
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address of the admin listener
    #[arg(long, default_value = "127.0.0.1:9464")]
    admin: SocketAddr,
    /// Keep the spool in this directory [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
    /// Post this many realistic notifications a second, with redeliveries and odd ones among them
    #[arg(long, value_name = "N")]
    simulate: Option<u32>,
    /// Print each event as one line of JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Runs until Ctrl-C, and shows each event as it passes.
    pub async fn run(self, colour: Colour) -> Result<Exit, Failure> {
        telemetry::start_quietly(colour.suits(&std::io::stderr()));
        let failed = |doing: &str, error: &dyn std::fmt::Display| {
            Failure::failed(format!("{doing}: {error}"))
        };
        let shutdown = signals::shutdown()?;
        let (dir, temporary) = match &self.spool {
            Some(dir) => (dir.clone(), None),
            None => {
                let scratch = Scratch::new("cadrelay-dev")
                    .map_err(|error| failed("making a temporary spool", &error))?;
                (scratch.path().to_owned(), Some(scratch))
            }
        };
        let kafka = Embedded::start().map_err(|error| failed("starting Kafka", &error))?;
        let config = config(&self, &dir, kafka.brokers());
        for topic in topics::needed(&config.kafka, &Provider::ALL) {
            kafka
                .make_topic(&topic.name, topic.partitions)
                .map_err(|error| failed("making a topic", &error))?;
        }
        let settings = config.kafka.clone();
        let resolved = config.resolve().map_err(|error| Failure::usage(error.to_string()))?;
        let relay = Relay::build(resolved, Loss::Refuse)
            .map_err(|error| Failure::failed(format!("{error:#}")))?;
        let note = BrokersFile::leave(&settings.brokers);
        greet(&relay, &settings.brokers, self.simulate);
        show(settings, Style::of(self.json, colour))?;
        let simulation = self.simulate.map(|rate| tokio::spawn(traffic::run(relay.ingest, rate)));
        let ran = relay.run(|| {}, shutdown).await;
        if let Some(simulation) = simulation {
            simulation.abort();
            drop(simulation.await);
        }
        drop(note);
        drop(temporary);
        ran.map_err(|error| Failure::failed(format!("{error:#}")))?;
        Ok(Exit::Done)
    }
}

fn config(args: &Args, dir: &Path, brokers: String) -> Config {
    let mut config = Config::default();
    config.http.listen = args.listen;
    config.admin.listen = args.admin;
    config.http.allow_unproven = true;
    config.spool.dir = dir.to_owned();
    config.spool.disk_reserve = ByteSize(64 << 20);
    config.kafka.brokers = brokers;
    config.kafka.create_topics = false;
    config.kafka.partitions = PARTITIONS;
    config.sources = Provider::ALL
        .into_iter()
        .map(|provider| source::Settings {
            name: provider.as_str().to_owned(),
            provider,
            proof: Asked::Nothing,
            freshness: None,
            delivery_id: None,
            assume: None,
            facts_window: None,
        })
        .collect();
    config
}

fn greet(relay: &Relay, brokers: &str, simulate: Option<u32>) {
    let ingest = relay.ingest;
    eprintln!("cadrelay {} with Kafka inside\n", env!("CARGO_PKG_VERSION"));
    eprintln!("  console  http://{}/console", relay.admin);
    for provider in Provider::ALL {
        eprintln!("  {provider:8} http://{ingest}/webhooks/{provider}");
    }
    eprintln!("  kafka    {brokers}");
    eprintln!("  metrics  http://{}/metrics\n", relay.admin);
    eprintln!("Try in another terminal:");
    eprintln!("  cadrelay webhook test http://{ingest}/webhooks/onshape --provider onshape");
    eprintln!("  cadrelay tail --from beginning --json");
    eprintln!("  kcat -C -b {brokers} -t cad.onshape.document\n");
    match simulate {
        Some(rate) => eprintln!("Simulating {rate} notifications a second. Events as they pass:"),
        None => eprintln!("Events as they pass (--simulate 5 makes some):"),
    }
}

/// Shows events as a consumer gets them, until the process ends.
fn show(settings: Settings, style: Style) -> Result<(), Failure> {
    let mut tail = Tail::open(settings, Vec::new(), From::Beginning)
        .map_err(|error| Failure::failed(error.to_string()))?;
    // The thread ends with the process: its next poll may take a tenth of a second, and nothing
    // waits for it.
    std::thread::Builder::new()
        .name("show".to_owned())
        .spawn(move || {
            loop {
                // Kafka is in this process, and the relay itself reports its troubles.
                if let Ok(Some(seen)) = tail.poll()
                    && printing::print(style, &seen).is_err()
                {
                    return;
                }
            }
        })
        .map(drop)
        .map_err(|error| Failure::failed(format!("showing events: {error}")))
}
