//! `/api/throughput`: the counts of notifications and records in the last quarter of an hour.

use crate::event::time::whole_milliseconds;
use crate::http::admin::Admin;
use crate::lock::lock;
use crate::spool::lanes::Books;
use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

/// Samples of the totals at regular moments.
#[derive(Debug, Default)]
pub struct Throughput {
    samples: Mutex<VecDeque<Sample>>,
}

/// The totals since the start, at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Notifications received, whatever their answer.
    pub received: u64,
    /// Redeliveries among them.
    pub duplicates: u64,
    /// Notifications that were not answered 200.
    pub refused: u64,
    /// Records committed in Kafka.
    pub published: u64,
    /// Notifications posted to a path of no source, which are not received.
    pub unknown_source: u64,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Timestamp,
    totals: Totals,
}

/// The counts in each interval, oldest first.
#[derive(Debug, Default, Eq, PartialEq, Serialize)]
struct Series {
    seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Timestamp>,
    received: Vec<u64>,
    duplicates: Vec<u64>,
    refused: Vec<u64>,
    published: Vec<u64>,
}

impl Throughput {
    /// The interval for calling [`Throughput::sample`].
    pub const EVERY: Duration = Duration::from_secs(5);

    /// Keeps the totals of a moment, and drops the oldest.
    pub fn sample(&self, at: Timestamp, totals: Totals) {
        let mut samples = lock(&self.samples);
        samples.push_back(Sample { at: whole_milliseconds(at), totals });
        if samples.len() > INTERVALS + 1 {
            samples.pop_front();
        }
    }

    /// The notifications received in the last minute, and the number of them that were not answered
    /// 200.
    pub(super) fn last_minute(&self) -> (u64, u64) {
        let samples = lock(&self.samples);
        let (Some(now), Some(then)) = (samples.back(), samples.iter().rev().nth(A_MINUTE)) else {
            return samples.back().map_or((0, 0), |now| (now.totals.received, now.totals.refused));
        };
        let since = |of: fn(&Totals) -> u64| of(&now.totals).saturating_sub(of(&then.totals));
        (since(|totals| totals.received), since(|totals| totals.refused))
    }

    /// The notifications posted to a path of no source in the last minutes, given their number
    /// since the start.
    pub(super) fn unknown_source(&self, now: u64) -> u64 {
        let samples = lock(&self.samples);
        let then = samples.iter().rev().nth(MINUTES * A_MINUTE);
        now - then.map_or(0, |then| then.totals.unknown_source)
    }

    fn series(&self) -> Series {
        let samples = lock(&self.samples);
        let differences = |of: fn(&Totals) -> u64| {
            let pairs = samples.iter().zip(samples.iter().skip(1));
            pairs.map(|(one, next)| of(&next.totals).saturating_sub(of(&one.totals))).collect()
        };
        Series {
            seconds: Self::EVERY.as_secs(),
            end: samples.back().map(|sample| sample.at),
            received: differences(|totals| totals.received),
            duplicates: differences(|totals| totals.duplicates),
            refused: differences(|totals| totals.refused),
            published: differences(|totals| totals.published),
        }
    }
}

impl Admin {
    /// The totals since the start.
    pub fn totals(&self) -> Totals {
        let books = self.spool.books();
        let mut totals = Totals {
            published: published(&books),
            unknown_source: self.inlets.unknown_source.count(),
            ..Totals::default()
        };
        for inlet in self.inlets.sources().values() {
            let outcomes = inlet.outcomes(&books);
            totals.duplicates += outcomes.duplicate;
            totals.refused += outcomes.refused();
            totals.received += outcomes.received();
        }
        totals
    }
}

fn published(books: &Books) -> u64 {
    books.lanes.iter().map(|lane| lane.published).sum()
}

/// Answers with the intervals of the last quarter of an hour.
pub async fn throughput(admin: web::Data<Admin>) -> HttpResponse {
    HttpResponse::Ok().json(admin.throughput.series())
}

/// The minutes in which a wrong URL is recent.
pub(super) const MINUTES: usize = 5;
/// Samples in a minute.
const A_MINUTE: usize = 12;
/// A quarter of an hour.
const INTERVALS: usize = 180;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_interval_counts_what_came_in_it() {
        let throughput = Throughput::default();
        for received in [10, 10, 25] {
            let totals = Totals { received, published: received / 5, ..Totals::default() };
            throughput.sample(Timestamp::UNIX_EPOCH, totals);
        }

        let series = throughput.series();

        assert_eq!(series.received, [0, 15]);
        assert_eq!(series.published, [0, 3]);
    }

    #[test]
    fn a_wrong_url_is_recent_for_five_minutes() {
        let throughput = Throughput::default();
        assert_eq!(throughput.unknown_source(3), 3);
        let totals = Totals { unknown_source: 3, ..Totals::default() };
        throughput.sample(Timestamp::UNIX_EPOCH, Totals::default());

        for _ in 0..MINUTES * A_MINUTE {
            throughput.sample(Timestamp::UNIX_EPOCH, totals);
        }
        assert_eq!(throughput.unknown_source(4), 4);

        throughput.sample(Timestamp::UNIX_EPOCH, totals);
        assert_eq!(throughput.unknown_source(4), 1);
    }

    #[test]
    fn a_quarter_of_an_hour_is_kept() {
        let throughput = Throughput::default();
        for received in 0..1_000 {
            let totals = Totals { received, ..Totals::default() };
            throughput.sample(Timestamp::UNIX_EPOCH, totals);
        }

        assert_eq!(throughput.series().received, [1; INTERVALS]);
    }
}
