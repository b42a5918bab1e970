//! See `tenure_fuzz::spool`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenure_fuzz::spool(data));
