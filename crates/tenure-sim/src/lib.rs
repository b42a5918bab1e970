//! A whole node in one thread, with virtual time and one source of chance: a seed decides
//! what happens and when, so a run that fails can be run again.
//!
//! What is real: the session machine, the codecs, the order in which an owner works and the rows of its inputs
//! ([`tenure_server::order`]), the log's semantics ([`tenure_log::MemoryLog`]), the followers of the server and the frame
//! reader of the client. What is simulated: what an owner works with (spools, outboxes and shims), agents that speak ACP and
//! stream-json, clients, the network, and a daemon that is killed between any two effects of a step.
//!
//! Redaction, blobs, idempotency keys and a store that refuses a commit are not simulated.
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
