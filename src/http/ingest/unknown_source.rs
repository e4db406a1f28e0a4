//! Requests that name no source: usually a sender whose URL is mistyped.
//!
//! # Promises
//! - A stranger makes no new series, and at most one line of the log in a minute.
//! - The log shows the path with nothing that a terminal acts on, cut to `SHOWN` characters.

use crate::printable;
use crate::throttle::Throttle;
use prometheus::IntCounter;
use std::time::Duration;

/// Counts the notifications that were posted to no source, and tells of them in the log.
#[derive(Debug)]
pub struct UnknownSource {
    posted: IntCounter,
    told: Throttle,
}

impl UnknownSource {
    /// Counts with a counter that has no labels.
    pub fn counted_by(posted: IntCounter) -> Self {
        Self { posted, told: Throttle::every(A_MINUTE) }
    }

    /// Notes a notification that was posted to a path of no source.
    pub fn posted_to(&self, path: &str) {
        self.posted.inc();
        if let Some(unsaid) = self.told.pass() {
            tracing::warn!(
                event = "unknown_source",
                path = shown(path),
                unsaid,
                "a notification was posted to a path of no source and answered 404; is the URL \
                 of a webhook wrong?"
            );
        }
    }

    /// The number of such notifications since the start.
    pub fn count(&self) -> u64 {
        self.posted.get()
    }
}

fn shown(path: &str) -> String {
    let beginning: String = path.chars().take(SHOWN).collect();
    let more = if beginning.len() < path.len() { "…" } else { "" };
    format!("{}{more}", printable::text(&beginning))
}

/// A wrong URL stays wrong until a person mends it, so it need not be said more often.
const A_MINUTE: Duration = Duration::from_secs(60);
/// Enough for `/webhooks/` and the beginning of any name.
const SHOWN: usize = 80;

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_path_in_the_log_is_cut_and_does_nothing_to_a_terminal() {
        assert_eq!(shown("/webhooks/acmee"), "/webhooks/acmee");
        assert_eq!(shown("/webhooks/\u{1b}[2J\u{9b}"), "/webhooks/\\u{1b}[2J\\u{9b}");
        let long = shown(&format!("/webhooks/{}", "ä".repeat(10_000)));
        assert_eq!(long, format!("/webhooks/{}…", "ä".repeat(70)));
    }
}
