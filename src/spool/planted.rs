//! Faults planted on purpose, to prove that the models find them. Each thread has its own.

use std::cell::Cell;

/// A fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Planted {
    /// The sender is answered before the sync.
    AnswerBeforeSync,
    /// The mark of what was acknowledged has one slot.
    MarkInOneSlot,
    /// A segment is removed before a frame on the disk names it as gone.
    RemovalBeforeItsNote,
    /// Ids are absorbed before their frame is on the disk.
    AbsorbedBeforeDurable,
    /// A commit that is given up keeps its ids.
    IdKeptAfterGivingUp,
    /// A repeat of an id in the gathering group joins the commit that is on its way.
    RepeatJoinsEarlierCommit,
    /// A repeat of an id that is not on the disk yet counts as new.
    RepeatNotSeenInGroup,
}

/// Plants a fault in this thread.
pub fn plant(fault: Option<Planted>) {
    PLANTED.set(fault);
}

/// True if the fault is planted in this thread.
pub fn is(fault: Planted) -> bool {
    PLANTED.get() == Some(fault)
}

thread_local! {
    static PLANTED: Cell<Option<Planted>> = const { Cell::new(None) };
}
