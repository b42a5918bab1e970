//! Test support: a whole daemon in a scratch home, and the real agents.
//!
//! What is here panics when it fails, with all that is known: it is called by tests alone.

pub mod agents;
pub mod daemon;
