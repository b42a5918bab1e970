//! See `tenure_fuzz::pi_recording`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenure_fuzz::pi_recording(data));
