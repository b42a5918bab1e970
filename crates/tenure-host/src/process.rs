//! Naming, watching and ending processes: identities that survive pid reuse,
//! trees, their memory and CPU, and the sweep of marked leftovers.
//!
//! Everything is read from `/proc`. It starts no process and keeps no state.

mod identity;
mod marked;
mod stat;
mod tree;
mod usage;
mod writers;

pub use identity::{PidRef, SignalError, boot_id};
pub use marked::{Marked, SweepReport, find_marked, orphans, sweep, variable};
pub use tree::{Table, tree};
pub use usage::{Usage, usage};
pub use writers::writers;

pub(crate) use tree::{descendants, reference};

#[cfg(test)]
mod tests;
