//! The oracle finds what it is there for: faults that other relays have, built in on purpose.
//!
//! Two of them are compiled in by a feature alone:
//! `cargo test --features mutants --test survival mutants::`.

use crate::faults::{Fault, Faults};
use crate::oracle::{self, Load};
#[cfg(feature = "mutants")]
use crate::oracle::{Verdict, dice::Dice};
use support::kafka::Kafka;
#[cfg(feature = "mutants")]
use support::relay::Builder;

#[cfg(feature = "mutants")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_before_the_commit_is_found_as_lost() {
    let verdict = killed("mutant: answer before the commit", Fault::KillAfter, |relay| {
        relay.env("CADRELAY_MUTANT", "answer-before-commit")
    })
    .await;

    assert!(verdict.lost > 0);
}

#[cfg(feature = "mutants")]
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
    let kafka = Kafka::start().await;
    let faults = Faults::new();
    let relay = oracle::relay(&kafka).set("kafka.delivery", "'at-least-once'");
    let mut relay = faults.apply(relay).start().await;
    let posting = Load::of(oracle::seed()).start(relay.sender());

    posting.answered(100).await;
    kafka.pause();
    posting.answered(100).await;
    let mut ledger = posting.finish().await;
    // Nothing is stored any more, so the next write notes that a batch is out: death in the middle
    // of it forgets what was published.
    faults.order_next(Fault::TearWrite, 1);
    kafka.resume();
    relay.ended().await;
    faults.mend();
    relay.restart().await;

    ledger.fault("relay_kills", 1);
    let verdict = oracle::judge("mutant: no transaction", &kafka, &relay, &ledger).await;
    assert!(verdict.duplicated > 0);
    assert_eq!(verdict.lost, 0);
}

/// The kills around commits that a sound relay survives.
#[cfg(feature = "mutants")]
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

#[cfg(feature = "mutants")]
const KILLS: u64 = 10;
