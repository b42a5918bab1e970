//! The paths of the daemon as methods of the client, one file per resource.

mod agents;
mod artifacts;
mod asks;
mod checkpoints;
mod control;
mod events;
mod exec;
mod files;
mod find;
mod inputs;
mod mcp;
mod node;
mod past;
mod sessions;
mod tokens;
mod verbs;
mod workspaces;

pub use events::EventFilter;
pub use exec::{ExecPiece, ExecRun};
pub use files::{FileBody, FileSearch, GrepPattern};
pub use find::FindError;
pub use past::{HistoryFilter, SearchFilter, UsageFilter};
pub use sessions::{MessageFilter, SessionFilter};

/// The version of this client.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
