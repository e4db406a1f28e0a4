//! The consumers under examples/ tell of each event once, in the order of each thing, and stop well:
//! with records of every topic from a real Kafka, in both encodings, beside aborted transactions.

mod consumer;
mod published;

use consumer::{Consumer, Language};
use published::Published;

#[tokio::test]
async fn the_consumer_in_python_tells_of_each_event_once_and_in_order() {
    let told = tells_of_each_event_once(Language::Python).await;

    for expected in [
        "translation t-1 is complete",
        "PRT-1 revised by r-1",
        "urn:v?version=2 PROCESSING_COMPLETE",
        "urn:v: failed",
    ] {
        assert!(told.iter().any(|line| line.ends_with(expected)), "{expected}: {told:#?}");
    }
}

#[tokio::test]
async fn the_consumer_in_rust_tells_of_each_event_once_and_in_order() {
    tells_of_each_event_once(Language::Rust).await;
}

#[tokio::test]
async fn the_consumer_in_java_tells_of_each_event_once_and_in_order() {
    tells_of_each_event_once(Language::Java).await;
}

#[tokio::test]
async fn the_consumer_in_go_tells_of_each_event_once_and_in_order() {
    tells_of_each_event_once(Language::Go).await;
}

#[tokio::test]
async fn the_consumer_in_node_tells_of_each_event_once_and_in_order() {
    tells_of_each_event_once(Language::Node).await;
}

/// Consumes everything, is stopped, and consumes again: with another memory, then with another group.
/// Gives the lines of the first run.
async fn tells_of_each_event_once(language: Language) -> Vec<String> {
    let published = Published::by_two_relays().await;
    let run = |group, memory| Consumer::start(language, &published, group, memory);

    let told = run("first", "first").tells_of(published.ids()).await;
    // The group has committed: a consumer without memory repeats nothing.
    let newer = published.change_the_document("newer").await;
    let told_after_a_stop = run("first", "second").tells_of(std::slice::from_ref(&newer)).await;
    // Another group begins anew; the memory of the first knows better.
    let newest = published.change_the_document("newest").await;
    let told_by_memory = run("third", "first").tells_of(&[newer.clone(), newest.clone()]).await;

    assert_eq!(ids_of(&told), published.ids());
    assert_eq!(published.order_of_the_document(&told), published::ORDER);
    assert!(told.iter().any(|line| line.contains(" com.cadrelay.quarantined ")), "{told:#?}");
    assert_eq!(ids_of(&told_after_a_stop), [newer.as_str()]);
    assert_eq!(ids_of(&told_by_memory), [newer, newest]);
    told
}

/// The third word of a line: time, type, id.
fn id_of(line: &str) -> &str {
    line.split(' ').nth(2).unwrap_or_else(|| panic!("not a line of an example: {line}"))
}

/// The ids of the lines, sorted; an id that was told twice is there twice.
fn ids_of(lines: &[String]) -> Vec<&str> {
    let mut ids: Vec<_> = lines.iter().map(|line| id_of(line)).collect();
    ids.sort_unstable();
    ids
}
