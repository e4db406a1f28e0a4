//! The oracle finds what it is there for: faults that other relays have, built in on purpose.
//!
//! Run by `cargo test --features mutants --test survival mutants`.

use crate::faults::{Fault, Faults};
use crate::oracle::{self, Load, Verdict, dice::Dice};
use crate::support::kafka::Kafka;
use crate::support::relay::Builder;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_before_the_commit_is_found_as_lost() {
    let verdict = killed("mutant: answer before the commit", Fault::KillAfter, |relay| {
        relay.env("CADRELAY_MUTANT", "answer-before-commit")
    })
    .await;

    assert!(verdict.lost > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_is_remembered_before_its_record_is_found_as_a_repeat_that_is_lost() {
    let verdict = killed("mutant: id before the record", Fault::KillAfter, |relay| {
        relay.env("CADRELAY_MUTANT", "id-before-record")
    })
    .await;

    assert!(verdict.duplicate_and_lost > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishing_without_transactions_is_found_as_duplicated() {
    // A release is a write without a sync: death in the middle of it forgets what was published.
    let verdict = killed("mutant: no transaction", Fault::TearWrite, |relay| {
        relay.set("kafka.delivery", "'at-least-once'")
    })
    .await;

    assert!(verdict.duplicated > 0);
    assert_eq!(verdict.lost, 0);
}

/// The kills around commits that a sound relay survives.
async fn killed(run: &str, around: Fault, change: impl FnOnce(Builder) -> Builder) -> Verdict {
    let kafka = Kafka::shared().await;
    let seed = oracle::seed();
    let mut dice = Dice::of(seed, "moments around commits");
    let faults = Faults::new();
    let mut relay = faults.apply(change(oracle::relay(kafka))).start().await;
    let posting = Load::of(seed).start(relay.sender());

    for _ in 0..KILLS {
        posting.answered(1 + dice.below(50)).await;
        faults.order_next(around, 1 + dice.below(20));
        relay.ended().await;
        faults.mend();
        relay.restart().await;
    }
    posting.answered(50).await;

    let mut ledger = posting.finish().await;
    ledger.fault("relay_kills", KILLS);
    oracle::judge(run, kafka, &relay, &ledger).await
}

const KILLS: u64 = 10;
