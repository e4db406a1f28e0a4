//! The relay dies or is stopped under load.

use crate::oracle::{self, Load, dice::Dice};
use crate::support::kafka::Kafka;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_published_twice_when_the_relay_is_killed_at_any_moment() {
    let kafka = Kafka::shared().await;
    let seed = oracle::seed();
    let mut dice = Dice::of(seed, "moments of kills");
    let mut relay = oracle::relay(kafka).start().await;
    let posting = Load::of(seed).start(relay.sender());

    for _ in 0..KILLS {
        posting.answered(1 + dice.below(200)).await;
        relay.restart().await;
    }
    posting.answered(50).await;

    let mut ledger = posting.finish().await;
    ledger.fault("relay_kills", KILLS);
    oracle::judge("relay killed at random", kafka, &relay, &ledger).await.assert_holds();
}

const KILLS: u64 = 15;
