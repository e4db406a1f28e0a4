//! Whatever bytes come on a connection: no panic, no 5xx but 503, and no receipt without a proof.
//! Every connection ends, also one that falls silent in the middle of something.

#![no_main]

use actix_http::{HttpService, KeepAlive};
use actix_service::{IntoServiceFactory as _, Service as _, ServiceFactory as _, map_config};
use actix_web::dev::AppConfig;
use actix_web::{App, web};
use cadrelay::event::provider::Provider;
use cadrelay::http::connections::guarded::Guarded;
use cadrelay::http::connections::{Connections, Limits};
use cadrelay::http::ingest::{Inlet, Inlets};
use cadrelay::http::server::ingest::routes;
use cadrelay::ingest::Ingest;
use cadrelay::ingest::accounts::Accounts;
use cadrelay::ingest::clock::Clock;
use cadrelay::ingest::pings::Pings;
use cadrelay::ingest::routing::Routes;
use cadrelay::kafka::settings::Settings as Kafka;
use cadrelay::metrics::Metrics;
use cadrelay::providers::settings::Settings;
use cadrelay::providers::source::Source;
use cadrelay::record::cloudevents::Encoding;
use cadrelay::spool::{Loss, Opening, settings::Settings as Storage};
use cadrelay::throttle::Throttle;
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

/// The relay's inlets, with small limits, so that they are met often.
static INLETS: LazyLock<web::Data<Inlets>> = LazyLock::new(|| {
    let sources = [
        r#"{"name":"o","provider":"onshape","proof":{"hmac":"0123456789abcdef"}}"#,
        r#"{"name":"a","provider":"aps","proof":{"hmac":"0123456789abcdef"}}"#,
    ]
    .map(|settings| {
        let settings: Settings = serde_json::from_str(settings).unwrap();
        Source::new(&settings, Duration::from_secs(60)).unwrap()
    });
    let (kafka, accounts) = (Kafka::default(), Accounts::of_sources(Provider::ALL));
    let topics = kafka.topic_names().all(&Provider::ALL);
    let metrics = Metrics::new(&topics);
    let dir = std::env::temp_dir().join(format!("cadrelay-fuzz-{}", std::process::id()));
    let spool = Opening {
        settings: &Storage { dir, ..Storage::default() },
        window: Duration::from_secs(60),
        topics: &topics,
        quarantine: &kafka.topic_names().quarantine(),
        accounts: Accounts::count(&accounts),
        gate: cadrelay::spool::lanes::Gate::Open,
        loss: Loss::Refuse,
        meters: metrics.spool.clone(),
    }
    .open()
    .unwrap();
    let inlet = |(source, accounts): (Source, Accounts)| {
        let name = source.name().to_owned();
        let routes = Routes::new(kafka.topic_names(), source.provider(), &spool).unwrap();
        let ingest = Ingest::new(
            source,
            routes,
            accounts,
            Encoding::Binary,
            spool.clone(),
            Pings::default(),
        );
        let meters = metrics.source(&name);
        (name, Inlet { ingest, meters, refusals: Throttle::default() })
    };
    web::Data::new(Inlets {
        sources: sources.into_iter().zip(accounts).map(inlet).collect(),
        body_limit: 4096,
        connections: Arc::new(Connections::new(Limits {
            connections: 10,
            bytes: 6000,
            read_timeout: PATIENCE,
            keep_alive: KEEP_ALIVE,
        })),
        read_timeout: PATIENCE,
        leaving: false.into(),
        stopping: false.into(),
        clock: Clock::start(),
        requests: 0.into(),
    })
});

thread_local! {
    // Time stands still but for what is waited for: a time-out costs nothing.
    static RUNTIME: (Runtime, LocalSet) = (
        Builder::new_current_thread().enable_all().start_paused(true).build().unwrap(),
        LocalSet::new(),
    );
}

// The first byte says how the rest arrives: in pieces of which length, and with an end or silence after
// the last.
fuzz_target!(|bytes: &[u8]| {
    let [how, bytes @ ..] = bytes else { return };
    let answers = RUNTIME.with(|(runtime, local)| local.block_on(runtime, talk(*how, bytes)));
    check(&answers);
});

async fn talk(how: u8, bytes: &[u8]) -> Vec<u8> {
    let app = App::new().app_data(INLETS.clone()).configure(routes);
    let service = HttpService::build()
        .keep_alive(KeepAlive::Os)
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(Duration::from_secs(1))
        .on_connect_ext(|stream: &Guarded<DuplexStream>, shared| {
            shared.insert(stream.connection());
        })
        .h1(map_config(app.into_factory(), |_| AppConfig::default()));
    let service = service.new_service(()).await.unwrap();
    let (mut ours, theirs) = tokio::io::duplex(64 << 10);
    let watch = actix_web::rt::spawn(Arc::clone(&INLETS.connections).watch());
    let connection = service.call((Guarded::new(theirs, INLETS.connections.open()), None));
    let served = actix_web::rt::spawn(async move { drop(connection.await) });
    // A caller who does not listen is another matter, so this one always does.
    let answers = tokio::time::timeout(LONGEST, converse(&mut ours, how, bytes)).await;
    let answers = answers.expect("a connection that falls silent ends");
    drop(ours);
    served.await.expect("what serves a connection does not panic");
    watch.abort();
    answers
}

async fn converse(wire: &mut DuplexStream, how: u8, bytes: &[u8]) -> Vec<u8> {
    let (mut reading, mut writing) = tokio::io::split(wire);
    let piece = 1 << (how & 15);
    let send = async {
        for part in bytes.chunks(piece) {
            if writing.write_all(part).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        if how & 16 == 0 {
            drop(writing.shutdown().await);
        }
    };
    let mut answers = Vec::new();
    let read = reading.read_to_end(&mut answers);
    drop(tokio::join!(send, read));
    answers
}

/// No answer of ours has the text by which answers are told apart.
fn check(answers: &[u8]) {
    let text = String::from_utf8_lossy(answers);
    for answer in text.split("HTTP/1.").skip(1) {
        let status: u16 = answer[2..5].parse().expect("a status");
        let is_look = status == 200 && !answer.contains("\"status\"");
        let is_refusal = (400..500).contains(&status) || status == 503;
        assert!(is_look || status == 100 || is_refusal, "{answer}");
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(600);
