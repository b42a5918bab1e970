//! The files of a workspace, confined to its root.
//!
//! An agent that asks for a file by name must not get one from elsewhere: not by `..`, not by an absolute
//! path, not by a symbolic link that leads out, not by swapping a directory for such a link meanwhile.
//! [`Root`] holds the workspace's directory open and resolves every name beneath it, which the kernel
//! checks at each step.
//!
//! [`checkpoint`] records what a directory holds, byte for byte, and brings it back. [`git`] reads what git says of a
//! worktree.
//!
//! [`copy_directory`] makes a second one of it.
//!
//! Calls block; an async caller runs them where blocking is allowed. It starts no process, and follows nothing
//! that is no regular file or directory: a pipe or a device never makes it wait.

pub mod checkpoint;
mod copy;
mod entry;
mod error;
pub mod git;
mod kind;
mod root;

pub use copy::{CopyError, CopyLimits, copy_directory};
pub use entry::{Entry, EntryKind};
pub use error::FileError;
pub use kind::Kind;
pub use root::bytes::{Expect, Writing};
pub use root::dir::DirError;
pub use root::read::ReadError;
pub use root::search::{After, Found, Line, NameGlob, Pattern, PatternError, Search};
pub use root::tree::Listed;
pub use root::write::WriteError;
pub use root::{MOST_BYTES, OpenError, Root};
