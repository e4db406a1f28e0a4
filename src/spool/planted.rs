//! Faults planted on purpose, to see that the models find them. Each thread has its own.

use std::cell::Cell;

/// A fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Planted {
    /// The sender is answered before the sync.
    AnswerBeforeSync,
    /// A segment is removed before a frame on the disk says that it may be gone.
    RemovalBeforeItsNote,
    /// Ids are absorbed before their frame is on the disk.
    AbsorbedBeforeDurable,
    /// A commit that is given up keeps its ids.
    IdKeptAfterGivingUp,
    /// A repeat of what gathers joins the commit that is on its way.
    RepeatJoinsEarlierCommit,
    /// A repeat of what is not on the disk yet is taken for new.
    RepeatNotSeenInGroup,
}

/// Plants a fault in this thread.
pub fn plant(fault: Option<Planted>) {
    PLANTED.set(fault);
}

/// Whether a fault is planted in this thread.
pub fn is(fault: Planted) -> bool {
    PLANTED.get() == Some(fault)
}

thread_local! {
    static PLANTED: Cell<Option<Planted>> = const { Cell::new(None) };
}
