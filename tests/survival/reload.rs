//! A configuration on a mount that hangs costs a reload, and nothing else.

use crate::faults::{Fault, Faults};
use support::notification::Notification;
use support::relay::Relay;
use support::waiting::eventually;

#[tokio::test]
async fn a_configuration_whose_mount_hangs_is_refused_and_the_relay_reloads_and_stops_as_ever() {
    let faults = Faults::new();
    let mut relay = faults.apply(Relay::builder()).start().await;

    faults.order(Fault::HangConfig, 1);
    relay.signal(libc::SIGHUP);
    let refused = relay.logged("reload_refused").await;
    relay.post(&Notification::onshape(1)).await.assert_accepted();
    let metrics = relay.metrics().await;
    faults.mend();
    relay.signal(libc::SIGHUP);
    relay.logged("reloaded").await;
    faults.order(Fault::HangConfig, 1);
    relay.signal(libc::SIGHUP);
    eventually("the second hanging reload is refused", async || {
        (relay.log().matches("\"reload_refused\"").count() == 2).then_some(())
    })
    .await;
    let status = relay.terminate().await;

    let reason = refused["reason"].as_str().expect("a reason");
    assert!(reason.contains("was not read within"), "{reason}");
    assert_eq!(metrics.get("cadrelay_config_reloads_total", &[("outcome", "failed")]), 1.0);
    assert!(status.success(), "{status}");
}
