//! A stop loses nothing and ends well.

use support::load::Load;
use support::notification::Notification;
use support::relay::Relay;
use support::waiting::eventually;

#[tokio::test]
async fn sigterm_under_load_exits_0_and_loses_nothing_that_was_acknowledged() {
    stopped_under_load(libc::SIGTERM).await;
}

#[tokio::test]
async fn ctrl_c_under_load_exits_0_and_loses_nothing_that_was_acknowledged() {
    stopped_under_load(libc::SIGINT).await;
}

async fn stopped_under_load(signal: libc::c_int) {
    let mut relay = Relay::builder().start().await;
    let load = Load::start(&relay, 8);
    load.acknowledged_reaches(300).await;

    relay.signal(signal);
    let status = relay.ended().await;
    let sent = load.stop().await;

    assert_eq!(status.code(), Some(0));
    let refused: Vec<_> =
        sent.statuses.keys().filter(|status| !matches!(status, 200 | 503)).collect();
    assert!(refused.is_empty(), "senders were answered {:?}", sent.statuses);
    let stopped = relay.log_lines().pop().expect("a last line");
    assert_eq!(stopped["event"], "stopped");
    assert_eq!(stopped["pending"], 0);
    sent.assert_published_once(&relay.read_to_end("onshape.document").await);
}

#[tokio::test]
async fn what_waits_when_it_stops_is_published_by_the_next_run() {
    let mut relay = Relay::builder().start().await;
    relay.kafka_goes_away();
    for seed in 0..50 {
        relay.post(&Notification::onshape(seed)).await.assert_accepted();
    }

    let status = relay.terminate().await;
    let stopped = relay.log_lines().pop().expect("a last line");
    relay.kafka_comes_back();
    relay.restart().await;
    relay.drained().await;

    assert_eq!(status.code(), Some(0));
    assert_eq!(stopped["pending"], 50);
    assert_eq!(relay.metrics().await.sum("cadrelay_spool_recovered"), 50.0);
    assert_eq!(relay.read_to_end("onshape.document").await.len(), 50);
}

#[tokio::test]
async fn a_second_process_on_the_same_spool_does_not_start_and_harms_nothing() {
    let relay = Relay::builder().start().await;
    let spool = relay.dir().join("spool").display().to_string();

    let second = Relay::builder().set("spool.dir", &format!("'{spool}'"));
    let (status, log) = second.start_in_vain().await;

    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains(&spool), "{log}");
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    relay.drained().await;
}

#[tokio::test]
async fn a_relay_that_is_told_to_stop_is_unready_at_once_and_answers_until_its_delay_is_over() {
    let mut relay = Relay::builder().set("http.stop_delay", "'4s'").start().await;
    let (ingest, admin) = (relay.ingest(), relay.admin());
    let load = Load::start(&relay, 4);
    load.acknowledged_reaches(100).await;

    relay.signal(libc::SIGTERM);
    eventually("it says that it is not ready", async || {
        let answer = reqwest::get(format!("http://{admin}/readyz")).await.ok()?;
        (answer.status() == 503).then_some(())
    })
    .await;
    let before = load.acknowledged();
    // The port is open and takes notifications, though readiness has turned.
    load.acknowledged_reaches(before + 50).await;
    assert!(tokio::net::TcpStream::connect(ingest).await.is_ok());

    let status = relay.ended().await;
    let sent = load.stop().await;
    assert_eq!(status.code(), Some(0));
    let others: Vec<_> =
        sent.statuses.keys().filter(|status| !matches!(status, 200 | 503)).collect();
    assert!(others.is_empty(), "{:?}", sent.statuses);
    sent.assert_published_once(&relay.read_to_end("onshape.document").await);
}
