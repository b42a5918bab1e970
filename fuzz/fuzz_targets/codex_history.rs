//! See `tenure_fuzz::codex_history`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenure_fuzz::codex_history(data));
