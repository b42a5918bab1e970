//! A copy of a workspace for a fork: a directory of Tenure's own, which goes with the last session that works there.
//!
//! While it is being made a mark lies beside it, so that the next daemon can tell a half of one that was killed.

use std::path::{Path, PathBuf};

use tenure_api::{ErrorCode, Problem};
use tenure_crash_point::crash_point;
use tenure_event::WorkspaceId;
use tenure_log::{EventLog, ProjectRow, SqliteLog, WorkspaceRow};
use tenure_workspace::{CopyError, CopyLimits, copy_directory};

use crate::clock;
use crate::node::make_private_dir;
use crate::node::place::Place;
use crate::owner::off_thread;

/// What a copy may be made of.
const LIMITS: CopyLimits = CopyLimits { entries: 200_000, bytes: 8 << 30 };

/// A copy that was made.
#[derive(Debug, Clone)]
pub(in crate::node) struct Copied {
    workspace: WorkspaceRow,
    project: ProjectRow,
    mark: PathBuf,
}

/// Where marks lie.
pub(in crate::node) fn marks(home: &Path) -> PathBuf {
    home.join("copying")
}

impl Copied {
    pub(super) async fn make(home: &Path, from: PathBuf, project: ProjectRow) -> Result<Self, Problem> {
        let id = WorkspaceId::from_uuid(clock::new_uuid());
        let (marks, path) = (marks(home), home.join("workspaces").join(id.as_str()));
        let (mark, home) = (marks.join(id.as_str()), home.to_owned());
        let marked = mark.clone();
        let made = off_thread(move || {
            make_private_dir(&marks)?;
            std::fs::write(&marked, "")?;
            crash_point!("fork.marked");
            make_private_dir(&path)?;
            let (path, home) = (path.canonicalize()?, home.canonicalize()?);
            let copied = copy_directory(&from, &path, &home, LIMITS);
            crash_point!("fork.copied");
            if copied.is_err() {
                std::fs::remove_dir_all(&path)?;
                std::fs::remove_file(&marked)?;
            }
            Ok(copied.map(|()| path))
        });
        let storage =
            |why: String| Problem::new(ErrorCode::Storage, format!("the files cannot be copied: {why}"));
        let path = match made.await.map_err(|e| storage(e.to_string()))? {
            Ok(path) => path,
            Err(e @ CopyError::TooLarge { .. }) => {
                let what = format!("the files cannot be copied: {e}; fork with `files: shared`");
                return Err(Problem {
                    field: Some("files".into()),
                    ..Problem::new(ErrorCode::TooLarge, what)
                });
            }
            Err(e) => return Err(storage(e.to_string())),
        };
        let path = path.to_str().ok_or_else(|| storage("its path is not UTF-8".to_owned()))?.to_owned();
        let workspace = WorkspaceRow { id, kind: "copy".into(), path, owned: true, created_at: clock::now() };
        Ok(Self { workspace, project, mark })
    }

    pub(in crate::node) fn place(&self) -> Place {
        let path = self.workspace.path.clone();
        let writes = vec![tenure_log::Write::Workspace(self.workspace.clone())];
        Place {
            given: path.clone(),
            canonical: path,
            workspace: self.workspace.clone(),
            project: self.project.clone(),
            writes,
        }
    }

    /// It is in the log by now, or not wanted.
    pub(super) async fn settle(self, log: &SqliteLog) {
        settle(log, &self.workspace.id, PathBuf::from(&self.workspace.path), self.mark).await;
    }
}

/// Removes a mark, and the copy with it if no session came to work there.
pub(in crate::node) async fn settle(log: &SqliteLog, id: &WorkspaceId, copy: PathBuf, mark: PathBuf) {
    let unknown = match log.workspace(id).await {
        Ok(row) => row.is_none(),
        Err(_) => return,
    };
    let settled = off_thread(move || {
        if unknown && copy.exists() {
            std::fs::remove_dir_all(&copy)?;
        }
        std::fs::remove_file(mark)
    });
    if let Err(e) = settled.await {
        tracing::warn!(workspace = %id, error = %e, "a copy for a fork could not be cleared away yet");
    }
}
