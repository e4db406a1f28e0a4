//! The log says what an operator looks for, each thing once and under a name that stays.

use support::notification::Notification;
use support::relay::Relay;
use support::waiting::{A_LOSS_IS_SEEN, eventually, within};

#[tokio::test]
async fn a_run_is_told_from_its_start_to_its_stop_and_an_outage_once_and_at_its_end() {
    let mut relay = Relay::builder().start().await;
    relay.post(&Notification::onshape(0)).await.assert_accepted();
    relay.drained().await;

    relay.kafka_goes_away();
    for seed in 1..=20 {
        relay.post(&Notification::onshape(seed)).await.assert_accepted();
    }
    within(A_LOSS_IS_SEEN, "Kafka is asked twice in vain", async || {
        let metrics = relay.metrics().await;
        (metrics.sum("cadrelay_publish_errors_total") >= 2.0).then_some(())
    })
    .await;
    relay.logged("kafka_down").await;
    relay.kafka_comes_back();
    relay.drained().await;
    relay.kafka_goes_away();
    relay.post(&Notification::onshape(21)).await.assert_accepted();
    assert!(relay.terminate().await.success());

    let lines = relay.log_lines();
    let told = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    let of = |event: &str| lines.iter().find(|line| line["event"] == event).expect(event);
    let started = of("started");
    assert_eq!(started["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(started["sources"], "onshape,aps");
    assert_eq!(started["delivery"], "exactly-once");
    assert_eq!(started["brokers"], relay.brokers());
    for address in ["ingest", "admin"] {
        let said = of("listening")[address].as_str().expect("an address");
        assert!(said.parse::<std::net::SocketAddr>().is_ok(), "{said}");
    }
    // The loss is seen in the connection, or where no leader answers in time.
    let reason = of("kafka_down")["reason"].as_str().expect("a reason");
    assert!(["transport", "timeout"].contains(&reason), "{reason}");
    assert!(of("producer_made_anew")["reason"].is_string());
    assert_eq!(of("stopped")["pending"], 1);
    assert_eq!(lines.last().expect("lines")["event"], "stopped");
    for event in ["started", "listening", "stopping", "stopped"] {
        assert_eq!(told(event), 1, "{event}");
    }
    // The first outage, and perhaps the second, which the stop may have overtaken.
    assert_eq!(told("kafka_up"), 2);
    assert!((1..=2).contains(&told("kafka_down")), "{}", told("kafka_down"));
}

#[tokio::test]
async fn a_full_spool_is_told_once_and_once_more_when_there_is_room() {
    let relay = Relay::builder().set("spool.max_bytes", "'32KiB'").start().await;
    relay.kafka_goes_away();
    let mut seeds = 0..;
    eventually("the spool is full", async || {
        let seed = seeds.next().expect("a number");
        (relay.post(&Notification::onshape(seed)).await.status == 503).then_some(())
    })
    .await;
    let full = relay.logged("spool_full").await;
    for seed in seeds.take(200) {
        relay.post(&Notification::onshape(seed)).await.assert_problem(503);
    }

    relay.kafka_comes_back();
    relay.logged("spool_room").await;
    relay.drained().await;
    relay.post(&Notification::onshape(1_000_000)).await.assert_accepted();

    assert_eq!(full["level"], "ERROR");
    assert_eq!(full["max_bytes"], 32 << 10);
    let lines = relay.log_lines();
    let told = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    assert_eq!((told("spool_full"), told("spool_room")), (1, 1));
}
