//! The bytes of a record, as a damaged spool may hold them.

use cadrelay::record::layout::Parts;

/// Any bytes are a record or refused, and the parts of a record are all of its bytes.
pub fn check(bytes: &[u8]) {
    let Ok(parts) = Parts::read(bytes) else { return };
    let headers = parts.headers();
    let most = headers.size_hint().1.expect("the number of headers is known");
    let read: Vec<_> = headers.collect();
    let lengths: usize = read.iter().map(|(name, value)| 3 + name.len() + value.len()).sum();
    let length = 2 + parts.key.len() + 1 + lengths + parts.value.len();
    // Headers end early at a name that is not UTF-8.
    assert!(read.len() < most && length < bytes.len() || length == bytes.len());
}
