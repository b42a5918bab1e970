//! Which project a directory is. A directory that was moved is the same project: it is known again by its inode and the time
//! when it was made, and by the paths that it had before, which stand in `places.json` of the home. That file is no truth: without it
//! a directory that is moved from then on is a new project, and nothing else is lost.
//!
//! A copy is another directory, and so is one that was moved to another disk.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use tenure_event::ProjectId;
use tenure_log::{EventLog as _, LogError, ProjectRow, Write};

use super::Node;
use crate::clock;
use crate::owner::{off_thread, write_private};

/// Paths that are remembered of a project that is moved again and again; the last ones.
const PATHS: usize = 20;
/// Directories in worktrees that are remembered of a project; the last ones.
const TREES: usize = 500;

/// What is known of the directories of projects.
#[derive(Debug)]
pub(crate) struct Directories {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    projects: BTreeMap<String, Known>,
    unsaved: bool,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    /// The directory, as the file system tells it from all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    directory: Option<String>,
    /// Where it was before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    before: Vec<String>,
    /// Directories in worktrees of its repository, which may be gone by now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    trees: Vec<String>,
}

impl Known {
    /// What worked at a path where there is nothing any more worked here.
    fn had(&self, path: &str) -> bool {
        self.before.iter().chain(&self.trees).any(|known| known == path)
    }
}

impl Directories {
    /// Those of a home.
    pub(crate) fn open(home: &Path) -> Self {
        let file = home.join("places.json");
        let read = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let state = State { projects: read.unwrap_or_default(), unsaved: false };
        Self { file, state: Mutex::new(state) }
    }

    /// Where a project was before.
    pub(crate) fn before(&self, id: &ProjectId) -> Vec<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.projects.get(id.as_str()).map(|known| known.before.clone()).unwrap_or_default()
    }

    /// The project among these that a path is, and whether it was moved there.
    fn find(&self, rows: &[ProjectRow], path: &str) -> Option<(ProjectRow, bool)> {
        let now = directory_at(Path::new(path));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let row = state.look(rows, path, now.as_ref())?.clone();
        if row.path == path {
            state.note(&row.id, now);
        } else if now.is_some() {
            state.moved(&row);
            return Some((ProjectRow { path: path.to_owned(), ..row }, true));
        }
        Some((row, false))
    }

    /// The same without taking note of anything.
    fn known(&self, rows: &[ProjectRow], path: &str) -> Option<ProjectRow> {
        let now = directory_at(Path::new(path));
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.look(rows, path, now.as_ref()).cloned()
    }

    /// Takes note of a directory in a worktree, so that what was said there stays with the project when the worktree goes.
    pub(crate) fn note_tree(&self, id: &ProjectId, directory: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.projects.entry(id.to_string()).or_default();
        if !known.trees.iter().any(|tree| tree == directory) {
            known.trees.push(directory.to_owned());
            let surplus = known.trees.len().saturating_sub(TREES);
            known.trees.drain(..surplus);
            state.unsaved = true;
        }
    }

    /// Takes note of a project that is new.
    fn made(&self, row: &ProjectRow) {
        let now = directory_at(Path::new(&row.path));
        self.state.lock().unwrap_or_else(PoisonError::into_inner).note(&row.id, now);
    }

    /// Writes down what was noted.
    pub(crate) fn save(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::take(&mut state.unsaved) {
            return;
        }
        let text = serde_json::to_vec(&state.projects).unwrap_or_default();
        if let Err(error) = write_private(&self.file, &text) {
            state.unsaved = true;
            tracing::warn!(%error, "where projects are is not written down; a directory that is moved becomes a new one");
        }
    }
}

impl State {
    /// The project that a path is, where this directory is now.
    fn look<'a>(&self, rows: &'a [ProjectRow], path: &str, now: Option<&String>) -> Option<&'a ProjectRow> {
        if let Some(row) = rows.iter().find(|row| row.path == path) {
            return Some(row);
        }
        let known = |row: &ProjectRow| self.projects.get(row.id.as_str());
        let Some(now) = now else {
            // There is nothing any more: what worked there is where the directory went, or was in a worktree.
            return rows.iter().find(|row| known(row).is_some_and(|known| known.had(path)));
        };
        let is_it = |row: &&ProjectRow| known(row).and_then(|known| known.directory.as_ref()) == Some(now);
        rows.iter().filter(is_it).find(|row| !Path::new(&row.path).exists())
    }

    fn note(&mut self, id: &ProjectId, directory: Option<String>) {
        let known = self.projects.entry(id.to_string()).or_default();
        if directory.is_some() && known.directory != directory {
            known.directory = directory;
            self.unsaved = true;
        }
    }

    fn moved(&mut self, row: &ProjectRow) {
        let known = self.projects.entry(row.id.to_string()).or_default();
        known.before.retain(|path| *path != row.path);
        known.before.push(row.path.clone());
        let surplus = known.before.len().saturating_sub(PATHS);
        known.before.drain(..surplus);
        self.unsaved = true;
    }
}

/// What tells a directory from every other one, also when its number is used again.
fn directory_at(path: &Path) -> Option<String> {
    let meta = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_dir)?;
    let made = meta.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{}:{}", meta.ino(), made.as_nanos()))
}

