//! Where a session works: directory, workspace, project. A directory that Tenure did not
//! make is recorded, never changed.

use std::path::{Path, PathBuf};

use tenure_api::{CreateSession, ErrorCode, Problem, WorkspaceChoice, WorktreeChoice};
use tenure_event::{SessionId, WorkspaceId};
use tenure_log::{EventLog, ProjectRow, WorkspaceRow, Write};
use tokio::sync::OwnedMutexGuard;

use super::Node;
use super::agents::AgentDef;
use super::main_tree;
use crate::exec::Setup;
use crate::owner::{Private, off_thread};
use crate::{clock, problem, worktree};

/// Where a session works, and what must be recorded for it.
pub(super) struct Place {
    /// As it was given.
    pub given: String,
    /// The directory, canonical.
    pub canonical: String,
    /// The workspace.
    pub workspace: WorkspaceRow,
    /// The project.
    pub project: ProjectRow,
    /// Rows that are new.
    pub writes: Vec<Write>,
}

/// Who is to work there.
pub(super) struct Newcomer<'a> {
    pub session: &'a SessionId,
    pub agent: &'a AgentDef,
    pub private: &'a Private,
    /// Held while it gets a worktree: whoever asks for the same session again waits.
    pub turn: Option<OwnedMutexGuard<()>>,
}

/// The directory in which a session is to work.
pub(super) enum Spot {
    /// A new one.
    Scratch,
    /// A new git worktree. It goes with this value, unless its workspace has come into the log.
    Worktree(worktree::Made),
    /// One that is there.
    Directory {
        /// As it was given.
        given: String,
        /// Canonical.
        canonical: String,
    },
    /// A copy that was made for it.
    Copy(Box<super::fork::Copied>),
}

impl Node {
    /// Finds the directory, or makes a worktree, which may take as long as its disk does.
    pub(super) async fn locate(
        &self,
        request: &CreateSession,
        newcomer: Newcomer<'_>,
    ) -> Result<Spot, Problem> {
        let given = [request.cwd.is_some(), request.project.is_some(), request.workspace.is_some()];
        if given.iter().filter(|g| **g).count() != 1 {
            return Err(Problem::invalid("cwd", "give exactly one of `cwd`, `project` and `workspace`"));
        }
        if let Some(cwd) = &request.cwd {
            return directory(cwd, "cwd").await;
        }
        if let Some(id) = &request.project {
            let projects = self.projects().await.map_err(|e| problem::from_log(&e))?;
            let unknown = || Problem {
                field: Some("project".into()),
                ..Problem::new(
                    ErrorCode::NotFound,
                    format!("there is no project {id}; register it with POST /v1/projects"),
                )
            };
            return directory(&projects.named(id).ok_or_else(unknown)?.path, "project").await;
        }
        match &request.workspace {
            Some(WorkspaceChoice::Scratch { scratch: true }) => Ok(Spot::Scratch),
            Some(WorkspaceChoice::Scratch { .. }) => {
                Err(Problem::invalid("workspace.scratch", "must be true"))
            }
            Some(WorkspaceChoice::Worktree { worktree }) => self.new_worktree(worktree, newcomer).await,
            Some(WorkspaceChoice::Id(id)) => self.of_workspace(id).await,
            None => Err(Problem::invalid("cwd", "give a directory")),
        }
    }

    /// Where the session works, with the rows that are new.
    pub(super) async fn place(&self, spot: &Spot) -> Result<Place, Problem> {
        match spot {
            Spot::Scratch => self.in_scratch().await,
            Spot::Worktree(made) => self.in_worktree(made).await,
            Spot::Directory { given, canonical } => self.in_directory(given.clone(), canonical.clone()).await,
            Spot::Copy(copied) => Ok(copied.place()),
        }
    }

    pub(super) async fn new_worktree(
        &self,
        choice: &WorktreeChoice,
        newcomer: Newcomer<'_>,
    ) -> Result<Spot, Problem> {
        let Newcomer { session, agent, private, turn } = newcomer;
        let setup =
            choice.setup.as_ref().map(|setup| Setup::of(setup, session, agent, private)).transpose()?;
        let id = WorkspaceId::from_uuid(clock::new_uuid());
        let wanted = worktree::Wanted { id, choice: choice.clone(), setup, turn };
        worktree::make(&self.shared, wanted).await.map(Spot::Worktree)
    }

    async fn in_worktree(&self, made: &worktree::Made) -> Result<Place, Problem> {
        let workspace = WorkspaceRow {
            id: made.id.clone(),
            kind: "worktree".into(),
            path: made.path.clone(),
            owned: true,
            created_at: clock::now(),
        };
        // It is the repository that is worked on.
        let (project, mut writes) = self.project_of(&made.repo).await?;
        writes.push(Write::Workspace(workspace.clone()));
        Ok(Place { given: made.path.clone(), canonical: made.path.clone(), workspace, project, writes })
    }

