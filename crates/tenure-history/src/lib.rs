//! What agents left on disk: every conversation that Claude Code, Codex, Pi, OpenCode and goose keep, found, listed
//! and read in Tenure's words, with no agent running. Nothing is ever written to an agent's files, nothing is
//! indexed here, and no server and no runtime is near; a node's own log is one more [`Reader`], which the server has.
//!
//! # How to use it
//! ```no_run
//! use std::ops::ControlFlow;
//! use std::path::Path;
//! use tenure_history::{Item, Reader as _, Roots, Want, readers};
//!
//! # fn main() -> Result<(), tenure_history::ReadError> {
//! let roots = Roots::of_user(Path::new("/home/ann"), &|name| std::env::var_os(name).map(Into::into));
//! for reader in readers(&roots) {
//!     // Stat only; `found.stamp` tells whether anything changed since the last time.
//!     let (all, warnings) = tenure_history::scan(reader.as_ref());
//!     for found in &all {
//!         // An entry for a list: reads a file's ends, not all of it.
//!         let Some(entry) = reader.describe(found)? else { continue };
//!         // For an index: everything, every branch, in bounded memory. Keep `mark` and hand it in the next time.
//!         let mark = reader.read(found, None, &mut |item| {
//!             match item {
//!                 Item::Reset => { /* forget what was kept of this conversation */ }
//!                 Item::Message(said) => { /* add, or add to the one with this id */ }
//!                 Item::ToolEnded(outcome) => { /* the call with this `tool_id` ended */ }
//!                 Item::Used(counted) => { /* put under `counted.key`, replacing what is there */ }
//!                 Item::Warning(warning) => { /* tell */ }
//!             }
//!             ControlFlow::Continue(())
//!         })?;
//!         // For a person: whole messages of the branch that a resume would see.
//!         let page = reader.messages(found, &Want { limit: 50, ..Want::default() })?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//! All calls block on the disk: use them from a thread that may. [`list`] is scan and describe for all readers at once.
//!
//! # What holds for every reader
//! - **Truth is the records.** A directory's name says nothing about where a conversation worked.
//! - **Damage costs what is damaged.** A torn, unknown, huge or binary line is a [`Warning`] with path and place; the
//!   lines around it are read. A directory that cannot be opened is one too. Only a conversation that cannot be read
//!   at all is a [`ReadError`].
//! - **Databases are copied**, with their write-ahead logs, to a directory of ours when they changed, and the copy is read:
//!   SQLite takes locks and writes files beside a database that it only reads.
//! - **Links below a root are not followed**, so no loop can be entered; pipes and devices are not opened.
//! - **Reading goes on where it ended.** A [`Mark`] holds for each file how far it was read and by what to know it
//!   again; a file that was replaced or became shorter leads to [`Item::Reset`] and is read from its beginning.
//! - **Ids are stable.** The same record gives the same message id and the same [`Counted::key`], in whatever order
//!   things are read; a fork that carries records along carries their keys along.

mod claude;
mod codex;
mod conversation;
mod database;
mod ends;
mod fields;
mod files;
mod fold;
mod follow;
mod goose;
mod item;
mod lines;
mod listing;
mod opencode;
mod pi;
mod reader;
mod roots;
mod said;
mod source;
mod tools;
mod warning;

pub use claude::ClaudeReader;
pub use codex::CodexReader;
pub use conversation::{Conversation, Found, Stamp};
pub use fold::Fold;
pub use goose::GooseReader;
pub use item::{Counted, Item, Place, Said, ToolOutcome};
pub use lines::MAX_LINE;
pub use listing::{Listing, list, scan};
pub use opencode::OpenCodeReader;
pub use pi::PiReader;
pub use reader::{Branch, Claim, Each, FileMark, Mark, Messages, ReadError, Reader, Sighting, Want};
pub use roots::Roots;
pub use warning::{Warning, WarningKind};

/// A reader for each agent that has roots.
#[must_use]
pub fn readers(roots: &Roots) -> Vec<Box<dyn Reader>> {
    vec![
        Box::new(ClaudeReader::new(roots.claude.clone())),
        Box::new(CodexReader::new(roots.codex.clone())),
        Box::new(PiReader::new(roots.pi.clone())),
        Box::new(OpenCodeReader::new(roots.opencode.clone())),
        Box::new(GooseReader::new(roots.goose.clone())),
    ]
}
