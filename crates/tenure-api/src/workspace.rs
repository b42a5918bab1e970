//! Workspaces: the directories in which sessions work, and what can be done with one that is a git worktree.

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use tenure_event::{SessionId, Timestamp, WorkspaceId};
use utoipa::ToSchema;

use crate::{CheckpointFileDiff, ExecResult};

/// Which workspace: an id, `{scratch: true}` or `{worktree: {…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum WorkspaceChoice {
    /// One that exists.
    Id(String),
    /// A new directory under Tenure's home, removed with its last session.
    Scratch {
        /// Must be true.
        scratch: bool,
    },
    /// A new git worktree under Tenure's home.
    Worktree {
        /// Of what.
        worktree: WorktreeChoice,
    },
}

/// `worktree` of a create.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorktreeChoice {
    /// A directory in the repository, or a bare repository; an absolute path.
    pub repo: String,
    /// The branch. One that exists is checked out as it is; another name, or none, is a new one (`tenure/…` without
    /// a name).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Where a new branch begins: a branch, a tag or a commit (default: what `repo` has checked out). What is not
    /// committed there does not come along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// A command that makes the new directory ready, before the agent is started. If it fails the create fails with
    /// what it said, and nothing is left. Needs the scope `workspace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<WorktreeSetup>,
}

/// A command that makes a new worktree ready. Exactly one of `command` and `shell`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorktreeSetup {
    /// Program and arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// A text for `/bin/sh -c`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// How long it may take, in milliseconds (default 600000, at most 3600000).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3_600_000)]
    pub timeout_ms: Option<u64>,
}

/// What an object may say, so that another field is refused by its name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    scratch: Option<bool>,
    worktree: Option<WorktreeChoice>,
}

impl<'de> Deserialize<'de> for WorkspaceChoice {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ChoiceVisitor)
    }
}

struct ChoiceVisitor;

impl<'de> Visitor<'de> for ChoiceVisitor {
    type Value = WorkspaceChoice;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a workspace's id, {\"scratch\": true} or {\"worktree\": {\"repo\": DIR}}")
    }

    fn visit_str<E: de::Error>(self, id: &str) -> Result<Self::Value, E> {
        Ok(WorkspaceChoice::Id(id.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let Form { scratch, worktree } = Form::deserialize(MapAccessDeserializer::new(map))?;
        match (scratch, worktree) {
            (Some(scratch), None) => Ok(WorkspaceChoice::Scratch { scratch }),
            (None, Some(worktree)) => Ok(WorkspaceChoice::Worktree { worktree }),
            _ => Err(de::Error::custom("give exactly one of `scratch` and `worktree`")),
        }
    }
}

/// `GET /v1/workspaces/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// `directory`, `scratch`, `copy` (of a fork's parent) or `worktree`.
    pub kind: String,
    /// Its path, canonical.
    pub path: String,
    /// Tenure made it, and may remove it. Any other directory is never removed.
    pub owned: bool,
    /// The directory is there.
    pub present: bool,
    /// Sessions that work in it and are not destroyed; the first 1000.
    pub sessions: Vec<SessionId>,
    /// Bytes on the disk of what Tenure made; null for any other directory, and where there is too much to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Of a worktree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<Worktree>,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// What a worktree belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Worktree {
    /// The repository's own directory.
    pub repo: String,
    /// The branch that was checked out when it was made.
    pub branch: String,
    /// The branch was made with it.
    pub branch_made: bool,
    /// The commit at which its work began.
    pub base: String,
    /// The branch that `base` was on: where a merge goes unless it says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_branch: Option<String>,
    /// What its setup said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<ExecResult>,
    /// What would be lost with it; in GET of one workspace, while its directory is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsaved: Option<Unsaved>,
}

