//! The posted body, in the form in which a record can carry it.

/// A body as posted, byte for byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Raw<'b> {
    /// JSON that every strict parser reads: a record carries it unchanged.
    Portable(&'b [u8]),
    /// Anything else: a record carries it as Base64, because a strict parser would otherwise fail
    /// on the whole record.
    Opaque(&'b [u8]),
}

impl<'b> Raw<'b> {
    /// Wraps the body. `is_portable` says that every strict parser reads it.
    pub fn new(bytes: &'b [u8], is_portable: bool) -> Self {
        if is_portable { Self::Portable(bytes) } else { Self::Opaque(bytes) }
    }

    /// The bytes.
    pub fn bytes(self) -> &'b [u8] {
        match self {
            Self::Portable(bytes) | Self::Opaque(bytes) => bytes,
        }
    }
}
