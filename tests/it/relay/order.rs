//! Events of one subject reach Kafka in the order in which they were accepted (P3).

use std::collections::{HashMap, HashSet};
use support::notification::Notification;
use support::relay::Relay;

#[tokio::test]
async fn each_document_keeps_its_order_over_several_partitions_an_outage_and_a_kill() {
    let mut relay = Relay::builder()
        .source("name = 'open'\nprovider = 'onshape'\nproof = 'none'")
        .start()
        .await;

    posted(&relay, 0..25).await;
    relay.kafka_goes_away();
    posted(&relay, 25..50).await;
    relay.restart().await;
    posted(&relay, 50..75).await;
    relay.kafka_comes_back();
    posted(&relay, 75..100).await;
    relay.drained().await;

    let records = relay.read_to_end("onshape.document").await;
    assert_eq!(records.len(), DOCUMENTS * 100);
    let mut numbers: HashMap<String, Vec<usize>> = HashMap::new();
    let mut partitions: HashMap<String, HashSet<i32>> = HashMap::new();
    for record in &records {
        let document = record.key_text().to_owned();
        let id = record.header("ce_id").expect("an id").rsplit_once('-').expect("ours").1;
        numbers.entry(document.clone()).or_default().push(id.parse().expect("a number"));
        partitions.entry(document).or_default().insert(record.partition);
    }
    assert_eq!(numbers.len(), DOCUMENTS);
    for (document, numbers) in &numbers {
        assert_eq!(*numbers, (0..100).collect::<Vec<_>>(), "{document}");
        assert_eq!(partitions[document].len(), 1, "{document}");
    }
    let used: HashSet<_> = records.iter().map(|record| record.partition).collect();
    assert!(used.len() > 1, "all documents met in one partition");
}

/// Posts these events of each document: a document's one after the other, the documents at once.
async fn posted(relay: &Relay, numbers: std::ops::Range<usize>) {
    let documents: Vec<_> = (0..DOCUMENTS)
        .map(|document| {
            let (sender, numbers) = (relay.sender(), numbers.clone());
            tokio::spawn(async move {
                for number in numbers {
                    let answer = sender.post(&change(document, number)).await.expect("an answer");
                    answer.assert_accepted();
                }
            })
        })
        .collect();
    for document in documents {
        document.await.expect("each is accepted");
    }
}

fn change(document: usize, number: usize) -> Notification {
    let body = format!(
        "{{\"event\":\"onshape.model.lifecycle.changed\",\"documentId\":\"document{document}\",\
         \"messageId\":\"message-{document}-{number}\"}}"
    );
    Notification::bare("open", body)
}

const DOCUMENTS: usize = 8;
