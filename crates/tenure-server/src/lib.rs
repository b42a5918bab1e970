//! The daemon: session owners, the registry of them, recovery after a start, and the
//! HTTP interface in front of it all.
//!
//! Start reading at [`node`] (what the daemon can do) and at `http` (how it is asked).

pub mod auth;
mod checkpoints;
pub mod clock;
pub mod config;
mod conversation;
pub mod daemon;
mod exec;
mod hex;
mod history;
pub mod http;
pub mod node;
pub mod order;
mod owner;
mod past;
mod problem;
mod story;
mod worktree;
