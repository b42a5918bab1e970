//! See `tenure_fuzz::pi_lines`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenure_fuzz::pi_lines(data));
