//! The posted body, as a record can carry it.

use bytes::Bytes;

/// A body as posted, byte for byte.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Raw {
    /// JSON that every strict parser reads: it stands in a record as it is.
    Portable(Bytes),
    /// Anything else: it stands there as Base64, or it would cost a reader the whole record.
    Opaque(Bytes),
}

impl Raw {
    /// The body, which every strict parser reads or not.
    pub fn new(bytes: Bytes, is_portable: bool) -> Self {
        if is_portable { Self::Portable(bytes) } else { Self::Opaque(bytes) }
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        match self {
            Self::Portable(bytes) | Self::Opaque(bytes) => bytes,
        }
    }
}
