//! Proofs that what the other tests build on is as they think: the real agent programs, driven raw.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod agents;
