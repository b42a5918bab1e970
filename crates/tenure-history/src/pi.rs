//! Pi: one file of lines for a conversation, `sessions/DIRECTORY/TIME_ID.jsonl`. The name of the directory is not read.
//!
//! A conversation is a tree: every entry names its parent, and the last entry is where it goes on. A fork is a file of its
//! own that carries the entries before it along, under their ids.

mod branch;
mod describe;
mod entry;
mod scan;
mod session;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::{
    Branch, Conversation, Each, Fold, Found, Item, Mark, Messages, ReadError, Reader, Sighting, Want, follow,
};

/// Reads what Pi left.
#[derive(Debug, Clone)]
pub struct PiReader {
    roots: Vec<PathBuf>,
}

impl PiReader {
    /// For these directories of Pi.
    #[must_use]
    pub fn new(roots: Vec<PathBuf>) -> Self {
        Self { roots }
    }

    fn sessions(&self) -> impl Iterator<Item = PathBuf> {
        self.roots.iter().map(|root| root.join("sessions"))
    }
}

impl Reader for PiReader {
    fn agent(&self) -> &'static str {
        "pi"
    }

    fn roots(&self) -> Vec<PathBuf> {
        self.sessions().filter(|path| path.is_dir()).collect()
    }

    fn scan(&self, each: &mut dyn FnMut(Sighting)) {
        for sessions in self.sessions() {
            scan::sessions(&sessions, each);
        }
    }

    fn at(&self, path: &Path) -> Option<Found> {
        self.sessions().find_map(|sessions| scan::at(&sessions, path))
    }

    fn describe(&self, found: &Found) -> Result<Option<Conversation>, ReadError> {
        describe::describe(found)
    }

    fn read(&self, found: &Found, mark: Option<&Mark>, each: &mut Each<'_>) -> Result<Mark, ReadError> {
        follow::read(&session::Session, found, mark, each)
    }

    fn messages(&self, found: &Found, want: &Want) -> Result<Messages, ReadError> {
        if let Some(id) = &want.subagent {
            return Err(ReadError::gone(found, Some(id)));
        }
        let chosen = if want.branch == Branch::All { None } else { Some(branch::current(&found.path)?) };
        let on = |place: &crate::Place| chosen.as_ref().is_none_or(|chosen| chosen.contains(&place.offset));
        let mut fold = Fold::page(want.skip, want.limit, want.hidden);
        follow::pass(&session::Session, found, &[(found.path.clone(), u64::MAX)], &mut |item| match &item {
            Item::Message(said) if !on(&said.place) => {}
            Item::ToolEnded(outcome) if !on(&outcome.place) => {}
            _ => fold.item(item),
        })?;
        Ok(fold.into())
    }
}
