//! Faults planted on purpose, to see that the crash model finds them. Each thread has its own.

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
