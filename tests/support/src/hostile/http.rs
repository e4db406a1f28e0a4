//! A connection to the ingest listener, without the secrets.

use actix_service::{IntoServiceFactory as _, Service as _, ServiceFactory as _, map_config};
use actix_web::dev::AppConfig;
use actix_web::{App, web};
use cadrelay::app::Relay;
use cadrelay::config::Config;
use cadrelay::http::connections::connection::Connection;
use cadrelay::http::connections::guarded::Guarded;
use cadrelay::http::ingest::Inlets;
use cadrelay::http::server::ingest::routes;
use cadrelay::http::server::service::http;
use cadrelay::quantity::ByteSize;
use cadrelay::spool::Loss;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// A relay in this process, whose ingest is reached without a socket.
pub struct Target {
    inlets: web::Data<Inlets>,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
    _spool: TempDir,
}

impl Target {
    /// Starts a relay with two sources, whose limits are small so that they are met often. It waits
    /// this long for a head or a body. Kafka is away.
    pub fn start(patience: Duration) -> Self {
        let spool = tempfile::tempdir().expect("a temporary folder");
        let config = config(&spool, patience);
        let (stop, stopped) = oneshot::channel::<()>();
        let (built, ready) = mpsc::channel();
        let running = std::thread::spawn(move || {
            let runtime = Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let resolved = config.resolve().expect("the configuration is sound");
                let relay = Relay::build(resolved, Loss::Refuse).expect("a relay");
                built.send(relay.inlets()).expect("the starter waits");
                let ran = relay.run(|| {}, async { drop(stopped.await) }).await;
                ran.expect("the relay stops in order");
            });
        });
        let inlets: Arc<Inlets> = ready.recv().expect("the relay starts");
        fill(&inlets);
        Self { inlets: inlets.into(), stop: Some(stop), running: Some(running), _spool: spool }
    }

    /// Closes connections that are late by the clock of the caller's runtime. Never ends.
    pub async fn watch(&self) {
        Arc::clone(&self.inlets.connections).watch().await;
    }

    /// Whatever bytes come on a connection: it ends, also if it falls silent in the middle of
    /// something, without a panic, a 5xx other than 503, or a receipt.
    ///
    /// The first byte says how the rest arrives: in pieces of which length, and with an end or
    /// silence after the last. Runs on one thread. Returns the statuses of the answers.
    pub async fn check(&self, bytes: &[u8]) -> Vec<u16> {
        let [how, bytes @ ..] = bytes else { return Vec::new() };
        let app = App::new().app_data(self.inlets.clone()).configure(routes);
        let service = http().h1(map_config(app.into_factory(), |_| AppConfig::default()));
        let service = service.new_service(()).await.expect("a service");
        let (mut ours, theirs) = tokio::io::duplex(64 << 10);
        let entry = self.inlets.connections.open();
        let connection = service.call((Guarded::new(theirs, entry), None));
        let served = actix_web::rt::spawn(async move { drop(connection.await) });
        // A caller that does not read its answers is another matter, so this one always does.
        let answers = tokio::time::timeout(LONGEST, converse(&mut ours, *how, bytes)).await;
        let answers = answers.expect("a connection that falls silent ends");
        drop(ours);
        served.await.expect("what serves a connection does not panic");
        statuses(&answers)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.running.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(matches!(ended, Some(Ok(()))), "the relay stops in order");
        }
    }
}

fn config(spool: &TempDir, patience: Duration) -> Config {
    let mut config = Config::default();
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    config.http.listen = anywhere;
    config.http.workers = Some(1);
    config.http.body_limit = ByteSize(4096);
    config.http.read_timeout.0 = patience;
    config.http.keep_alive.0 = patience;
    config.admin.listen = anywhere;
    config.kafka.brokers = "127.0.0.1:1".to_owned();
    config.spool.dir = spool.path().to_owned();
    config.sources = [
        r#"{"name":"o","provider":"onshape","proof":{"hmac":"0123456789abcdef"}}"#,
        r#"{"name":"a","provider":"aps","proof":{"hmac":"0123456789abcdef"}}"#,
    ]
    .map(|settings| serde_json::from_str(settings).expect("the settings of a source"))
    .into();
    config
}

/// Takes the room for unfinished requests, so that few fill the rest.
fn fill(inlets: &Inlets) {
    let holder = Connection::default();
    let mut piece = 1 << 30;
    while piece >= ROOM {
        if inlets.connections.hold(&holder, piece).is_err() {
            piece /= 2;
        }
    }
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

/// The statuses of some answers, each of which is right for a stranger. An answer begins with a
/// version and a status, which no text of ours contains.
fn statuses(answers: &[u8]) -> Vec<u16> {
    let mut statuses = Vec::new();
    let text = String::from_utf8_lossy(answers);
    assert!(text.is_empty() || text.starts_with("HTTP/1."), "{text}");
    for answer in text.split("HTTP/1.").skip(1) {
        let status = answer.get(2..5).and_then(|status| status.parse::<u16>().ok());
        // "HTTP/1.1" alone is in a text for people.
        let Some(status) = status else { continue };
        let is_look = status == 200 && !answer.contains("\"status\"");
        let is_refusal = (400..500).contains(&status) || status == 503;
        assert!(is_look || status == 100 || is_refusal, "{answer}");
        statuses.push(status);
    }
    statuses
}

/// The room that is left for unfinished requests: about as much as one may take.
const ROOM: usize = 4 << 10;
const LONGEST: Duration = Duration::from_secs(600);
