//! What is written down of a worktree, beside it: to what it belongs, and what is under way with it.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tenure_api::{ErrorCode, ExecResult, Problem, Worktree};
use tenure_event::WorkspaceId;

use crate::auth::replace_private;
use crate::owner::off_thread;

/// Where a worktree and what is written of it lie.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    /// The worktree.
    pub tree: PathBuf,
    /// What is written down.
    pub record: PathBuf,
    /// An index on its way.
    pub index: PathBuf,
}

impl Paths {
    pub(super) fn of(home: &Path, id: &WorkspaceId) -> Self {
        // Git knows its worktrees by their real paths.
        let home = home.canonicalize().unwrap_or_else(|_| home.to_owned());
        let below = |name: String| home.join("workspaces").join(name);
        Self {
            tree: below(id.to_string()),
            record: below(format!("{id}.json")),
            index: below(format!("{id}.index")),
        }
    }

    /// An index that files are compared by.
    pub(super) fn compared(&self) -> PathBuf {
        self.index.with_extension("compare")
    }
}

/// What is known of a worktree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The repository's own directory.
    pub repo: String,
    /// Its git directory, which all of its worktrees share.
    pub common: String,
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// It was made with the worktree.
    pub branch_made: bool,
    /// Where the work began.
    pub base: String,
    /// The branch that was there.
    #[serde(default)]
    pub base_branch: Option<String>,
    /// What its setup said.
    #[serde(default)]
    pub setup: Option<ExecResult>,
    /// What was begun and is not told to be done.
    #[serde(default)]
    pub under_way: Option<UnderWay>,
}

/// A change that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum UnderWay {
    /// A branch that is checked out goes to another commit.
    Landing(Landing),
    /// The worktree goes.
    Removal {
        /// With its branch, if it is still at this commit.
        branch_at: Option<String>,
    },
}

/// A branch goes to another commit where it is checked out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Landing {
    /// Where.
    pub tree: PathBuf,
    /// The git directory of that place alone.
    pub admin: PathBuf,
    /// What moves: `HEAD` there, or the whole name of a branch.
    pub reference: String,
    /// From.
    pub before: String,
    /// To; none while that is not known.
    pub after: Option<String>,
    /// The files go along.
    pub files: bool,
}

impl Record {
    /// The one that is written down, if one is. Blocks.
    pub(super) fn read(paths: &Paths) -> io::Result<Option<Self>> {
        match std::fs::read(&paths.record) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Writes it down so that it lasts.
    pub(super) async fn write(&self, paths: &Paths) -> Result<(), Problem> {
        let (path, bytes) = (paths.record.clone(), serde_json::to_vec(self));
        let written = off_thread(move || replace_private(&path, &bytes?)).await;
        written.map_err(|e| {
            Problem::new(ErrorCode::Storage, format!("what is under way cannot be written down: {e}"))
        })
    }

    /// As clients see it.
    pub(super) fn shown(&self) -> Worktree {
        Worktree {
            repo: self.repo.clone(),
            branch: self.branch.clone(),
            branch_made: self.branch_made,
            base: self.base.clone(),
            base_branch: self.base_branch.clone(),
            setup: self.setup.clone(),
            unsaved: None,
        }
    }
}
