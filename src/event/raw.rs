//! The posted body, as a record can carry it.

/// A body as posted, byte for byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Raw<'b> {
    /// JSON that every strict parser reads: it stands in a record as it is.
    Portable(&'b [u8]),
    /// Anything else: it stands there as Base64, or it would cost a reader the whole record.
    Opaque(&'b [u8]),
}

impl<'b> Raw<'b> {
    /// The body, which every strict parser reads or not.
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
