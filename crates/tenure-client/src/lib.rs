//! A typed client of the Tenure daemon.
//!
//! - [`Client::discover`] finds the daemon of a home, [`Client::connect`] talks to one elsewhere, and
//!   [`ensure_running`] starts one when nothing answers.
//! - [`Client`] has a method for every path, grouped by resource.
//! - [`Client::follow`] gives a session's events, each once and in order, over lost connections and restarts
//!   of the daemon.
//! - [`Client::stream`] sends an input and gives what its turn does, as pieces of text, tools, asks, and its result.
//! - [`claude_code`] has the shape of an Elixir library's sessions, function by function.
//!
//! It starts no process itself (a [`Launcher`] does), keeps no copy of anything, and knows no terminal.

pub mod claude_code;
mod client;
mod error;
mod follow;
mod home;
mod link;
mod resource;
mod sse;
mod start;
mod turn;

pub use client::Client;
pub use error::ClientError;
pub use follow::{Follow, FollowOptions, Followed, FollowedEvent};
pub use home::{DaemonFile, Home};
pub use resource::{
    EventFilter, ExecPiece, ExecRun, FileBody, FileSearch, FindError, GrepPattern, HistoryFilter,
    MessageFilter, SearchFilter, SessionFilter, UsageFilter, VERSION,
};
pub use sse::{Frame, FrameError, FrameReader, MAX_FRAME};
pub use start::{Ended, Launcher, Starting, ensure_running};
pub use turn::{Turn, TurnEvent};
