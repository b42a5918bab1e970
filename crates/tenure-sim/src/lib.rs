//! A whole node in one thread, with virtual time and one source of chance: a seed decides
//! what happens and when, so a run that fails can be run again.
//!
//! What is real: the session machine, the codecs, the log's semantics
//! ([`tenure_log::MemoryLog`]), the followers of the server and the frame reader of the
//! client. What is simulated: the owner around the machine (in the order of the real one),
//! shims with their spools and outboxes, agents that speak ACP and stream-json, clients,
//! the network, and a daemon that is killed between any two steps and inside one.
//!
//! The simulated owner is written by hand after `tenure-server`'s `owner/`: the same order of store, tell and act,
//! the same rows, the same way back. Nothing makes the two agree: who changes the order of effects in
//! `owner/commit.rs`, what is stored in `owner/rows.rs` or how an owner wakes in `owner/wake.rs` changes it here too.
//! The crash harness (`cargo xtask crash`) is what holds the real one. Redaction, blobs, idempotency keys and a store
//! that refuses a commit are not simulated.
//!
//! What it is not: it starts no process, touches no disk and waits for no clock; a loss of
//! power is not part of it, because the log in memory knows none.
//!
//! Start reading at [`run`].

mod agent;
mod client;
mod dice;
mod env;
mod node;
mod oracle;
mod owner;
mod shim;
mod watch;
mod world;

pub use world::{Report, run};
