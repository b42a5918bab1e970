//! A change under way, written down before it begins: whoever finds it after a crash can finish it. It stays as the
//! memory of what was done, for whoever wants it undone.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::apply::Done;
use super::hash::{HashError, TreeId};
use super::path::RelPath;
use super::plan::{Plan, Reason};
use super::store::{Store, StoreError};

/// A change of a directory, from a tree that was recorded to another one, at some paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// Its name; the caller's.
    pub id: String,
    /// What stood there before.
    #[serde(with = "text")]
    pub guard: TreeId,
    /// Where it goes.
    #[serde(with = "text")]
    pub target: TreeId,
    /// What is to change.
    pub paths: Vec<RelPath>,
    /// What is not touched, and why.
    pub conflicts: Vec<(RelPath, Reason)>,
    /// What was done, once it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Done>,
}

impl Journal {
    /// Of a plan from `guard` to `target`.
    #[must_use]
    pub fn new(id: String, guard: TreeId, target: TreeId, plan: &Plan) -> Self {
        let paths = plan.changes.iter().map(|c| c.path.clone()).collect();
        let conflicts = plan.conflicts.iter().map(|c| (c.change.path.clone(), c.reason)).collect();
        Self { id, guard, target, paths, conflicts, done: None }
    }
}

mod text {
    use super::{HashError, TreeId};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(id: &TreeId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<TreeId, D::Error> {
        String::deserialize(from)?.parse().map_err(|e: HashError| serde::de::Error::custom(e))
    }
}

impl Store {
    /// The journal of this name, if there is one.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn journal(&self, id: &str) -> Result<Option<Journal>, StoreError> {
        match fs::read(self.journal_path(id)) {
            Ok(bytes) => {
                let parsed = serde_json::from_slice(&bytes);
                parsed.map(Some).map_err(|e| self.failed(io::Error::other(e)))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.failed(e)),
        }
    }

    /// Writes a journal so that it lasts.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write_journal(&self, journal: &Journal) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(journal).map_err(|e| self.failed(io::Error::other(e)))?;
        self.put_file(&self.journal_path(&journal.id), &bytes, true)
    }

    /// Every journal.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub(super) fn journals(&self) -> Result<Vec<Journal>, StoreError> {
        let dir = fs::read_dir(self.dir().join("journals")).map_err(|e| self.failed(e))?;
        let names = dir.flatten().filter_map(|file| file.file_name().into_string().ok());
        names.filter_map(|name| self.journal(&name).transpose()).collect()
    }

    pub(super) fn journal_path(&self, id: &str) -> PathBuf {
        // A name of ours has no separators; another one would lead elsewhere.
        let safe: String =
            id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
        self.dir().join("journals").join(safe)
    }
}
