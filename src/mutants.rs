//! Deliberate faults, to prove that the tests of survival find them.
//!
//! `CADRELAY_MUTANT` names the active one. The third fault that those tests look for needs no
//! mutant: it is `kafka.delivery = "at-least-once"`, mistaken for exactly-once.

use std::sync::LazyLock;

/// A fault known from other relays.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mutant {
    /// The sender is answered before its record is on the disk.
    AnswerBeforeCommit,
    /// An id is remembered by a commit of its own, before its record is stored.
    IdBeforeRecord,
}

/// True if the mutant is active.
pub fn on(mutant: Mutant) -> bool {
    static NAMED: LazyLock<Option<String>> =
        LazyLock::new(|| std::env::var("CADRELAY_MUTANT").ok());
    let name = match mutant {
        Mutant::AnswerBeforeCommit => "answer-before-commit",
        Mutant::IdBeforeRecord => "id-before-record",
    };
    NAMED.as_deref() == Some(name)
}
