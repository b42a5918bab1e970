//! Shims, agents and trees, as real processes.

mod fixture;
mod launching;
