//! The HTTP interface: what clients ask becomes calls of [`Node`](crate::node::Node) and reads of
//! the log. One file per group of endpoints; the table of them, with the scope each needs, is in
//! `routes`.
//!
//! The way of a request: `serve` (connections, their caps and timeouts) → `gate` (Host, Origin,
//! who asks) → `routes` → a handler. Nothing in here decides about sessions, and nothing keeps
//! state that a restart would miss.

mod adopt;
mod agents;
mod answers;
mod app;
mod artifacts;
mod asks;
mod checkpoints;
mod commands;
mod config;
mod document;
mod events;
mod exec;
mod extract;
mod files;
pub mod follow;
mod fork;
mod gate;
mod home_socket;
mod hosts;
mod idempotency;
mod info;
mod inputs;
mod inside;
mod lookup;
mod mcp;
mod messages;
mod metrics;
mod past;
mod problem;
mod processes;
mod projects;
mod raw;
pub mod readers;
mod rewind;
mod routes;
mod search;
mod serve;
mod sessions;
mod strangers;
mod stream;
mod tasks;
mod tokens;
mod transcript;
mod verbs;
mod wait;
mod workspaces;

use self::past::{index as past_index, transcript as past_transcript};
use crate::conversation::{self, whole};

pub use app::{App, AppParts, HttpLimits};
pub use document::openapi;
pub use gate::Gate;
pub use home_socket::HomeSocket;
pub use serve::{Listener, Peer, serve};
