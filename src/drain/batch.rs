//! The records that go to Kafka together.

use crate::drain::lane::{Lane, Refused};
use crate::drain::settle::Share;
use crate::drain::turns::Turns;
use crate::kafka::outcome::Report;
use crate::kafka::publisher::{Outgoing, Position};
use crate::record::layout::{Headers, Parts, Record};
use crate::record::quarantine::refused;
use crate::spool::lanes::Leaving;
use crate::spool::lanes::chunk::Chunk;
use crate::spool::notes::Place;
use crate::spool::{Identity, LaneId, ReadError, Spool};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Records of several lanes, each lane's in order.
#[derive(Debug, Default)]
pub struct Batch {
    parts: Vec<Part>,
    records: usize,
    bytes: usize,
    /// One suspected lane is all of it.
    suspected: bool,
}

/// Records of one lane that lie in one chunk.
#[derive(Debug)]
struct Part {
    lane: LaneId,
    chunk: Arc<Chunk>,
    /// The first and the last sequence to be sent.
    first: u64,
    last: u64,
    records: usize,
    bytes: u64,
    /// In place of the only record: its quarantined form.
    instead: Option<Record>,
}

impl Batch {
    /// Takes what the lanes may send now, chunk by chunk from each in turn, up to the bounds.
    pub fn compose(
        spool: &Spool,
        lanes: &[Lane],
        turns: &mut Turns,
        now: Instant,
    ) -> Result<Self, ReadError> {
        let going = turns.next(lanes, |lane| lane.may_send(now) && spool.waits(lane.number));
        let suspected = going.iter().any(|lane| lane.is_suspected());
        let mut batch = Self { suspected, ..Self::default() };
        let mut open: Vec<Open> = going
            .into_iter()
            .map(|lane| Open { lane, after: spool.released(lane.number), room: lane.room })
            .collect();
        while !open.is_empty() {
            let mut still_open = Vec::with_capacity(open.len());
            for lane in open {
                if batch.room() > 0 {
                    still_open.extend(batch.take(spool, lane)?);
                }
            }
            open = still_open;
        }
        Ok(batch)
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The records on their way, in the batch's order.
    pub fn outgoing<'a>(
        &'a self,
        lanes: &'a [Lane],
        quarantine: &'a str,
    ) -> Vec<Outgoing<'a, Headers<'a>>> {
        let mut outgoing = Vec::with_capacity(self.records);
        for part in &self.parts {
            if let Some(record) = &part.instead {
                outgoing.push(outgoing_to(quarantine, record.parts()));
                continue;
            }
            let topic = &*lanes[part.lane.index()].topic;
            outgoing.extend(part.sequences().map(|(_, bytes)| {
                let parts = Parts::read(bytes);
                outgoing_to(topic, parts.expect("the store keeps records as they were encoded"))
            }));
        }
        outgoing
    }

    /// The positions that the batch reaches: one for each run and lane in it.
    pub fn positions(&self, identity: &Identity, lanes: &[Lane]) -> Vec<Position> {
        let mut reached: BTreeMap<(LaneId, usize), u64> = BTreeMap::new();
        for part in &self.parts {
            // A chunk is one commit, so all of it is of one run.
            let run = identity.runs.partition_point(|run| run.first <= part.last);
            reached.insert((part.lane, run.saturating_sub(1)), part.last);
        }
        reached
            .into_iter()
            .filter_map(|((lane, run), sequence)| {
                let run = &identity.runs.get(run)?.name;
                let topic = &lanes[lane.index()].topic;
                Some(Position::new(&identity.instance, run, topic, sequence))
            })
            .collect()
    }

    /// What belongs to which lane, for [`crate::drain::settle::settle`].
    pub fn shares(&self) -> Vec<Share> {
        let mut shares: BTreeMap<LaneId, Share> = BTreeMap::new();
        let mut index = 0;
        for part in &self.parts {
            let share = shares.entry(part.lane).or_insert_with(|| Share {
                lane: part.lane,
                records: Vec::new(),
                quarantined: part.instead.is_some(),
                suspected: self.suspected,
            });
            for (sequence, _) in part.sequences() {
                share.records.push((index, sequence));
                index += 1;
            }
        }
        shares.into_values().collect()
    }

