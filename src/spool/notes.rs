//! Notes on the places of records: made when records leave, carried by the next frame, kept with
//! the ids.

use crate::spool::LaneId;
use crate::spool::log::frame::{Kind, Section};

/// The place of a published record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Published {
    /// The record's sequence.
    pub sequence: u64,
    /// The partition that it was published to.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
}

/// The place of a record that its own topic refused for good.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Elsewhere {
    /// Its place in the quarantine topic.
    pub place: Published,
    /// The reason.
    pub reason: String,
}

/// A note on records that left.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Note {
    /// A lane is released.
    Released {
        /// The lane.
        lane: LaneId,
        /// The sequence up to which it is released.
        through: u64,
        /// The places of its records, as far as Kafka reported them.
        places: Vec<Published>,
    },
    /// A record went to the quarantine topic.
    Refused {
        /// Its lane.
        lane: LaneId,
        /// Its place, and the reason.
        went: Elsewhere,
    },
}

impl Note {
    /// Encodes the note as the section of a frame.
    pub fn section(&self) -> Section {
        match self {
            Self::Released { lane, through, places } => {
                let bytes = [&through.to_le_bytes()[..], &Published::encode_all(places)].concat();
                Section { kind: Kind::Released, lane: *lane, bytes: bytes.into() }
            }
            Self::Refused { lane, went } => {
                Section { kind: Kind::Refused, lane: *lane, bytes: went.encode().into() }
            }
        }
    }

    /// The bytes of its section.
    pub fn bytes(&self) -> u64 {
        let bytes = match self {
            Self::Released { places, .. } => 8 + places.len() * PLACE_BYTES,
            Self::Refused { went, .. } => PLACE_BYTES + went.reason.len(),
        };
        bytes as u64
    }

    /// Reads a released section.
    pub fn released(lane: LaneId, bytes: &[u8]) -> Option<Self> {
        let (through, places) = bytes.split_first_chunk()?;
        let through = u64::from_le_bytes(*through);
        Some(Self::Released { lane, through, places: Published::decode_all(places) })
    }

    /// Reads a refused section.
    pub fn refused(lane: LaneId, bytes: &[u8]) -> Option<Self> {
        Some(Self::Refused { lane, went: Elsewhere::decode(bytes)? })
    }

    /// The place of a record, if this note has it.
    pub fn place(&self, of: LaneId, sequence: u64) -> Option<Published> {
        match self {
            Self::Released { lane, places, .. } if *lane == of => {
                let at = places.binary_search_by_key(&sequence, |place| place.sequence).ok()?;
                places.get(at).copied()
            }
            Self::Released { .. } | Self::Refused { .. } => None,
        }
    }

    /// The place of a refused record, if this note has it.
    pub fn elsewhere(&self, of: LaneId, sequence: u64) -> Option<&Elsewhere> {
        match self {
            Self::Refused { lane, went } if *lane == of && went.place.sequence == sequence => {
                Some(went)
            }
            Self::Released { .. } | Self::Refused { .. } => None,
        }
    }
}

impl Published {
    /// Encodes places as they are stored.
    pub fn encode_all(places: &[Self]) -> Vec<u8> {
        places.iter().flat_map(|place| place.encode()).collect()
    }

    /// Reads places as stored.
    pub fn decode_all(bytes: &[u8]) -> Vec<Self> {
        bytes.chunks_exact(PLACE_BYTES).filter_map(Self::decode).collect()
    }

    fn encode(&self) -> [u8; PLACE_BYTES] {
        let mut bytes = [0; PLACE_BYTES];
        bytes[..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.partition.to_le_bytes());
        bytes[12..].copy_from_slice(&self.offset.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            sequence: u64::from_le_bytes(*bytes.first_chunk()?),
            partition: i32::from_le_bytes(*bytes.get(8..)?.first_chunk()?),
            offset: i64::from_le_bytes(*bytes.get(12..)?.first_chunk()?),
        })
    }
}

impl Elsewhere {
    /// Encodes it as it is stored.
    pub fn encode(&self) -> Vec<u8> {
        [&self.place.encode()[..], self.reason.as_bytes()].concat()
    }

    /// Decodes it as it was stored.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (place, reason) = bytes.split_at_checked(PLACE_BYTES)?;
        let reason = String::from_utf8_lossy(reason).into_owned();
        Some(Self { place: Published::decode(place)?, reason })
    }
}

/// Sequence, partition, offset.
pub const PLACE_BYTES: usize = 8 + 4 + 8;
