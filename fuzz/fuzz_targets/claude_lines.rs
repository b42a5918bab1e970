//! See `tenure_fuzz::claude_lines`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenure_fuzz::claude_lines(data));
