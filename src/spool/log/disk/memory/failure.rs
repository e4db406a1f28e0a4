//! Calls of a disk, and the ways in which they fail.

/// A call that failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Call {
    /// Its kind.
    pub kind: Kind,
    /// The name of the file, if it has one.
    pub name: String,
}

/// The kind of a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Listing the names, or opening a file.
    Look,
    /// Creating a file.
    Create,
    /// Changing or removing a name.
    Name,
    /// Syncing the names.
    SyncNames,
    /// Reading a length, bytes, or the free space.
    Read,
    /// Writing bytes.
    Write,
    /// Writing at or beyond the end of a file, or reserving space.
    Extend,
    /// Setting a length.
    Cut,
    /// Syncing a file.
    Sync,
}

/// Calls that must fail.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// The number of calls before the first one.
    pub after: u64,
    /// The number of calls that fail.
    pub calls: u64,
    /// Their error.
    pub error: Errno,
}

/// An error of a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Errno {
    /// EIO: any call.
    Broken,
    /// ENOSPC: calls that need space.
    NoRoom,
    /// EMFILE: calls that need a descriptor.
    NoDescriptor,
}
