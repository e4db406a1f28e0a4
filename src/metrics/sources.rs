//! Every source that this run has had, with its counters.
//!
//! # Promises
//! - A source that left by a reload stays in the list, so that counters never go back, and the
//!   books still balance. A source that comes back goes on counting where it stopped.
//!
//! # Limits
//! A run has accounts for some two thousand different sources.

use crate::event::provider::Provider;
use crate::http::meters::Answers;
use crate::ingest::accounts::Accounts;
use crate::lock::lock;
use std::sync::{Arc, Mutex};

/// Every source that this run has had, in the order in which they joined.
#[derive(Debug, Default)]
pub struct Sources(Mutex<Vec<Counted>>);

/// A source in the books.
#[derive(Clone, Debug)]
pub struct Counted {
    /// Its name.
    pub name: String,
    /// Its provider.
    pub provider: Provider,
    /// Its accounts in the spool.
    pub accounts: Accounts,
    /// Its other counters.
    pub answers: Arc<Answers>,
}

impl Sources {
    /// Adds a source, or returns one that comes back. `None` if there are no accounts left for it.
    pub(super) fn join(&self, name: &str, provider: Provider) -> Option<Counted> {
        let mut sources = lock(&self.0);
        let is_same = |known: &&Counted| known.name == name && known.provider == provider;
        if let Some(known) = sources.iter().find(is_same) {
            return Some(known.clone());
        }
        let first = sources.last().map_or(0, |last| last.accounts.end());
        let joined = Counted {
            name: name.to_owned(),
            provider,
            accounts: Accounts::of_source(first, provider)?,
            answers: Arc::default(),
        };
        sources.push(joined.clone());
        Some(joined)
    }

    /// All sources.
    pub(super) fn all(&self) -> Vec<Counted> {
        lock(&self.0).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_comes_back_counts_on_and_another_provider_of_its_name_does_not() {
        let sources = Sources::default();
        let join = |name, provider| sources.join(name, provider).unwrap().accounts;

        let (first, second) = (join("a", Provider::Aps), join("b", Provider::Aps));
        let (again, other) = (join("a", Provider::Aps), join("a", Provider::Onshape));

        assert_eq!(again.of_replays(), first.of_replays());
        assert_eq!(first.end(), second.end() - first.end());
        assert!(other.of_replays().index() > second.of_replays().index());
        assert_eq!(sources.all().len(), 3);
    }

    #[test]
    fn more_sources_than_there_are_numbers_are_refused() {
        let sources = Sources::default();

        let joined = (0..10_000).map_while(|n| sources.join(&format!("s{n}"), Provider::Aps));

        assert!((2_000..10_000).contains(&joined.count()));
    }
}