    async fn of_workspace(&self, id: &str) -> Result<Spot, Problem> {
        let unknown = || Problem {
            field: Some("workspace".into()),
            ..Problem::new(ErrorCode::NotFound, format!("there is no workspace {id}"))
        };
        let id = WorkspaceId::parse(id).map_err(|_| unknown())?;
        let row =
            self.shared.log.workspace(&id).await.map_err(|e| problem::from_log(&e))?.ok_or_else(unknown)?;
        let found = directory(&row.path, "workspace").await;
        if row.owned { found.map_err(|_| gone(&row)) } else { found }
    }

    async fn in_scratch(&self) -> Result<Place, Problem> {
        let id = WorkspaceId::from_uuid(clock::new_uuid());
        let path = self.shared.home.join("workspaces").join(id.as_str());
        let made = off_thread(move || make_private_dir(&path).and_then(|()| path.canonicalize()));
        let path = made.await.map_err(|e| {
            Problem::new(ErrorCode::Storage, format!("no scratch directory could be made: {e}"))
        })?;
        let path = text(&path, "workspace")?;
        let workspace = WorkspaceRow {
            id,
            kind: "scratch".into(),
            path: path.clone(),
            owned: true,
            created_at: clock::now(),
        };
        let (project, mut writes) = self.project_of(&path).await?;
        writes.push(Write::Workspace(workspace.clone()));
        Ok(Place { given: path.clone(), canonical: path, workspace, project, writes })
    }

    async fn in_directory(&self, given: String, canonical: String) -> Result<Place, Problem> {
        let known = self.shared.log.workspace_at(&canonical).await.map_err(|e| problem::from_log(&e))?;
        if let Some(owned) = known.as_ref().filter(|known| known.owned) {
            self.still_there(owned).await?;
        }
        let worktree = match &known {
            Some(known) if known.kind == "worktree" => worktree::shown(&self.shared, &known.id, false).await,
            _ => None,
        };
        let worked_on = match worktree {
            Some(made) => made.repo,
            None => self.worked_on(&canonical).await?,
        };
        let (project, mut writes) = self.project_of(&worked_on).await?;
        let workspace = known.unwrap_or_else(|| {
            let id = WorkspaceId::from_uuid(clock::new_uuid());
            let row = WorkspaceRow {
                id,
                kind: "directory".into(),
                path: canonical.clone(),
                owned: false,
                created_at: clock::now(),
            };
            writes.push(Write::Workspace(row.clone()));
            row
        });
        Ok(Place { given, canonical, workspace, project, writes })
    }

    /// The path of the project whose work is done in a directory: its own where it is known as one.
    async fn worked_on(&self, canonical: &str) -> Result<String, Problem> {
        let projects = self.projects().await.map_err(|e| problem::from_log(&e))?;
        if projects.at(canonical).is_some() {
            return Ok(canonical.to_owned());
        }
        let path = PathBuf::from(canonical);
        let main = off_thread(move || Ok(main_tree::worked_on(&path))).await.unwrap_or_default();
        Ok(main
            .and_then(|main| main.into_os_string().into_string().ok())
            .unwrap_or_else(|| canonical.to_owned()))
    }

    /// What Tenure made may go with its last session, but not while one is created.
    async fn still_there(&self, row: &WorkspaceRow) -> Result<(), Problem> {
        let path = PathBuf::from(&row.path);
        let there = off_thread(move || Ok(path.is_dir())).await.unwrap_or(false);
        if there && !worktree::is_leaving(&self.shared, &row.id).await {
            return Ok(());
        }
        Err(gone(row))
    }

    async fn project_of(&self, path: &str) -> Result<(ProjectRow, Vec<Write>), Problem> {
        let found = self.project_at(path).await.map_err(|e| problem::from_log(&e))?;
        self.save_directories().await;
        Ok(found)
    }
}

/// Makes a directory that only its owner can enter.
pub(crate) fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

fn gone(row: &WorkspaceRow) -> Problem {
    let what = format!("the {} {} is gone with its last session; it was at {}", row.kind, row.id, row.path);
    Problem { field: Some("workspace".into()), ..Problem::new(ErrorCode::NotFound, what) }
}

pub(super) async fn directory(given: &str, field: &str) -> Result<Spot, Problem> {
    let path = PathBuf::from(given);
    if !path.is_absolute() {
        return Err(Problem::invalid(field, format!("`{given}` is not an absolute path")));
    }
    let found = off_thread(move || path.canonicalize().map(|path| (path.is_dir(), path))).await;
    let (is_dir, canonical) = found.map_err(|e| {
        Problem::invalid(field, format!("`{given}` cannot be used ({e}); make the directory first"))
    })?;
    if !is_dir {
        return Err(Problem::invalid(field, format!("`{given}` is not a directory")));
    }
    Ok(Spot::Directory { given: given.to_owned(), canonical: text(&canonical, field)? })
}

fn text(path: &Path, field: &str) -> Result<String, Problem> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        Problem::invalid(field, "the directory's path is not UTF-8; agents' protocols cannot carry it")
    })
}
