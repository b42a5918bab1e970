//! Checkpoints: the files of a directory as they were, byte for byte, and the way back.
//!
//! [`Store::take`] walks a directory and records every file, link and directory in a [`Tree`]; what files hold lies
//! in packs of the store. Nothing of it is written into the directory, least of all into a repository there: index,
//! branches and `HEAD` are never looked at. [`plan`] says what would have to change to come from one tree to another
//! without losing what somebody else has done; a [`Journal`] makes [`Store::carry_out`] whole over a crash.
//!
//! Covered are regular files, symbolic links and directories of the same file system with their permission bits.
//! Not covered: what ignore rules exclude, the memory of version control (`.git` and its like), pipes, sockets and
//! devices, owners, times, extended attributes, and that two names are one file.
//!
//! There is no session in here, and no clock. Calls block.

mod apply;
mod beneath;
mod bytes;
mod diff;
mod hash;
mod journal;
mod observe;
mod pack;
mod path;
mod plan;
mod rules;
mod seen;
mod store;
mod sweep;
mod take;
mod text;
mod tree;
mod walk;

#[cfg(test)]
mod tests;

pub use apply::{Done, Missed};
pub use diff::{Change, Changes, diff};
pub use hash::{Hash, TreeId};
pub use journal::Journal;
pub use path::RelPath;
pub use plan::{Conflict, Plan, Reason, Span, plan};
pub use store::{Store, StoreError};
pub use sweep::Swept;
pub use take::{Limits, TakeError, Taken};
pub use text::{FileDiff, TextLimits, compare};
pub use tree::{Entry, Tree, What};
