//! What the screen is made of: the last answers, and what only several of them tell.

use crate::cli::top::answers::Answers;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// What the screen is made of.
#[derive(Debug, Default)]
pub struct View {
    /// The last answers. There are some once the first look succeeded.
    pub answers: Option<Answers>,
    /// When the relay was last asked, in vain or not.
    pub now: Timestamp,
    /// Since when the relay does not answer, and what is known of why.
    pub lost: Option<Lost>,
    /// Whether somebody pressed p.
    pub paused: bool,
    /// Whether somebody pressed ?.
    pub explains: bool,
    looks: VecDeque<Counted>,
}

/// A relay that does not answer any more.
#[derive(Clone, Debug)]
pub struct Lost {
    /// When it last answered.
    pub last: Timestamp,
    /// The failure.
    pub why: String,
}

/// What each source had received at one moment.
#[derive(Debug)]
struct Counted {
    at: Timestamp,
    received: BTreeMap<String, u64>,
}

impl View {
    /// Takes new answers in.
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

    /// Notes that a look failed. What was known stays.
    pub fn miss(&mut self, why: String, now: Timestamp) {
        let last = self.looks.back().map_or(now, |look| look.at);
        self.lost = Some(Lost { last, why });
        self.now = now;
    }

    /// How many notifications a second came to a source lately. Not known after one look, or when the
    /// relay has started anew since.
    pub fn rate(&self, source: &str) -> Option<f64> {
        let (first, last) = (self.looks.front()?, self.looks.back()?);
        let seconds = last.at.duration_since(first.at).as_secs_f64();
        let came = last.received.get(source)?.checked_sub(*first.received.get(source)?)?;
        (seconds > 0.0).then(|| came as f64 / seconds)
    }

    /// How long ago something was, when the relay was last asked.
    pub fn since(&self, then: Timestamp) -> SignedDuration {
        self.now.duration_since(then)
    }
}

/// A rate is that of the last ten seconds.
const LOOKS: usize = 11;
