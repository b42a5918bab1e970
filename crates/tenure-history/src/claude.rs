//! Claude Code: one file of lines for a conversation, `projects/DIRECTORY/UUID.jsonl`, beside it a directory with what its
//! subagents said and with marks. The name of the directory above is not read: several working directories
//! share one.
//!
//! A conversation is a tree: every record names its parent, the last `last-prompt` names the leaf that a resume takes up.

mod branch;
mod claim;
mod describe;
mod links;
mod page;
mod prompt;
mod record;
mod say;
mod scan;
mod stream;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::{Claim, Conversation, Each, Found, Mark, Messages, ReadError, Reader, Sighting, Want, follow};

/// Reads what Claude Code left.
#[derive(Debug, Clone)]
pub struct ClaudeReader {
    roots: Vec<PathBuf>,
}

impl ClaudeReader {
    /// For these configuration directories.
    #[must_use]
    pub fn new(roots: Vec<PathBuf>) -> Self {
        Self { roots }
    }

    fn projects(&self) -> impl Iterator<Item = PathBuf> {
        self.roots.iter().map(|root| root.join("projects"))
    }
}

impl Reader for ClaudeReader {
    fn agent(&self) -> &'static str {
        "claude"
    }

    fn roots(&self) -> Vec<PathBuf> {
        self.projects().filter(|path| path.is_dir()).collect()
    }

    fn scan(&self, each: &mut dyn FnMut(Sighting)) {
        for projects in self.projects() {
            scan::projects(&projects, each);
        }
    }

    fn at(&self, path: &Path) -> Option<Found> {
        self.projects().find_map(|projects| scan::at(&projects, path))
    }

    fn describe(&self, found: &Found) -> Result<Option<Conversation>, ReadError> {
        describe::describe(found)
    }

    fn read(&self, found: &Found, mark: Option<&Mark>, each: &mut Each<'_>) -> Result<Mark, ReadError> {
        follow::read(&stream::Transcript, found, mark, each)
    }

    fn claims(&self, found: &Found) -> Vec<Claim> {
        let root = self.roots.iter().find(|root| found.path.starts_with(root));
        root.map(|root| claim::claims(root, &found.native_id)).unwrap_or_default()
    }

    fn messages(&self, found: &Found, want: &Want) -> Result<Messages, ReadError> {
        page::messages(found, want)
    }
}

/// The directory beside a transcript, with its subagents and marks.
fn beside(transcript: &Path) -> PathBuf {
    transcript.with_extension("")
}

/// The subagent whose file this is.
fn subagent_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.strip_prefix("agent-")?.strip_suffix(".jsonl")
}
