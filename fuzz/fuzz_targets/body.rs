//! Any proven body is an event with a sound record, or quarantined whole.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| support::hostile::body::check(bytes));
