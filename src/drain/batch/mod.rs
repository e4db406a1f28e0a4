//! The records that go to Kafka together: a list, composed once.
//!
//! Every view of a batch is a walk over that list: the records to send, the positions they reach,
//! each lane's share, and the records that may leave the spool.

#[cfg(test)]
mod tests;

use crate::drain::lane::{Lane, RefusedRecord};
use crate::drain::settle::Share;
use crate::drain::turns::Turns;
use crate::kafka::outcome::Report;
use crate::kafka::publisher::{Outgoing, Position};
use crate::record::layout::{Headers, Parts};
use crate::record::quarantine::refused;
use crate::spool::lanes::Leaving;
use crate::spool::lanes::walk::Rest;
use crate::spool::notes::Published;
use crate::spool::{Identity, LaneId, ReadError, Spool};
use bytes::Bytes;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Instant;

/// Records of several lanes, each lane's in order.
#[derive(Debug, Default)]
pub struct Batch {
    records: Vec<Going>,
    /// Withdrawn records at the head of their lane: they leave whatever the outcome of the batch.
    passed: BTreeMap<LaneId, Leaving>,
    /// The bytes that its records take in the spool.
    bytes: u64,
    /// The whole batch belongs to one suspected lane.
    is_suspected: bool,
}

/// A record in a batch.
#[derive(Debug)]
struct Going {
    lane: LaneId,
    sequence: u64,
    /// Milliseconds since the epoch.
    committed_at: u64,
    /// The bytes that are sent to Kafka.
    bytes: Bytes,
    /// The number of bytes that it takes in the spool.
    stored: u64,
    /// It goes to the quarantine topic, in its quarantined form.
    is_quarantined: bool,
    /// The withdrawn records behind it, up to the next record of its lane: they leave with it.
    behind: Leaving,
}

/// The records that leave one lane.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Departure {
    /// Their number, and the sequence up to which the lane is released.
    pub leaving: Leaving,
    /// Their places in Kafka, as far as they were reported.
    pub places: Vec<Published>,
}

/// A lane whose turn it is, while a batch is composed.
struct Turn<'a> {
    lane: &'a Lane,
    /// The last sequence that is in the batch, or released from the spool.
    after: u64,
    /// The number of its records in the batch.
    taken: usize,
}

impl<'a> Turn<'a> {
    /// The turn of a lane without records in the batch.
    fn of(lane: &'a Lane, after: u64) -> Self {
        Self { lane, after, taken: 0 }
    }
}

impl Batch {
    /// Composes a batch of the records that the lanes may send now, chunk by chunk from each in
    /// turn, up to the bounds.
    pub fn compose(
        spool: &Spool,
        lanes: &[Lane],
        turns: &mut Turns,
        now: Instant,
    ) -> Result<Self, ReadError> {
        let going = turns.next(lanes, |lane| lane.may_send(now) && spool.waits(lane.number));
        let is_suspected = going.iter().any(|lane| lane.is_suspected());
        let mut batch = Self { is_suspected, ..Self::default() };
        let mut open: Vec<Turn<'_>> =
            going.into_iter().map(|lane| Turn::of(lane, spool.released(lane.number))).collect();
        while !open.is_empty() {
            let mut still_open = Vec::with_capacity(open.len());
            for mut turn in open {
                if batch.is_full() {
                    break;
                }
                let lane = turn.lane.number;
                let next = spool.records_after(lane, turn.after).next().transpose()?;
                let Some(rest) = next else { continue };
                let withdrawn = spool.withdrawn(lane, turn.after, rest.chunk.last);
                if withdrawn.is_some_and(|withdrawn| batch.take(&mut turn, &rest, &withdrawn)) {
                    still_open.push(turn);
                }
            }
            open = still_open;
        }
        Ok(batch)
    }

    /// Takes the records of a lane's next chunk for which there is room. Passes over withdrawn
    /// records: another replica published their events. True if more of the lane may go.
    fn take(&mut self, turn: &mut Turn<'_>, rest: &Rest, withdrawn: &[u64]) -> bool {
        for record in rest.records() {
            if withdrawn.binary_search(&record.sequence).is_ok() {
                self.pass(turn, record.sequence, record.bytes.len() as u64);
                continue;
            }
            let refused = turn.lane.refused.filter(|refused| refused.sequence == record.sequence);
            // A refused record goes in its quarantined form, one that may be too large in its own
            // form.
            let goes_alone = refused.is_some() || turn.lane.may_be_too_large(record.bytes.len());
            let is_over = goes_alone || turn.taken >= turn.lane.room || self.is_full_of_records();
            if is_over && turn.taken > 0 {
                return false;
            }
            self.bytes += record.bytes.len() as u64;
            self.records.push(Going {
                lane: turn.lane.number,
                sequence: record.sequence,
                committed_at: record.committed_at,
                bytes: match refused {
                    Some(why) => quarantined(record.bytes, why, &turn.lane.topic),
                    None => rest.chunk.as_bytes().slice_ref(record.bytes),
                },
                stored: record.bytes.len() as u64,
                is_quarantined: refused.is_some(),
                behind: Leaving::default(),
            });
            turn.after = record.sequence;
            turn.taken += 1;
            if goes_alone {
                return false;
            }
        }
        true
    }