impl Node {
    /// The project of a directory, and what is to be written if it is new or was moved. To be called while
    /// [`recording`](Self::recording).
    pub(crate) async fn project_at(&self, path: &str) -> Result<(ProjectRow, Vec<Write>), LogError> {
        let rows = self.shared.log.projects().await?;
        let (row, rows) = self.project_called(rows, path, None).await?;
        Ok((row, rows.into_iter().map(Write::Project).collect()))
    }

    /// The same among all that are known, with an id that is its first one if it is new, and another name of it if it is not.
    /// The rows are those that are to be written.
    pub(crate) async fn project_called(
        &self,
        rows: Vec<ProjectRow>,
        path: &str,
        id: Option<ProjectId>,
    ) -> Result<(ProjectRow, Vec<ProjectRow>), LogError> {
        let (all, at) = (rows.clone(), path.to_owned());
        if let Some((row, moved)) = self.of_directories(move |known| known.find(&all, &at)).await? {
            let is_new = |id: &ProjectId| rows.iter().all(|known| known.id != *id);
            let alias = id.filter(is_new).map(|id| ProjectRow {
                id,
                path: path.to_owned(),
                title: None,
                trusted: false,
                // The oldest is the project.
                created_at: clock::now().max(row.created_at.plus_millis(1)),
            });
            // Its other names go along.
            let before = rows.iter().find(|known| known.id == row.id).map(|known| known.path.clone());
            let all = rows.into_iter().filter(|known| moved && Some(&known.path) == before.as_ref());
            let there = all.map(|known| ProjectRow { path: path.to_owned(), ..known });
            return Ok((row, there.chain(alias).collect()));
        }
        let id = id.unwrap_or_else(|| ProjectId::from_uuid(clock::new_uuid()));
        let row =
            ProjectRow { id, path: path.to_owned(), title: None, trusted: false, created_at: clock::now() };
        let made = row.clone();
        self.of_directories(move |known| known.made(&made)).await?;
        Ok((row.clone(), vec![row]))
    }

    /// The project that a path is or was, if there is one.
    pub(crate) async fn project_known_at(&self, path: &str) -> Result<Option<ProjectRow>, LogError> {
        let (rows, path) = (self.shared.log.projects().await?, path.to_owned());
        self.of_directories(move |known| known.known(&rows, &path)).await
    }

    /// Writes down what was learnt of directories.
    pub(crate) async fn save_directories(&self) {
        if let Err(error) = self.of_directories(Directories::save).await {
            tracing::warn!(%error, "where projects are is not written down yet");
        }
    }

    /// Asks them off the runtime: a directory may be on a disk that does not answer.
    async fn of_directories<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Directories) -> T + Send + 'static,
    ) -> Result<T, LogError> {
        let shared = Arc::clone(&self.shared);
        let asked = off_thread(move || Ok(ask(&shared.directories))).await;
        asked.map_err(|e| LogError::Storage { message: e.to_string(), full: false })
    }

    /// Where projects are and were.
    pub(crate) fn directories(&self) -> &Directories {
        &self.shared.directories
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, path: &Path) -> ProjectRow {
        let (id, path) = (ProjectId::parse(id).unwrap(), path.to_str().unwrap().to_owned());
        ProjectRow { id, path, title: None, trusted: false, created_at: clock::now() }
    }

    #[test]
    fn a_directory_that_was_moved_is_the_same_project_and_a_copy_is_not() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        std::fs::create_dir(at("old")).unwrap();
        let directories = Directories::open(home.path());
        let one = row("prj_one", &at("old"));
        directories.made(&one);
        // Another directory beside it is another project, whatever is in it.
        std::fs::create_dir(at("copy")).unwrap();
        assert_eq!(directories.find(std::slice::from_ref(&one), &text(&at("copy"))), None);
        std::fs::rename(at("old"), at("new")).unwrap();
        directories.save();
        let directories = Directories::open(home.path());
        let (row, moved) = directories.find(std::slice::from_ref(&one), &text(&at("new"))).unwrap();
        assert!(moved && row.id == one.id && row.path == text(&at("new")));
        // What its records call by the old path is in it too.
        assert_eq!(directories.find(std::slice::from_ref(&row), &one.path), Some((row.clone(), false)));
        assert_eq!(directories.before(&one.id), [one.path.as_str()]);
        // Unless there is another directory now.
        std::fs::create_dir(at("old")).unwrap();
        assert_eq!(directories.find(std::slice::from_ref(&row), &one.path), None);
    }

    #[test]
    fn what_was_said_in_a_worktree_that_is_gone_stays_with_its_project() {
        let home = tempfile::tempdir().unwrap();
        let (main, tree) = (home.path().join("main"), home.path().join("tree"));
        std::fs::create_dir(&main).unwrap();
        let rows = [row("prj_main", &main)];
        let tree = tree.to_str().unwrap();
        let directories = Directories::open(home.path());
        assert_eq!(directories.known(&rows, tree), None);
        for _ in 0..2 {
            directories.note_tree(&rows[0].id, tree);
        }
        directories.save();
        let directories = Directories::open(home.path());
        assert_eq!(directories.known(&rows, tree).as_ref(), Some(&rows[0]));
        assert_eq!(directories.find(&rows, tree), Some((rows[0].clone(), false)), "it was not moved there");
        for n in 0..TREES {
            directories.note_tree(&rows[0].id, &format!("/tree/{n}"));
        }
        assert_eq!(directories.known(&rows, tree), None, "the oldest are forgotten");
    }
}
