//! Judges a run: compares the senders' ledger with the records that a consumer reads.

use super::load::{Digest, Ledger, digest_of};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;
use support::kafka::Received;

/// One run's figures. Everything from `lost` to `unexpected` must be zero.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub run: String,
    pub seed: u64,
    /// Events that were posted, each counted once.
    pub posted: u64,
    /// Those that were answered 200.
    pub acknowledged: u64,
    /// Answers `duplicate`.
    pub repeats: u64,
    /// Records that a consumer reads.
    pub published: u64,
    /// Answered 200 and not there.
    pub lost: u64,
    /// Of those, the ones that were only ever answered `duplicate`: remembered, and never stored.
    pub duplicate_and_lost: u64,
    /// There more than once.
    pub duplicated: u64,
    /// Answered as new more than once.
    pub accepted_twice: u64,
    /// Behind one of the same key that was posted only after this one was answered.
    pub reordered: u64,
    /// Under a key that is not that of its document.
    pub misplaced: u64,
    /// Records whose `raw` is not the bytes of anything that was posted.
    pub altered: u64,
    /// Answers other than 200 and 503.
    pub unexpected: u64,
    /// The number of answers by status; 0 for no answer.
    pub statuses: BTreeMap<u16, u64>,
    /// The number of injected faults by kind, and further figures.
    pub faults: BTreeMap<&'static str, u64>,
}

impl Verdict {
    /// Judges what was read of each topic, in the order of its partitions.
    pub fn of(run: &str, ledger: &Ledger, topics: &[Vec<Received>]) -> Self {
        let unexpected =
            ledger.statuses.iter().filter(|(status, _)| ![0, 200, 503].contains(*status));
        let mut verdict = Self {
            run: run.to_owned(),
            seed: ledger.seed,
            posted: ledger.events.len() as u64,
            acknowledged: ledger.acknowledged() as u64,
            repeats: ledger.events.values().map(|fate| fate.duplicate).sum(),
            published: 0,
            lost: 0,
            duplicate_and_lost: 0,
            duplicated: 0,
            accepted_twice: 0,
            reordered: 0,
            misplaced: 0,
            altered: 0,
            unexpected: unexpected.map(|(_, times)| times).sum(),
            statuses: ledger.statuses.clone(),
            faults: ledger.faults.clone(),
        };
        let mut times: HashMap<Digest, u64> = HashMap::new();
        for records in topics {
            let mut latest: HashMap<String, Instant> = HashMap::new();
            for record in records {
                verdict.look_at(record, ledger, &mut times, &mut latest);
            }
        }
        for (digest, fate) in &ledger.events {
            if fate.acknowledged.is_some() && !times.contains_key(digest) {
                verdict.lost += 1;
                verdict.duplicate_and_lost += u64::from(fate.accepted == 0);
            }
            verdict.accepted_twice += u64::from(fate.accepted > 1);
        }
        verdict
    }

    /// Fails the test unless everything held.
    #[track_caller]
    pub fn assert_holds(&self) {
        let faults = [
            self.lost,
            self.duplicated,
            self.accepted_twice,
            self.reordered,
            self.misplaced,
            self.altered,
            self.unexpected,
        ];
        assert!(self.acknowledged > 0, "nothing was acknowledged: {}", self.line());
        assert_eq!(faults, [0; 7], "{}", self.line());
    }

    /// Adds the line of this run to the log of all runs.
    pub fn note(&self) {
        let line = self.line();
        println!("{line}");
        let path = std::env::var_os("CADRELAY_SURVIVAL_LOG").map_or_else(
            || Path::new(env!("CARGO_TARGET_TMPDIR")).join("survival.jsonl"),
            PathBuf::from,
        );
        let mut log =
            File::options().create(true).append(true).open(path).expect("a log of all runs");
        writeln!(log, "{line}").expect("the log takes a line");
    }

    fn line(&self) -> String {
        serde_json::to_string(self).expect("figures are JSON")
    }

