//! Files and commands where a session works, without its agent.

mod artifacts;
mod exec;
mod files;
mod terminals;
mod worktrees;
