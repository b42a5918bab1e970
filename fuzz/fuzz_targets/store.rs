//! See `tenure_fuzz::store`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenure_fuzz::store(data));
