//! Waiting for what comes in its own time: on a condition, with a deadline, and never for a while.

use std::time::{Duration, Instant};

/// Returns the value of the condition as soon as it has one. Fails the test with `what` if it never
/// has.
#[track_caller]
pub fn eventually<T>(
    what: &str,
    condition: impl AsyncFnMut() -> Option<T>,
) -> impl Future<Output = T> {
    within(DEADLINE, what, condition)
}

/// The same with a deadline of its own, for what is known to be slow.
#[track_caller]
pub fn within<T>(
    deadline: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let began = Instant::now();
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if let Some(found) = condition().await {
                return found;
            }
            assert!(began.elapsed() < deadline, "{caller}: not within {deadline:?}: {what}");
        }
    }
}

/// Nothing here takes seconds on a quiet machine; a test machine is seldom quiet.
const DEADLINE: Duration = Duration::from_secs(60);

/// A relay says that Kafka is away within a minute: half a one for a batch under way, and as much for its end.
/// Twice that, for a machine that is seldom quiet.
pub const A_LOSS_IS_SEEN: Duration = Duration::from_secs(120);

const LOOK_EVERY: Duration = Duration::from_millis(20);
