//! Posts as the providers do, and judges what a consumer finds afterwards.
//!
//! # Promises
//! - A seed repeats the schedule: what is posted, which are repeated, when something breaks. What
//!   the machine makes of it is its own affair.
//! - The verdict rests on what senders were told and what a `read_committed` consumer reads. The
//!   relay's own figures are only checked against each other.

pub mod dice;
mod judge;
pub mod load;

pub use judge::Verdict;
pub use load::{Ledger, Load, Posting};

use rdkafka::consumer::{BaseConsumer, Consumer};
use std::time::Duration;
use support::kafka::{Isolation, Kafka, Received};
use support::relay::{Builder, Metrics, Relay};

/// The schedule's seed: `CADRELAY_SURVIVAL_SEED`, else a fixed one.
pub fn seed() -> u64 {
    let named = std::env::var("CADRELAY_SURVIVAL_SEED").ok();
    named.map_or(20_261_124, |seed| seed.parse().expect("CADRELAY_SURVIVAL_SEED is a number"))
}

/// A relay on this Kafka.
pub fn relay(kafka: &Kafka) -> Builder {
    Relay::builder().kafka(kafka)
}

/// Has a relay take both providers without proof. Onshape signs its own time, and a relay whose clock is
/// hours off believes none of it; what is at stake then is what was believed.
pub fn unproven(relay: Builder) -> Builder {
    relay
        .source("name = 'onshape'\nprovider = 'onshape'\nproof = 'none'")
        .source("name = 'aps'\nprovider = 'aps'\nproof = 'none'")
}

/// Lets more than a thousand events gather behind a broker that answers nothing. What breaks next meets
/// them in one batch.
pub async fn gather(kafka: &Kafka, posting: &Posting) {
    kafka.pause();
    posting.answered(A_BATCH).await;
    kafka.resume();
}

/// Waits until everything is out, reads it all, and judges. What the relay counts must add up, too.
pub async fn judge(run: &str, kafka: &Kafka, relay: &Relay, ledger: &Ledger) -> Verdict {
    relay.drained().await;
    assert_books_balance(&relay.metrics().await);
    judge_topics(run, kafka, &relay.topic(""), ledger).await
}

/// The same, when no relay runs any more.
pub async fn judge_topics(run: &str, kafka: &Kafka, prefix: &str, ledger: &Ledger) -> Verdict {
    let verdict = Verdict::of(run, ledger, &read(kafka, prefix).await);
    verdict.note();
    verdict
}

/// Reads, as a consumer, every topic with this prefix.
pub async fn read(kafka: &Kafka, prefix: &str) -> Vec<Vec<Received>> {
    let mut topics = Vec::new();
    for topic in topics_of(kafka, prefix).await {
        topics.push(kafka.read_topic(&topic, Isolation::ReadCommitted).await);
    }
    topics
}

/// P6, of one run of the relay.
pub fn assert_books_balance(metrics: &Metrics) {
    let outcome = |outcome: &str| -> f64 {
        let of = metrics.of("cadrelay_notifications_total");
        of.filter(|(labels, _)| labels["outcome"] == outcome).map(|(_, value)| value).sum()
    };
    let came = outcome("accepted")
        + outcome("quarantined")
        + metrics.sum("cadrelay_replayed_total")
        + metrics.sum("cadrelay_gaps_total")
        + metrics.sum("cadrelay_spool_recovered");
    let went = metrics.sum("cadrelay_published_total")
        + metrics.sum("cadrelay_dedup_withdrawn_total")
        + metrics.sum("cadrelay_spool_pending");
    assert_eq!(came, went, "what came is not what went and what waits");
}

/// All topics that records of a relay may be in.
async fn topics_of(kafka: &Kafka, prefix: &str) -> Vec<String> {
    let client: BaseConsumer = kafka.client().create().expect("a client");
    let prefix = prefix.to_owned();
    let listing = tokio::task::spawn_blocking(move || {
        let metadata = client.fetch_metadata(None, LISTING).expect("a broker that answers");
        let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
        let ours = names.filter(|name| name.starts_with(&prefix));
        ours.filter(|name| !name.ends_with("relay.positions")).collect()
    });
    listing.await.expect("the listing does not panic")
}

/// A thousand events and the repeats among them.
pub const A_BATCH: u64 = 1_500;
const LISTING: Duration = Duration::from_secs(30);
