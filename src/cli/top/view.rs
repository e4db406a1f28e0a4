//! The state of the screen: the last answers, and rates that need several of them.

use crate::cli::top::answers::Answers;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// The state of the screen.
#[derive(Debug, Default)]
pub struct View {
    /// The last answers. Set once the first request succeeded.
    pub answers: Option<Answers>,
    /// The time of the last request, successful or not.
    pub now: Timestamp,
    /// The outage of the relay, if it does not answer.
    pub lost: Option<Lost>,
    /// True after p was pressed.
    pub paused: bool,
    /// True after ? was pressed.
    pub explains: bool,
    looks: VecDeque<Counted>,
}

/// A relay that no longer answers.
#[derive(Clone, Debug)]
pub struct Lost {
    /// The time of its last answer.
    pub last: Timestamp,
    /// The failure.
    pub why: String,
}

/// The notifications that each source had received at one moment.
#[derive(Debug)]
struct Counted {
    at: Timestamp,
    received: BTreeMap<String, u64>,
}

impl View {
    /// Takes in new answers.
    pub fn add(&mut self, answers: Answers, now: Timestamp) {
        let received =
            answers.sources.iter().map(|source| (source.name.clone(), source.outcomes.received()));
        self.looks.push_back(Counted { at: now, received: received.collect() });
        if self.looks.len() > LOOKS {
            self.looks.pop_front();
        }
        self.answers = Some(answers);
        self.lost = None;
        self.now = now;
    }

    /// Notes that a request failed. The last answers stay.
    pub fn miss(&mut self, why: String, now: Timestamp) {
        let last = self.looks.back().map_or(now, |look| look.at);
        self.lost = Some(Lost { last, why });
        self.now = now;
    }

    /// The notifications a second of a source. Not known after one answer, or if the relay has
    /// restarted since.
    pub fn rate(&self, source: &str) -> Option<f64> {
        let (first, last) = (self.looks.front()?, self.looks.back()?);
        let seconds = last.at.duration_since(first.at).as_secs_f64();
        let came = last.received.get(source)?.checked_sub(*first.received.get(source)?)?;
        (seconds > 0.0).then(|| came as f64 / seconds)
    }

    /// The time from a moment to the last request.
    pub fn since(&self, then: Timestamp) -> SignedDuration {
        self.now.duration_since(then)
    }
}

/// A rate is that of the last ten seconds.
const LOOKS: usize = 11;
