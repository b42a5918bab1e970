//! See `tenure_fuzz::claude_history`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenure_fuzz::claude_history(data));