    fn look_at(
        &mut self,
        record: &Received,
        ledger: &Ledger,
        times: &mut HashMap<Digest, u64>,
        latest: &mut HashMap<String, Instant>,
    ) {
        // The relay's own word that somebody may have missed something: nobody posted it.
        if record.header("ce_type") == Some("com.cadrelay.subscription.gap") {
            return;
        }
        self.published += 1;
        let digest = digest_of(&raw(record));
        let Some(fate) = ledger.events.get(&digest) else {
            self.altered += 1;
            return;
        };
        let seen = times.entry(digest).or_default();
        *seen += 1;
        if *seen > 1 {
            self.duplicated += 1;
            return;
        }
        let quarantined = record.topic.ends_with("quarantine");
        let Some(key) = fate.key.as_ref().filter(|_| !quarantined) else { return };
        self.misplaced += u64::from(record.key_text() != key);
        // Accepted is later than posted and earlier than acknowledged; more nobody outside knows.
        let after = latest.entry(key.clone()).or_insert(fate.posted);
        if fate.acknowledged.is_some_and(|acknowledged| acknowledged < *after) {
            self.reordered += 1;
        }
        *after = (*after).max(fate.posted);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Value<'a> {
    #[serde(borrow)]
    raw: Option<&'a RawValue>,
    raw_base64: Option<String>,
}

/// The bytes that were posted, as a record carries them.
fn raw(record: &Received) -> Vec<u8> {
    let value = record.value.as_deref().expect("events have a value");
    let value: Value<'_> = serde_json::from_slice(value).expect("values are JSON");
    match (value.raw, value.raw_base64) {
        (Some(raw), _) => raw.get().as_bytes().to_vec(),
        (None, Some(text)) => STANDARD.decode(text).expect("rawBase64 is base64"),
        (None, None) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::Fate;
    use super::*;
    use std::time::Duration;

    /// Events about one document, each posted a second after the one before and answered at once.
    fn ledger(bodies: &[&str]) -> Ledger {
        let began = Instant::now();
        let mut ledger = Ledger::default();
        for (second, body) in bodies.iter().enumerate() {
            let posted = began + Duration::from_secs(second as u64);
            let fate = Fate {
                key: Some("document".to_owned()),
                posted,
                acknowledged: Some(posted + Duration::from_millis(1)),
                accepted: 1,
                duplicate: 0,
            };
            ledger.events.insert(digest_of(body.as_bytes()), fate);
        }
        ledger
    }

    fn record(body: &str) -> Received {
        Received {
            topic: "cad.onshape.document".to_owned(),
            partition: 0,
            offset: 0,
            key: Some(b"document".to_vec()),
            headers: Vec::new(),
            value: Some(format!("{{\"id\":\"1\",\"raw\":{body}}}").into_bytes()),
        }
    }

    fn verdict(ledger: &Ledger, published: &[&str]) -> Verdict {
        let records = published.iter().map(|body| record(body)).collect();
        Verdict::of("test", ledger, &[records])
    }

    #[test]
    fn what_was_posted_in_order_and_is_there_once_holds() {
        let bodies = ["{\"n\":1}", "{\"n\":2}", "{\"n\":3}"];
        verdict(&ledger(&bodies), &bodies).assert_holds();
    }

    #[test]
    fn each_fault_is_counted_by_its_name() {
        let posted = ledger(&["{\"n\":1}", "{\"n\":2}", "{\"n\":3}"]);

        assert_eq!(verdict(&posted, &["{\"n\":1}", "{\"n\":3}"]).lost, 1);
        let twice = ["{\"n\":1}", "{\"n\":2}", "{\"n\":1}", "{\"n\":3}"];
        assert_eq!(verdict(&posted, &twice).duplicated, 1);
        let swapped = ["{\"n\":1}", "{\"n\":3}", "{\"n\":2}"];
        assert_eq!(verdict(&posted, &swapped).reordered, 1);
        let respelt = ["{\"n\":1}", "{\"n\":2}", "{ \"n\":3}"];
        assert_eq!(verdict(&posted, &respelt).altered, 1);
    }

    #[test]
    fn what_was_only_ever_called_a_repeat_and_is_not_there_is_named() {
        let mut posted = ledger(&["{\"n\":1}"]);
        let fate = posted.events.values_mut().next().unwrap();
        (fate.accepted, fate.duplicate) = (0, 1);

        let verdict = verdict(&posted, &[]);

        assert_eq!((verdict.lost, verdict.duplicate_and_lost), (1, 1));
    }

    #[test]
    fn events_that_were_under_way_at_the_same_time_may_come_in_any_order() {
        let mut posted = ledger(&["{\"n\":1}", "{\"n\":2}"]);
        let end = Instant::now() + Duration::from_secs(60);
        posted.events.values_mut().for_each(|fate| fate.acknowledged = Some(end));

        assert_eq!(verdict(&posted, &["{\"n\":2}", "{\"n\":1}"]).reordered, 0);
    }
}
