//! Projects by their ids. A directory is one project, whatever it was called by: its first id stays, and an id that a client gave
//! it later is another name of it. A row of the log with a path that an older row has is such a name.
//!
//! Which project a directory is stands in [`super::directories`].

use tenure_event::ProjectId;
use tenure_log::{EventLog as _, LogError, ProjectRow};

use super::Node;

/// All projects of a node, oldest first.
#[derive(Debug)]
pub(crate) struct Projects(Vec<ProjectRow>);

impl Projects {
    /// Out of the log's rows, oldest first.
    pub(crate) fn new(rows: Vec<ProjectRow>) -> Self {
        Self(rows)
    }

    /// The project that is called so.
    pub(crate) fn named(&self, id: &str) -> Option<&ProjectRow> {
        let row = self.0.iter().find(|row| row.id.as_str() == id)?;
        self.at(&row.path)
    }

    /// The project of a directory.
    pub(crate) fn at(&self, path: &str) -> Option<&ProjectRow> {
        self.0.iter().find(|row| row.path == path)
    }

    /// Other names of the project of a directory.
    pub(crate) fn aliases(&self, path: &str) -> Vec<ProjectId> {
        self.0.iter().filter(|row| row.path == path).skip(1).map(|row| row.id.clone()).collect()
    }

    /// Each project, without its other names.
    pub(crate) fn each(&self) -> impl Iterator<Item = &ProjectRow> {
        let mut seen = std::collections::BTreeSet::new();
        self.0.iter().filter(move |row| seen.insert(row.path.as_str()))
    }
}

impl Node {
    /// All projects.
    pub(crate) async fn projects(&self) -> Result<Projects, LogError> {
        Ok(Projects::new(self.shared.log.projects().await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_directory_is_one_project_by_any_of_its_names() {
        let row = |id: &str, path: &str| ProjectRow {
            id: ProjectId::parse(id).unwrap(),
            path: path.to_owned(),
            title: None,
            trusted: false,
            created_at: clock::now(),
        };
        let all = Projects::new(vec![row("a", "/one"), row("b", "/two"), row("c", "/one")]);
        let called = |id| all.named(id).map(|row| row.id.as_str());
        assert_eq!(
            (called("a"), called("b"), called("c"), called("d")),
            (Some("a"), Some("b"), Some("a"), None)
        );
        assert_eq!(all.each().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(all.aliases("/one"), [ProjectId::parse("c").unwrap()]);
        assert_eq!(all.aliases("/two"), []);
    }
}
