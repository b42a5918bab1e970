//! See `tenure_fuzz::claude_recording`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenure_fuzz::claude_recording(data));
