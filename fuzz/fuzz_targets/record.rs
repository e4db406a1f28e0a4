//! Any bytes are a record or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| support::hostile::record::check(bytes));
