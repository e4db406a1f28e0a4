//! Makes a spool with much in it, through the spool's own API instead of HTTP.

use cadrelay::event::provider::Provider;
use cadrelay::kafka::settings::Settings as Kafka;
use cadrelay::quantity::ByteSize;
use cadrelay::record::layout::Record;
use cadrelay::spool::lanes::Leaving;
use cadrelay::spool::settings::Settings;
use cadrelay::spool::window::IdKey;
use cadrelay::spool::{Account, Appended, CommitMeters, LaneId, Loss, Opening, Spool, Submission};
use jiff::Timestamp;
use std::path::Path;
use std::time::Duration;

/// Fills a spool with remembered ids, of which the last `pending` still wait.
pub async fn fill(dir: &Path, ids: u64, pending: u64, size: usize) {
    let spool = open(dir);
    let topic = Kafka::default()
        .topic_names()
        .of(Provider::Onshape, cadrelay::event::group::Group::Document);
    let lane = spool.lane(&topic).expect("a lane of the topic");
    let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
    let value = vec![b'x'; size];
    let mut released = 0;
    for first in (0..ids).step_by(ROUND as usize) {
        let last = (first + ROUND).min(ids);
        let mut appends = tokio::task::JoinSet::new();
        for sender in 0..SENDERS {
            let (spool, value) = (spool.clone(), value.clone());
            appends.spawn(async move {
                for number in (first..last).filter(|number| number % SENDERS == sender) {
                    append(&spool, lane, number, &value, now).await;
                }
            });
        }
        appends.join_all().await;
        let through = last.min(ids - pending);
        if through > released {
            let published = through - released;
            let bytes = published * record(&value).as_bytes().len() as u64;
            let leaving = Leaving { through, published, bytes, ..Leaving::default() };
            spool.release(lane, leaving, &[]);
            released = through;
        }
    }
    tokio::task::spawn_blocking(move || spool.close()).await.expect("it closes");
}

async fn append(spool: &Spool, lane: LaneId, number: u64, value: &[u8], now: u64) {
    let appended = spool
        .append(Submission {
            id: IdKey::of_id("onshape", &format!("{number:024x}")),
            fact: None,
            lane,
            record: record(value),
            account: Account(0),
            now,
        })
        .await;
    assert!(matches!(appended, Ok(Appended::New { .. })), "{appended:?}");
}

/// Makes a record. Records of one size take the same bytes in the spool.
fn record(value: &[u8]) -> Record {
    let mut record = Record::builder("document", value.len() + 100);
    record.header("content-type", "application/json").value().extend_from_slice(value);
    record.finish()
}

fn open(dir: &Path) -> Spool {
    let histogram = |name: &str| {
        let options = prometheus::HistogramOpts::new(name, name);
        prometheus::Histogram::with_opts(options).expect("a legal name")
    };
    let kafka = Kafka::default();
    let settings = Settings {
        dir: dir.to_owned(),
        max_bytes: ByteSize(64 << 30),
        disk_reserve: ByteSize(256 << 20),
    };
    Opening {
        settings: &settings,
        window: Duration::from_secs(72 * 3600),
        topics: &kafka.topic_names().all(&[Provider::Onshape]),
        quarantine: &kafka.topic_names().quarantine(),
        accounts: 1,
        gate: cadrelay::spool::lanes::Gate::Open,
        loss: Loss::Refuse,
        meters: CommitMeters {
            commit_duration: histogram("duration"),
            commit_records: histogram("records"),
        },
    }
    .open()
    .expect("the spool opens")
}

const ROUND: u64 = 50_000;
/// The number of senders: many, so that commits are large and the filling takes minutes even on a
/// slow disk.
const SENDERS: u64 = 2_048;
