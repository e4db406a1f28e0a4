//! Whether everything in a spool is as it was written.
//!
//! # Promises
//! - Every byte that counts is read: each block of the store has a checksum, which reading it checks.
//! - A fault ends the reading of its own part alone, so that all parts are looked at.
//!
//! # Limits
//! Beside a running relay, the journals are not read: what is only there is in memory as well.

use crate::record::layout::Parts;
use crate::spool::chunk::{Chunk, Stored};
use crate::spool::lanes::extent_of;
use crate::spool::segments::Segment;
use crate::spool::store::{self, Store};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was read, and what is wrong with it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Segments of records that were read.
    pub segments: u64,
    /// Commits in them.
    pub chunks: u64,
    /// Records in them.
    pub records: u64,
    /// Ids that are remembered, each read.
    pub ids: u64,
    /// The last sequence in the store.
    pub last_sequence: u64,
    /// The last sequence that was acknowledged.
    pub acknowledged: u64,
    /// What is wrong. Nothing, as a rule.
    pub faults: Vec<Fault>,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fault {
    /// The file, or the part of the store.
    pub place: String,
    /// What is wrong there.
    pub fault: String,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// Notes a fault.
    pub fn add(&mut self, place: impl Into<String>, fault: impl Into<String>) {
        self.faults.push(Fault { place: place.into(), fault: fault.into() });
    }
}

/// Reads everything.
pub(super) fn of(store: &Store, acknowledged: u64) -> Verdict {
    let mut verdict = Verdict { acknowledged, ..Verdict::default() };
    match Reading::begin(store) {
        Ok(reading) => reading.read(store, &mut verdict),
        Err(error) => verdict.add("meta", said(&error)),
    }
    verdict
}

/// What the parts of the store must agree with.
struct Reading {
    last_sequence: u64,
    lanes: BTreeMap<u16, String>,
    released: BTreeMap<u16, u64>,
    /// The last sequence read, by lane.
    reached: BTreeMap<u16, u64>,
}

impl Reading {
    fn begin(store: &Store) -> Result<Self, store::Error> {
        store.instance()?.ok_or(store::Error::Damaged("the instance has no name"))?;
        Ok(Self {
            lanes: store.lanes()?.into_iter().collect(),
            released: store.released()?,
            reached: BTreeMap::new(),
            // Last, so that it is not behind what the others say of a running spool.
            last_sequence: store.last_sequence()?,
        })
    }

    fn read(mut self, store: &Store, verdict: &mut Verdict) {
        verdict.last_sequence = self.last_sequence;
        for (lane, released) in &self.released {
            if *released > self.last_sequence {
                let topic = self.topic(*lane);
                verdict.add("meta", format!("{topic}: {released} is out, which was never in"));
            }
        }
        for number in store.segments() {
            self.read_segment(store, number, verdict);
        }
        // Again, as a running relay gives segments back that it has released meanwhile.
        self.released.extend(store.released().unwrap_or_default());
        self.check_end(verdict);
        for number in store.slices() {
            match store.read_slice(number) {
                Ok(ids) => verdict.ids += ids,
                Err(_) if !store.slices().contains(&number) => {}
                Err(error) => verdict.add(store::slice_name(number), said(&error)),
            }
        }
    }

    fn read_segment(&mut self, store: &Store, number: u64, verdict: &mut Verdict) {
        let place = store::segment_name(number);
        let mut segment = Segment::default();
        let mut sequences = Vec::new();
        // Asked first: a running relay notes it when the segment takes no more.
        let noted = store.summary(number);
        let chunks = match store.chunks(number) {
            Ok(chunks) => chunks,
            // A running relay gave it back meanwhile.
            Err(_) if !store.segments().contains(&number) => return,
            Err(error) => return verdict.add(place, said(&error)),
        };
        for chunk in chunks {
            let (lane, chunk) = match chunk {
                Ok(read) => read,
                Err(error) => return verdict.add(place, said(&error)),
            };
            verdict.chunks += 1;
            verdict.records += chunk.count();
            segment.add(lane, extent_of(&chunk));
            sequences.extend(chunk.records().map(|record| record.sequence));
            self.read_chunk(&place, lane, &chunk, verdict);
        }
        verdict.segments += 1;
        sequences.sort_unstable();
        if let Some(gap) = sequences.windows(2).find(|pair| pair[0] + 1 != pair[1]) {
            verdict.add(&*place, format!("{} does not follow {}", gap[1], gap[0]));
        }
        match noted {
            Ok(Some(noted)) if noted != segment => {
                verdict.add(place, "holds something else than was noted when it was full");
            }
            Ok(_) => {}
            Err(error) => verdict.add(place, said(&error)),
        }
    }

    fn read_chunk(&mut self, place: &str, lane: u16, chunk: &Chunk, verdict: &mut Verdict) {
        if !self.lanes.contains_key(&lane) {
            verdict.add(place, format!("a lane that nobody knows, number {lane}"));
        }
        for record in chunk.records() {
            let before = self.reached.insert(lane, record.sequence).unwrap_or(0);
            if before >= record.sequence {
                let topic = self.topic(lane);
                verdict.add(place, format!("{topic}: {} comes after {before}", record.sequence));
            }
            if let Some(fault) = fault_of(&record) {
                verdict.add(place, format!("record {}: {fault}", record.sequence));
            }
        }
    }

    /// The last record is there, or out. A running spool may have more by now.
    fn check_end(&self, verdict: &mut Verdict) {
        let ends = self.reached.values().chain(self.released.values());
        let end = ends.max().copied().unwrap_or(0);
        if end < self.last_sequence {
            let last = self.last_sequence;
            verdict.add("meta", format!("{last} was stored, and the records end at {end}"));
        }
        if self.last_sequence < verdict.acknowledged {
            let (last, acknowledged) = (self.last_sequence, verdict.acknowledged);
            let fault = format!("{acknowledged} was acknowledged, and the store ends at {last}");
            verdict.add("mark", fault);
        }
    }

    fn topic(&self, lane: u16) -> &str {
        self.lanes.get(&lane).map_or("?", String::as_str)
    }
}

fn fault_of(record: &Stored<'_>) -> Option<&'static str> {
    let Ok(parts) = Parts::read(record.bytes) else { return Some("is not a record") };
    if parts.key.is_empty() {
        return Some("has no key");
    }
    let stamp = parts.headers().find(|(name, _)| *name == "ce_sequence").map(|(_, stamp)| stamp);
    let is_stamped = stamp.is_none_or(|stamp| {
        std::str::from_utf8(stamp).is_ok_and(|text| text.parse() == Ok(record.sequence))
    });
    (!is_stamped).then_some("its ce_sequence is another")
}

/// An error with its causes.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
