//! The accounts in which stored records are counted: for each source, one for each result.
//!
//! The spool counts by account in the same step that makes records pending, so that the books
//! always balance; the metrics add the accounts up.

use crate::event::gap::Why;
use crate::event::group::Group;
use crate::event::provider::Provider;
use crate::event::reason::Reason;
use crate::spool::Account;

/// The records that an account counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Events of a group, accepted for the first time.
    Accepted(Group),
    /// Bodies that were not understood.
    Quarantined(Reason),
    /// Gaps that were published: the relay's own events, which nobody posted.
    Gap(Why),
    /// Replayed bodies and events, which were not received anew.
    Replayed,
}

/// The accounts of one source.
#[derive(Clone, Debug)]
pub struct Accounts {
    kinds: Vec<Kind>,
    first: usize,
}

impl Accounts {
    /// The accounts of each source, in order, with numbers that go on from one source to the next.
    pub fn of_sources(providers: impl IntoIterator<Item = Provider>) -> Vec<Self> {
        let mut first = 0;
        let number = |provider| {
            let accounts = Self::of_source(first, provider)?;
            first = accounts.end();
            Some(accounts)
        };
        providers.into_iter().map_while(number).collect()
    }

    /// The accounts of one source, numbered from `first`. `None` if the numbers run out, which they
    /// do after some two thousand sources.
    pub fn of_source(first: usize, provider: Provider) -> Option<Self> {
        let groups = Group::of(provider).iter().copied().map(Kind::Accepted);
        let kinds: Vec<Kind> = groups
            .chain(READING.into_iter().map(Kind::Quarantined))
            .chain(Why::ALL.into_iter().map(Kind::Gap))
            .chain([Kind::Replayed])
            .collect();
        let accounts = Self { first, kinds };
        (accounts.end() <= usize::from(u16::MAX)).then_some(accounts)
    }

    /// The first number after these.
    pub fn end(&self) -> usize {
        self.first + self.kinds.len()
    }

    /// The number of accounts in a list.
    pub fn count(all: &[Self]) -> usize {
        all.iter().map(|accounts| accounts.kinds.len()).sum()
    }

    /// The account of an accepted event.
    pub fn of_group(&self, group: Group) -> Account {
        self.of(Kind::Accepted(group))
    }

    /// The account of a body that was not understood.
    pub fn of_reason(&self, reason: Reason) -> Account {
        self.of(Kind::Quarantined(reason))
    }

    /// The account of a gap that was published.
    pub fn of_gaps(&self, why: Why) -> Account {
        self.of(Kind::Gap(why))
    }

    /// The account of replays.
    pub fn of_replays(&self) -> Account {
        self.of(Kind::Replayed)
    }

    /// Iterates over the accounts, each with its kind.
    pub fn kinds(&self) -> impl Iterator<Item = (Account, Kind)> + '_ {
        self.kinds.iter().enumerate().map(|(at, kind)| (self.account(at), *kind))
    }

    fn of(&self, kind: Kind) -> Account {
        let at = self.kinds.iter().position(|known| *known == kind);
        self.account(at.expect("everything that is counted has an account"))
    }

    fn account(&self, at: usize) -> Account {
        Account(u16::try_from(self.first + at).expect("of_source gives no higher number"))
    }
}

/// Reasons that reading a body can give. The others come from Kafka, and the drain counts them.
const READING: [Reason; 5] =
    [Reason::NotJson, Reason::NotAnObject, Reason::NoEvent, Reason::TooDeep, Reason::NoHook];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_of_every_source_is_another() {
        let all = Accounts::of_sources(Provider::ALL);

        let mut numbers: Vec<usize> = all
            .iter()
            .flat_map(|accounts| accounts.kinds().map(|(number, _)| number.index()))
            .collect();
        numbers.dedup();

        assert_eq!(numbers, (0..Accounts::count(&all)).collect::<Vec<_>>());
        assert_ne!(all[0].of_group(Group::Other), all[1].of_group(Group::Other));
    }
}
