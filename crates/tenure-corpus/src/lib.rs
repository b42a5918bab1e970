//! Histories as agents leave them on disk, made up by a seed: for tests and benches alone. The records have the members that the
//! programs write, which a test with the real programs checks; what is said in them means nothing.
//!
//! The same [`Plan`] always writes the same bytes.

mod claude;
mod dice;
mod talk;
mod tree;

use std::io;
use std::path::Path;

pub use claude::session_id;
pub use talk::Talk;

/// What to write.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Another seed is another history.
    pub seed: u64,
    /// Conversations.
    pub sessions: usize,
    /// Turns of each.
    pub turns: usize,
    /// Bytes of text in an answer, about; tools give as much.
    pub text: usize,
    /// Bytes of what the program keeps for itself in each conversation: prompts of the system, requests, lists of tools.
    /// Real ones have 150 KB and more.
    pub overhead: usize,
    /// With forks, compactions, prompts taken in while a turn ran, notes of the program, damage.
    pub odd: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { seed: 1, sessions: 10, turns: 4, text: 400, overhead: 2000, odd: true }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Conversations.
    pub sessions: usize,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Writes a configuration directory of Claude Code with conversations in it.
///
/// # Errors
/// If the directory cannot be written.
pub fn claude(plan: &Plan, root: &Path) -> io::Result<Written> {
    claude::write(plan, root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_plan_writes_the_same_bytes() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let plan = Plan { sessions: 30, ..Plan::default() };
        let written = claude(&plan, a.path()).unwrap();
        assert_eq!(claude(&plan, b.path()).unwrap(), written);
        assert_eq!(written.sessions, 30);
        for number in 0..30 {
            let file = claude::path(a.path(), &plan, number);
            let other = claude::path(b.path(), &plan, number);
            assert_eq!(std::fs::read(file).unwrap(), std::fs::read(other).unwrap());
        }
    }
}
