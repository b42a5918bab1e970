//! See `tenure_fuzz::http_bodies`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenure_fuzz::http_bodies(data));
