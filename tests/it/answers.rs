//! What the sender is told: every row of the table of statuses.

use crate::support::{notification::Notification, relay::Relay};

#[tokio::test]
async fn an_authentic_notification_is_accepted_and_its_redelivery_is_a_duplicate() {
    let relay = Relay::builder().start().await;
    let notification = Notification::onshape(1);

    let first = relay.post(&notification).await;
    let second = relay.post(&notification).await;

    first.assert_accepted();
    second.assert_duplicate();
    assert_eq!(first.id(), second.id());
    assert_eq!(relay.consume("onshape.document", 1).await.len(), 1);
}
