//! Without the key no signature is believed.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| support::hostile::proof::check(bytes));
