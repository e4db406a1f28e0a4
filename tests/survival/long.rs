//! Many deaths, on request: `bash tests/run --long`.

use crate::faults::{Fault, Faults};
use crate::oracle::{self, Load, dice::Dice};
use support::kafka::Kafka;
use support::relay::Relay;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long"]
async fn a_thousand_deaths_of_the_relay_and_a_hundred_of_the_broker_lose_and_repeat_nothing() {
    let mut kafka = Kafka::start().await;
    for round in 0..ROUNDS {
        let seed = oracle::seed() + round;
        let faults = Faults::new();
        let mut relay = faults.apply(oracle::relay(&kafka)).start().await;
        let mut killer = Killer { dice: Dice::of(seed, "deaths"), faults };
        let posting = Load::of(seed).start(relay.sender());

        for death in 1..=DEATHS_A_ROUND {
            posting.answered(1 + killer.dice.below(150)).await;
            if death % DEATHS_A_BROKER == 0 {
                kafka.kill();
                posting.answered(1 + killer.dice.below(150)).await;
                killer.kill(&mut relay).await;
                kafka.restart().await;
            } else {
                killer.kill(&mut relay).await;
            }
            relay.restart().await;
        }
        posting.answered(50).await;

        let mut ledger = posting.finish().await;
        ledger.fault("relay_kills", DEATHS_A_ROUND);
        ledger.fault("broker_kills", DEATHS_A_ROUND / DEATHS_A_BROKER);
        oracle::judge("long", &kafka, &relay, &ledger).await.assert_holds();
    }
}

struct Killer {
    dice: Dice,
    faults: Faults,
}

impl Killer {
    /// At once, or at a coming commit or write.
    async fn kill(&mut self, relay: &mut Relay) {
        let around = match self.dice.below(6) {
            0 => Fault::KillBefore,
            1 => Fault::KillAfter,
            2 => Fault::TearWrite,
            _ => {
                relay.kill();
                return;
            }
        };
        self.faults.order_next(around, 1 + self.dice.below(20));
        relay.ended().await;
        self.faults.mend();
    }
}

const ROUNDS: u64 = 20;
const DEATHS_A_ROUND: u64 = 55;
/// One death in so many takes the broker along.
const DEATHS_A_BROKER: u64 = 10;
