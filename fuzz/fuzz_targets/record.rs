//! Any bytes are a record or refused; what is read from a record lies within it.

#![no_main]

use cadrelay::record::layout::Parts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(parts) = Parts::read(bytes) {
        let headers: usize = parts.headers().map(|(name, value)| name.len() + value.len()).sum();
        assert!(parts.key.len() + headers + parts.value.len() <= bytes.len());
        assert!(parts.headers().count() <= parts.header_count());
    }
});