/// Work that is nowhere but in a worktree. Files that git ignores are not counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Unsaved {
    /// Files that are not committed, as `git status --short` tells them; the first 200.
    pub files: Vec<String>,
    /// How many.
    pub files_total: u64,
    /// Commits on its branch that no other branch or tag has: hash and subject, newest first; the first 100.
    pub commits: Vec<String>,
    /// Commits that not even its own branch has; the first 100.
    pub loose_commits: Vec<String>,
    /// What git is in the middle of there, for example `rebase`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_progress: Option<String>,
}

/// What a worktree has that its base has not, committed or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceDiff {
    /// The commit that it is compared with: where its branch left `base_branch`, else where its work began.
    pub base: String,
    /// The commit that is checked out in it.
    pub head: String,
    /// Commits from the one to the other.
    pub commits: u64,
    /// Files that are not committed are among the changes.
    pub uncommitted: bool,
    /// Files that differ, by path; the first 1000. A new file that git ignores is none.
    pub files: Vec<CheckpointFileDiff>,
    /// How many differ.
    pub files_total: u64,
    /// Lines that came, in the files that are listed.
    pub insertions: u64,
    /// Lines that went.
    pub deletions: u64,
}

/// `POST /v1/workspaces/{id}/merge`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeWorkspace {
    /// The branch that takes the work in (default: the worktree's `base_branch`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
    /// Commit what is not committed, with this message, before the merge. Without it such work is refused by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Message of the merge, where one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// One commit with all of the work instead of its commits.
    #[serde(default)]
    pub squash: bool,
    /// Only tell what would happen. Nothing is committed.
    #[serde(default)]
    pub dry_run: bool,
}

/// How work came into a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MergeHow {
    /// The branch has all of it already.
    Nothing,
    /// The branch went forward to it.
    FastForward,
    /// By a commit with two parents.
    Merge,
    /// By one commit with all of it.
    Squash,
}

/// What a merge did, or with `dry_run` would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Merged {
    /// It was only planned.
    pub dry_run: bool,
    /// The branch.
    pub into: String,
    /// How.
    pub how: MergeHow,
    /// The branch's commit before.
    pub before: String,
    /// Its commit after; null for a merge that was only planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The commit that `commit` made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<String>,
    /// Commits that came.
    pub commits: u64,
    /// Files that changed in the branch.
    pub files: u64,
    /// The directory in which the branch is checked out, whose files were brought along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
}

/// `POST /v1/workspaces/{id}/discard`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscardWorkspace {
    /// Also what would be lost by it.
    #[serde(default)]
    pub force: bool,
}

/// What went with a worktree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Discarded {
    /// The directory that is gone.
    pub path: String,
    /// The branch that is gone with it; null if it was there before, or has work that was not to be lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// What was lost.
    pub lost: Unsaved,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_one_of_three_and_names_what_it_does_not_know() {
        let read = |text: &str| serde_json::from_str::<WorkspaceChoice>(text).map_err(|e| e.to_string());
        assert_eq!(read("\"wsp_1\""), Ok(WorkspaceChoice::Id("wsp_1".into())));
        assert_eq!(read("{\"scratch\":true}"), Ok(WorkspaceChoice::Scratch { scratch: true }));
        let tree = read("{\"worktree\":{\"repo\":\"/r\",\"branch\":\"b\"}}").expect("a worktree");
        let again = serde_json::to_string(&tree).expect("written");
        assert_eq!(read(&again), Ok(tree));
        for (text, named) in [
            ("{\"scrach\":true}", "unknown field `scrach`"),
            ("{\"worktree\":{\"repo\":\"/r\",\"brnch\":\"b\"}}", "unknown field `brnch`"),
            ("{\"worktree\":{}}", "missing field `repo`"),
            ("{\"scratch\":true,\"worktree\":{\"repo\":\"/r\"}}", "exactly one"),
            ("{}", "exactly one"),
            ("7", "a workspace's id"),
        ] {
            let refusal = read(text).expect_err(text);
            assert!(refusal.contains(named), "{text}: {refusal}");
        }
    }
}
