//! Calls of a disk, and how they are to fail.

/// A call that failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Call {
    /// Of what kind.
    pub kind: Kind,
    /// The name of the file, if it has one.
    pub name: String,
}

/// What is asked of a disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The names, or an open file.
    Look,
    /// A new file.
    Create,
    /// A name is changed or removed.
    Name,
    /// The names are synced.
    SyncNames,
    /// A file's length, its bytes, or the room.
    Read,
    /// Bytes are written.
    Write,
    /// Bytes are written where the file ends or behind it, or room is taken.
    Extend,
    /// A file is cut.
    Cut,
    /// A file is synced.
    Sync,
}

/// Calls that are to fail.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// The first, counted from now.
    pub after: u64,
    /// For how many calls.
    pub calls: u64,
    /// What they say.
    pub error: Errno,
}

/// What a call may say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Errno {
    /// EIO: any call.
    Broken,
    /// ENOSPC: what needs room.
    NoRoom,
    /// EMFILE: what needs a descriptor.
    NoDescriptor,
}
