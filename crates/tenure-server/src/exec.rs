//! Commands in a session's directory, without its agent: for clients, and for the terminals of agents.
//!
//! Each runs under a shim of its own that lives no longer than this daemon, has a deadline and a bounded way out
//! for what it writes, and is killed with its whole tree when nobody wants it any more. What it writes goes to
//! whoever asked and nowhere else: not into the log.

mod collect;
mod order;
mod run;
mod setup;
mod table;

pub(crate) use collect::{Collected, Text, bare};
pub(crate) use order::{Order, PLACES, Wish};
pub(crate) use run::{End, Piece, Run, start};
pub(crate) use setup::{Setup, set_up};
pub(crate) use table::Table;
