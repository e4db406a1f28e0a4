//! `webhook test --count`: a short burst, and one row that sums it up.
//!
//! # Promises
//! - It sends exactly the given number of POSTs, each no sooner than the rate allows.
//!
//! # Limits
//! At most [`MAX_COUNT`] POSTs. With a rate, at most [`MAX_IN_FLIGHT`] wait for their answers
//! before the next one waits too; without a rate they go one after the other.

use crate::cli::exit::{Exit, Failure};
use crate::cli::webhook::posting::{Answer, Posting, Verdict};
use crate::cli::webhook::session::Session;
use crate::event::provider::Provider;
use crate::webhooks::url::CallbackUrl;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// The number and the rate of POSTs.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    /// The number of POSTs.
    pub count: u32,
    /// The POSTs begun in a second; without a rate each waits for the answer to the one before.
    pub rate: Option<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    success: bool,
    url: CallbackUrl,
    provider: Provider,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    count: usize,
    succeeded: usize,
    /// The number of answers by status; `none` for no answer.
    statuses: BTreeMap<String, usize>,
    /// The number of receipts by kind, if the receiver is a relay like ours.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    receipts: BTreeMap<String, usize>,
    /// The time from the first POST to the last answer.
    time_ms: u64,
    median_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    signed: bool,
    /// The text of the first failure, or of the last answer.
    message: String,
}

impl Burst {
    /// Posts, and prints the summary.
    pub async fn run(
        self,
        posting: Posting,
        url: CallbackUrl,
        event: Option<String>,
        session: &Session,
    ) -> Result<Exit, Failure> {
        let (provider, signed) = (posting.provider(), posting.is_signed());
        let started = Instant::now();
        let answers = self.post(Arc::new(posting)).await?;
        let time_ms = started.elapsed().as_millis() as u64;
        let exit = exit(&answers);
        let of = |verdict| answers.iter().filter(|answer| answer.verdict == verdict).count();
        let told = answers.iter().find(|answer| answer.verdict != Verdict::Success);
        let message = told.or(answers.last()).map(|answer| answer.message(provider));
        let times = Times::of(&answers);
        let summary = Summary {
            success: exit == Exit::Done,
            url,
            provider,
            event,
            count: answers.len(),
            succeeded: of(Verdict::Success),
            statuses: counted(answers.iter().map(status)),
            receipts: counted(answers.iter().filter_map(receipt)),
            time_ms,
            median_ms: times.quantile(0.5),
            p99_ms: times.quantile(0.99),
            max_ms: times.quantile(1.0),
            signed,
            message: message.unwrap_or_default(),
        };
        session.print(KEYS, &summary)?;
        Ok(exit)
    }

    async fn post(self, posting: Arc<Posting>) -> Result<Vec<Answer>, Failure> {
        let first_seed = Timestamp::now().as_nanosecond() as u64;
        let mut ticks = self.rate.map(|rate| {
            let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
            // A late POST does not make the following ones faster: the rate is a bound.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        let at_once = if ticks.is_some() { MAX_IN_FLIGHT } else { 1 };
        let mut answers = Vec::new();
        let mut in_flight = JoinSet::new();
        for number in 0..self.count {
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            while in_flight.len() >= at_once
                && let Some(answer) = in_flight.join_next().await
            {
                answers.push(answer.map_err(broken)?);
            }
            let (posting, seed) = (Arc::clone(&posting), first_seed.wrapping_add(number.into()));
            in_flight.spawn(async move { posting.post(seed, Timestamp::now()).await });
        }
        while let Some(answer) = in_flight.join_next().await {
            answers.push(answer.map_err(broken)?);
        }
        Ok(answers)
    }
}

/// The answer times, in order.
struct Times(Vec<f64>);

impl Times {
    fn of(answers: &[Answer]) -> Self {
        let mut times: Vec<_> =
            answers.iter().map(|answer| answer.time.as_secs_f64() * 1000.0).collect();
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    /// The time within which this share was answered, in milliseconds with one decimal.
    fn quantile(&self, share: f64) -> f64 {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        let time = self.0.get(rank.saturating_sub(1)).copied().unwrap_or(0.0);
        (time * 10.0).round() / 10.0
    }
}

/// A wrong answer weighs more than none.
fn exit(answers: &[Answer]) -> Exit {
    let any = |verdict| answers.iter().any(|answer| answer.verdict == verdict);
    if any(Verdict::Failure) {
        Exit::Failed
    } else if any(Verdict::NoAnswer) {
        Exit::Remote
    } else {
        Exit::Done
    }
}

fn status(answer: &Answer) -> String {
    answer.status.map_or_else(|| "none".to_owned(), |status| status.as_str().to_owned())
}

/// The receipt of a relay like ours: accepted, duplicate or quarantined.
fn receipt(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_str(&answer.text).ok()?;
    body.get("status")?.as_str().map(str::to_owned)
}

fn counted(of: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    of.fold(BTreeMap::new(), |mut counts, key| {
        *counts.entry(key).or_default() += 1;
        counts
    })
}

fn broken(error: tokio::task::JoinError) -> Failure {
    Failure::failed(format!("posting: {error}"))
}

/// More would be a load test, which this is not.
pub const MAX_COUNT: u32 = 10_000;
const MAX_IN_FLIGHT: usize = 64;
const KEYS: &[&str] = &[
    "success",
    "url",
    "provider",
    "event",
    "count",
    "succeeded",
    "statuses",
    "receipts",
    "timeMs",
    "medianMs",
    "p99Ms",
    "maxMs",
    "signed",
    "message",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_times_that_were_measured() {
        let times = Times((1..=200).map(f64::from).collect());

        assert_eq!([0.5, 0.99, 1.0].map(|share| times.quantile(share)), [100.0, 198.0, 200.0]);
        assert_eq!(Times(vec![7.0]).quantile(0.5), 7.0);
    }
}