    /// What leaves each lane, given how many of its records are out, and where they went.
    pub fn leaving(
        &self,
        settled: &[(LaneId, usize)],
        reports: &[Report],
    ) -> Vec<(LaneId, Leaving, Vec<Place>)> {
        let mut index = 0;
        let mut left: BTreeMap<LaneId, (usize, Leaving, Vec<Place>)> = settled
            .iter()
            .map(|(lane, records)| (*lane, (*records, Leaving::default(), Vec::new())))
            .collect();
        for part in &self.parts {
            for (sequence, bytes) in part.sequences() {
                let report = reports.get(index);
                index += 1;
                let Some((records, leaving, places)) = left.get_mut(&part.lane) else { continue };
                if *records == 0 {
                    continue;
                }
                *records -= 1;
                leaving.through = sequence;
                leaving.bytes += bytes.len() as u64;
                match part.instead {
                    // Alone in its lane's share: then the place is one of the quarantine topic.
                    Some(_) => leaving.quarantined += 1,
                    None => leaving.published += 1,
                }
                if let Some(Report::Written { partition, offset }) = report {
                    places.push(Place { sequence, partition: *partition, offset: *offset });
                }
            }
        }
        left.into_iter().map(|(lane, (_, leaving, places))| (lane, leaving, places)).collect()
    }

    /// Seconds from commit to now of a lane's records up to a sequence, with how many took so long.
    pub fn delays(&self, lane: LaneId, through: u64, now: Timestamp) -> Vec<(f64, usize)> {
        let now = u64::try_from(now.as_millisecond()).unwrap_or(0);
        self.parts
            .iter()
            .filter(|part| part.lane == lane && part.first <= through)
            .map(|part| {
                let milliseconds = now.saturating_sub(part.chunk.committed_at());
                (milliseconds as f64 / 1000.0, part.records)
            })
            .collect()
    }

    fn room(&self) -> usize {
        if self.bytes >= MAX_BYTES { 0 } else { MAX_RECORDS - self.records }
    }

    /// Takes from the lane's next chunk what there is room for. The lane again, if more may go.
    fn take<'a>(&mut self, spool: &Spool, open: Open<'a>) -> Result<Option<Open<'a>>, ReadError> {
        let Open { lane, after, mut room } = open;
        let Some(chunk) = spool.chunk_after(lane.number, after)? else { return Ok(None) };
        let mut part = Part {
            lane: lane.number,
            first: after + 1,
            last: after,
            records: 0,
            bytes: 0,
            instead: None,
            chunk: Arc::clone(&chunk),
        };
        let mut is_full = false;
        for record in chunk.records().filter(|record| record.sequence > after) {
            let is_first = part.records == 0 && room == lane.room;
            let refused = lane.refused.filter(|refused| refused.sequence == record.sequence);
            // A refused one in its other form, one that may be refused as it is.
            let goes_alone = refused.is_some() || lane.may_be_too_large(record.bytes.len());
            is_full = goes_alone || room == 0 || self.records + part.records == MAX_RECORDS;
            if is_full && !is_first {
                break;
            }
            part.instead = refused.map(|why| quarantined(record.bytes, why, &lane.topic));
            part.add(record.sequence, record.bytes);
            room = room.saturating_sub(1);
            if goes_alone {
                break;
            }
        }
        if part.records == 0 {
            return Ok(None);
        }
        let open = Open { lane, after: part.last, room };
        self.records += part.records;
        self.bytes += part.bytes as usize;
        self.parts.push(part);
        Ok((!is_full).then_some(open))
    }
}

/// A lane of which more may go into the batch.
struct Open<'a> {
    lane: &'a Lane,
    /// The last sequence that is in the batch, or out.
    after: u64,
    room: usize,
}

impl Part {
    fn add(&mut self, sequence: u64, bytes: &[u8]) {
        self.last = sequence;
        self.records += 1;
        self.bytes += bytes.len() as u64;
    }

    fn sequences(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.chunk
            .records()
            .filter(|record| (self.first..=self.last).contains(&record.sequence))
            .map(|record| (record.sequence, record.bytes))
    }
}

fn outgoing_to<'a>(topic: &'a str, parts: Parts<'a>) -> Outgoing<'a, Headers<'a>> {
    Outgoing { topic, key: parts.key, headers: parts.headers(), value: parts.value }
}

fn quarantined(bytes: &[u8], why: Refused, topic: &str) -> Record {
    let parts = Parts::read(bytes).expect("the store keeps records as they were encoded");
    refused::encode(&parts, why.reason(), topic)
}

/// At most this many records go together: a few milliseconds of sending, so that the wait for a
/// commit costs little at full speed.
pub const MAX_RECORDS: usize = 40_000;
/// At most about this many bytes go together; the client copies them once.
pub const MAX_BYTES: usize = 24 << 20;
