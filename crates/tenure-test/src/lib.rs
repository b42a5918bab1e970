//! Test support: a daemon in a scratch home, real agents, redactions.

pub mod agents;
