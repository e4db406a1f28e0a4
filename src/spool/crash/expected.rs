//! The expectations of a spool after a crash.

use crate::spool::append::ticket::Ticket;
use crate::spool::crash::spool::{Found, IDS, LANES};

/// The expectations of a disk.
#[derive(Default)]
pub(super) struct Expected {
    pub(super) attempts: Vec<Attempt>,
    pub(super) repeats: Vec<(u64, Ticket)>,
    /// The last sequence released in each lane, at most.
    pub(super) released: [u64; LANES],
}

/// A record that is stored, or may be.
pub(super) struct Attempt {
    pub(super) id: u64,
    pub(super) lane: u16,
    pub(super) sequence: u64,
    pub(super) fate: Fate,
}

/// The fate of an attempt.
pub(super) enum Fate {
    Stored,
    Waiting(Ticket),
    /// Its commit failed: it may be there or not.
    Unknown,
}

impl Attempt {
    pub(super) fn is_acknowledged(&self) -> bool {
        match &self.fate {
            Fate::Stored => true,
            Fate::Waiting(ticket) => ticket.outcome().is_some_and(|outcome| outcome.is_ok()),
            Fate::Unknown => false,
        }
    }
}

impl Expected {
    pub(super) fn judge(&self, found: &Found) -> Result<(), String> {
        let mut known = 0;
        let mut stored = vec![false; IDS as usize];
        for attempt in &self.attempts {
            let Attempt { id, lane, sequence, .. } = *attempt;
            let lane = usize::from(lane);
            let waits = found.lanes[lane].binary_search(&(sequence, id)).is_ok();
            known += usize::from(waits);
            let is_acknowledged = attempt.is_acknowledged() || self.acknowledges_repeat(id);
            if is_acknowledged && !waits && found.released[lane] < sequence {
                return Err(format!("record {sequence} was acknowledged and is gone"));
            }
            stored[id as usize] |= waits || is_acknowledged;
        }
        for lane in 0..LANES {
            if !found.lanes[lane].is_sorted_by(|one, next| one.0 < next.0) {
                return Err(format!("lane {lane} is not in order: {:?}", found.lanes[lane]));
            }
            if found.released[lane] > self.released[lane] {
                return Err(format!("lane {lane} is released too far"));
            }
        }
        if known != found.lanes.iter().map(Vec::len).sum::<usize>() {
            return Err("something waits that nobody stored".to_owned());
        }
        for (id, (is_stored, is_remembered)) in stored.iter().zip(&found.ids).enumerate() {
            match (is_stored, is_remembered) {
                (true, false) => return Err(format!("id {id} is stored and forgotten")),
                (false, true) => return Err(format!("id {id} is remembered without its record")),
                (true, true) | (false, false) => {}
            }
        }
        Ok(())
    }

    fn acknowledges_repeat(&self, id: u64) -> bool {
        let is_told = |ticket: &Ticket| ticket.outcome().is_some_and(|outcome| outcome.is_ok());
        self.repeats.iter().any(|(repeat, ticket)| *repeat == id && is_told(ticket))
    }
}
