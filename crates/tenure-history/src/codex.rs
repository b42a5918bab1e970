//! Codex: one file of lines for a conversation (a rollout), `sessions/YEAR/MONTH/DAY/rollout-TIME-ID.jsonl`, moved to
//! `archived_sessions` when it is put away; and `session_index.jsonl` with the names that people gave. Old ones are packed
//! (`.jsonl.zst`).
//!
//! A fork begins where its base's file stood at a place, and does not carry what was said before along.

mod describe;
mod place;
mod record;
mod result;
mod rollout;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::{
    Branch, Conversation, Each, Fold, Found, Item, Mark, Messages, ReadError, Reader, Sighting, Want, follow,
};

/// Reads what Codex left.
#[derive(Debug, Clone)]
pub struct CodexReader {
    homes: Vec<PathBuf>,
}

impl CodexReader {
    /// For these homes of Codex.
    #[must_use]
    pub fn new(homes: Vec<PathBuf>) -> Self {
        Self { homes }
    }

    /// The home that a rollout is below.
    fn home_of(&self, path: &Path) -> Option<&Path> {
        self.homes.iter().map(PathBuf::as_path).find(|home| path.starts_with(home))
    }

    /// The files that make up a conversation and how far each belongs to it, the oldest base first.
    fn lineage(&self, found: &Found) -> Vec<(PathBuf, u64)> {
        let mut all = vec![(found.path.clone(), u64::MAX)];
        while all.len() < place::BASES_MAX
            && let Some(base) = all.last().and_then(|(path, _)| describe::base(path))
            && let Some(path) = self.home_of(&found.path).and_then(|home| place::rollout(home, &base.thread))
            && !all.iter().any(|(known, _)| *known == path)
        {
            all.push((path, base.end));
        }
        all.reverse();
        all
    }
}

impl Reader for CodexReader {
    fn agent(&self) -> &'static str {
        "codex"
    }

    fn roots(&self) -> Vec<PathBuf> {
        self.homes
            .iter()
            .flat_map(|home| place::DIRS.map(|dir| home.join(dir)))
            .filter(|path| path.is_dir())
            .collect()
    }

    fn scan(&self, each: &mut dyn FnMut(Sighting)) {
        for home in &self.homes {
            place::scan(home, each);
        }
    }

    fn at(&self, path: &Path) -> Option<Found> {
        place::at(self.home_of(path)?, path)
    }

    fn describe(&self, found: &Found) -> Result<Option<Conversation>, ReadError> {
        describe::describe(found, &self.lineage(found))
    }

    fn read(&self, found: &Found, mark: Option<&Mark>, each: &mut Each<'_>) -> Result<Mark, ReadError> {
        follow::read(&rollout::Rollout, found, mark, each)
    }

    fn messages(&self, found: &Found, want: &Want) -> Result<Messages, ReadError> {
        if let Some(id) = &want.subagent {
            // They are conversations of their own.
            return Err(ReadError::gone(found, Some(id)));
        }
        let files = self.lineage(found);
        let dropped = if want.branch == Branch::All { Vec::new() } else { rollout::dropped(&files)? };
        let mut fold = Fold::page(want.skip, want.limit, want.hidden);
        follow::pass(&rollout::Rollout, found, &files, &mut |item| {
            let gone = |place: &crate::Place| {
                dropped.iter().any(|(path, range)| *path == place.path && range.contains(&place.offset))
            };
            match &item {
                Item::Message(said) if gone(&said.place) => {}
                Item::ToolEnded(outcome) if gone(&outcome.place) => {}
                _ => fold.item(item),
            }
        })?;
        Ok(fold.into())
    }
}
