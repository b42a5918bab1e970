//! A worktree is made, its work comes into the branch, and it is given up.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::repo::Repo;
use super::{Doer, Done, Stop, expect};
use crate::crash::daemon::Place;

impl Doer<'_> {
    pub(super) fn trees(&mut self, place: &Place, id: &str) -> Done {
        let dir = place.workspace(id);
        super::picture::furnish(&dir, "committed")?;
        let repo = Repo::new(&dir)?;
        let worktree = json!({"repo": dir.to_string_lossy(), "branch": id});
        let made = self.create(place, id, json!({"start": false, "workspace": {"worktree": worktree}}))?;
        let tree = made["cwd"].as_str().unwrap_or_default().to_owned();
        let workspace = format!("/v1/workspaces/{}", made["workspace"]["id"].as_str().unwrap_or_default());
        let tree = Path::new(&tree);
        repo.has_worktree(tree, id)?;
        let words = format!("{id}: work\n").repeat(40);
        let work = fs::write(tree.join("file-03"), &words)
            .and_then(|()| fs::write(tree.join("new"), &words))
            .and_then(|()| fs::remove_file(tree.join("file-04")));
        work.map_err(|e| Stop::Fault(format!("{}: {e}", tree.display())))?;
        self.insist("POST", &format!("{workspace}/merge"), Some(&json!({"commit": "work"})), None, &[])?;
        repo.has_taken_in(tree)?;
        let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap_or_default();
        let came = read("file-03") == words && read("new") == words && !dir.join("file-04").exists();
        expect(came, || "the files did not come with the branch".to_owned())?;
        if self.is_wanted().is_some() || self.dice.chance(60) {
            self.insist("POST", &format!("/v1/sessions/{id}/close"), Some(&json!({})), None, &[])?;
            self.insist("POST", &format!("{workspace}/discard"), Some(&json!({})), None, &[404, 410])?;
            self.is_alone(&repo)?;
        }
        self.destroy(id)?;
        self.is_alone(&repo)
    }
}
