//! The whole thing, end to end: the `tenure` program on a scratch home, driven over HTTP, with the real agents
//! against a scripted model and with the scripted agent where one must misbehave on purpose. `agents` proves
//! what the rest builds on: the real programs, driven raw.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod agents;
mod bad;
mod claude_code;
mod client;
mod conformance;
mod examples;
mod history;
mod promises;
mod real;
mod repository;
mod workspace;