    /// Passes over a withdrawn record.
    fn pass(&mut self, turn: &mut Turn<'_>, sequence: u64, stored: u64) {
        turn.after = sequence;
        let lane = turn.lane.number;
        let before = self.records.iter_mut().rev().find(|record| record.lane == lane);
        match before {
            Some(record) => record.behind.pass(sequence, stored),
            None => self.passed.entry(lane).or_default().pass(sequence, stored),
        }
    }

    /// The withdrawn records at the head of their lanes.
    pub fn passed(&self) -> &BTreeMap<LaneId, Leaving> {
        &self.passed
    }

    fn is_full(&self) -> bool {
        self.bytes >= MAX_BYTES || self.is_full_of_records()
    }

    fn is_full_of_records(&self) -> bool {
        self.records.len() >= MAX_RECORDS
    }

    /// True if there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records to send, in the batch's order.
    pub fn outgoing<'a>(
        &'a self,
        lanes: &'a [Lane],
        quarantine: &'a str,
    ) -> Vec<Outgoing<'a, Headers<'a>>> {
        let outgoing = self.records.iter().map(|record| {
            let topic = match record.is_quarantined {
                true => quarantine,
                false => &*lanes[record.lane.index()].topic,
            };
            let parts = parts_of(&record.bytes);
            Outgoing { topic, key: parts.key, headers: parts.headers(), value: parts.value }
        });
        outgoing.collect()
    }

    /// The positions that the batch reaches: one for each run and lane in it.
    pub fn positions(&self, identity: &Identity, lanes: &[Lane]) -> Vec<Position> {
        let mut reached: BTreeMap<(LaneId, u64), (&str, u64)> = BTreeMap::new();
        for record in &self.records {
            if let Some(run) = identity.run_of(record.sequence) {
                reached.insert((record.lane, run.first), (&run.name, record.sequence));
            }
        }
        let position = |((lane, _), (run, sequence)): ((LaneId, u64), (&str, u64))| {
            Position::new(&identity.instance, run, &lanes[lane.index()].topic, sequence)
        };
        reached.into_iter().map(position).collect()
    }

    /// Each lane's share, for [`crate::drain::settle::settle`].
    pub fn shares(&self) -> Vec<Share> {
        let mut shares: BTreeMap<LaneId, Share> = BTreeMap::new();
        for (at, record) in self.records.iter().enumerate() {
            let share = shares.entry(record.lane).or_insert_with(|| Share {
                lane: record.lane,
                records: Vec::new(),
                quarantined: record.is_quarantined,
                suspected: self.is_suspected,
            });
            share.records.push((at, record.sequence));
        }
        shares.into_values().collect()
    }

    /// The records that leave each lane, given the number of settled records of each.
    pub fn departures(
        &self,
        settled: &[(LaneId, usize)],
        reports: &[Report],
    ) -> BTreeMap<LaneId, Departure> {
        let mut left: BTreeMap<LaneId, usize> = settled.iter().copied().collect();
        let mut departures: BTreeMap<LaneId, Departure> = BTreeMap::new();
        for (at, record) in self.records.iter().enumerate() {
            let Some(left) = left.get_mut(&record.lane).filter(|left| **left > 0) else { continue };
            *left -= 1;
            let Departure { leaving, places } = departures.entry(record.lane).or_default();
            leaving.through = record.sequence.max(record.behind.through);
            leaving.bytes += record.stored + record.behind.bytes;
            leaving.withdrawn += record.behind.withdrawn;
            match record.is_quarantined {
                // It is alone in its lane's share, so the place is one in the quarantine topic.
                true => leaving.quarantined += 1,
                false => leaving.published += 1,
            }
            if let Some(Report::Written { partition, offset }) = reports.get(at) {
                let (sequence, partition, offset) = (record.sequence, *partition, *offset);
                places.push(Published { sequence, partition, offset });
            }
        }
        departures
    }

    /// The seconds from commit to `now` of a lane's records up to a sequence, each with the number
    /// of records.
    pub fn delays(&self, lane: LaneId, through: u64, now: Timestamp) -> Vec<(f64, usize)> {
        let now = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let mut commits: BTreeMap<u64, usize> = BTreeMap::new();
        let of_lane = |record: &&Going| record.lane == lane && record.sequence <= through;
        for record in self.records.iter().filter(of_lane) {
            *commits.entry(record.committed_at).or_default() += 1;
        }
        let delay = |(at, records)| (now.saturating_sub(at) as f64 / 1000.0, records);
        commits.into_iter().map(delay).collect()
    }
}

fn parts_of(bytes: &[u8]) -> Parts<'_> {
    Parts::read(bytes).expect("the spool keeps records as they were encoded")
}

fn quarantined(bytes: &[u8], why: RefusedRecord, topic: &str) -> Bytes {
    Bytes::copy_from_slice(refused::encode(&parts_of(bytes), why.reason(), topic).as_bytes())
}

/// At most this many records go together. The client makes a copy of each with its headers, about 2 kB
/// beside the value: larger batches drained faster by a quarter, and took 40 MB more.
pub const MAX_RECORDS: usize = 24_000;
/// At most about this many bytes go together; the client copies them once, and two batches are in
/// memory at a time. Larger ones drained no faster.
pub const MAX_BYTES: u64 = 8 << 20;
