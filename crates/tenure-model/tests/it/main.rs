//! The endpoint over HTTP: each dialect streamed and whole, faults, gates, and what is recorded.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod anthropic;
mod chat;
mod client;
mod faults;
mod gates;
mod other;
mod responses;
