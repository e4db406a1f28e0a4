//! The same fact from two registrations: `facts_window`, for each source apart.

use cadrelay::event::provider::Provider;
use cadrelay::providers::sample;
use jiff::Timestamp;
use support::notification::Notification;
use support::relay::Relay;
use support::waiting::eventually;

/// Sources that are open to all: one that asks for facts of an hour, one that does not.
async fn relay(provider: Provider, window: &str) -> Relay {
    let source = |name: &str, rest: &str| {
        format!("name = '{name}'\nprovider = '{provider}'\nproof = 'none'\n{rest}")
    };
    let once = format!("facts_window = '{window}'");
    Relay::builder().source(&source("once", &once)).source(&source("each", "")).start().await
}

/// A revision of Onshape's, the same for each seed, as a hook tells it in a message.
fn told(source: &str, seed: u64, hook: &str, message: &str) -> Notification {
    let now = "2026-11-22T07:00:00.123Z".parse().expect("a time");
    let mut event = sample::value(Provider::Onshape, "onshape.revision.created", seed, now);
    event.insert("webhookId".to_owned(), hook.into());
    event.insert("messageId".to_owned(), format!("{hook}-{message}").into());
    event.insert("timestamp".to_owned(), Timestamp::now().to_string().into());
    Notification::bare(source, serde_json::to_vec(&event).expect("JSON"))
}

#[tokio::test]
async fn the_same_fact_from_another_hook_is_a_repeat_where_the_source_asks_for_it() {
    let relay = relay(Provider::Onshape, "1h").await;

    relay.post(&told("once", 1, "a", "1")).await.assert_accepted();
    relay.post(&told("once", 1, "b", "1")).await.assert_duplicate();
    relay.post(&told("once", 1, "b", "1")).await.assert_duplicate();
    relay.post(&told("once", 2, "b", "2")).await.assert_accepted();
    relay.post(&told("each", 1, "a", "1")).await.assert_accepted();
    relay.post(&told("each", 1, "b", "1")).await.assert_accepted();
}

/// The relay knew a fact by what it says alone, so that the second of two quick changes of one
/// element, told by the only hook there is, was taken for a repeat and lost.
#[tokio::test]
async fn a_hook_that_says_the_same_again_tells_of_another_change() {
    let relay = relay(Provider::Onshape, "1h").await;

    relay.post(&told("once", 1, "a", "1")).await.assert_accepted();
    relay.post(&told("once", 1, "b", "1")).await.assert_duplicate();
    relay.post(&told("once", 1, "a", "2")).await.assert_accepted();
    relay.post(&told("once", 1, "b", "2")).await.assert_duplicate();

    relay.drained().await;
    assert_eq!(relay.read_to_end("onshape.document").await.len(), 2);
}

#[tokio::test]
async fn of_two_hooks_that_tell_a_fact_at_the_same_instant_one_is_accepted() {
    let relay = relay(Provider::Onshape, "1h").await;
    let facts = 20;

    let tellings: Vec<_> = (0..facts)
        .flat_map(|seed| ["a", "b", "c"].map(|hook| told("once", seed, hook, &seed.to_string())))
        .map(|telling| {
            let sender = relay.sender();
            tokio::spawn(async move { sender.post(&telling).await.expect("an answer").receipt() })
        })
        .collect();
    let mut accepted = 0;
    for telling in tellings {
        accepted += u64::from(telling.await.expect("it is answered") == "accepted");
    }

    assert_eq!(accepted, facts);
    relay.drained().await;
    assert_eq!(relay.read_to_end("onshape.document").await.len(), facts as usize);
}

#[tokio::test]
async fn a_fact_is_known_after_a_kill_and_while_kafka_is_away() {
    let mut relay = relay(Provider::Onshape, "1h").await;
    relay.kafka_goes_away();

    relay.post(&told("once", 1, "a", "1")).await.assert_accepted();
    relay.restart().await;
    relay.post(&told("once", 1, "b", "1")).await.assert_duplicate();
    relay.restart().await;
    relay.post(&told("once", 1, "b", "1")).await.assert_duplicate();
    relay.post(&told("once", 1, "a", "2")).await.assert_accepted();

    relay.kafka_comes_back();
    relay.drained().await;
    assert_eq!(relay.read_to_end("onshape.document").await.len(), 2);
}

#[tokio::test]
async fn a_fact_is_told_anew_when_its_window_has_passed() {
    let relay = relay(Provider::Onshape, "1s").await;
    relay.post(&told("once", 1, "a", "1")).await.assert_accepted();

    let mut message = 0;
    eventually("another hook's telling is an event", async || {
        message += 1;
        let answer = relay.post(&told("once", 1, "b", &message.to_string())).await;
        (answer.receipt() == "accepted").then_some(())
    })
    .await;
}

#[tokio::test]
async fn overlapping_hooks_of_aps_by_pattern_and_by_name_tell_one_fact() {
    let relay = relay(Provider::Aps, "1h").await;
    let told = |hook: &str, event: &str, delivery: &str| {
        let body = format!(
            "{{\"hook\":{{\"hookId\":\"{hook}\",\"event\":\"{event}\",\"system\":\"data\"}},\
             \"resourceUrn\":\"u?version=1\",\
             \"payload\":{{\"context\":{{\"operation\":\"PostVersionedFiles\"}}}}}}"
        );
        Notification::bare("once", body).with("x-adsk-delivery-id", delivery)
    };

    relay.post(&told("a", "dm.version.added", "1")).await.assert_accepted();
    relay.post(&told("b", "dm.*", "2")).await.assert_duplicate();
    relay.post(&told("a", "dm.version.added", "3")).await.assert_accepted();
}
