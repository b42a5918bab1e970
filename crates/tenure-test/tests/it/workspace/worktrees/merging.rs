//! The work of a worktree comes into a branch, or nothing is changed.

use serde_json::{Value, json};
use tenure_test::daemon::TestDaemon;

use super::{at, in_worktree, tree_of};
use crate::repository::Repository;

/// A worktree on `topic` with a commit and a change that is not committed.
async fn with_work(daemon: &TestDaemon, repo: &Repository) -> Value {
    let (_session, workspace) = in_worktree(daemon, &json!({"repo": repo.path(), "branch": "topic"})).await;
    let tree = tree_of(&workspace);
    std::fs::write(tree.join("committed"), "work\n").unwrap();
    repo.git_in(&tree, &["add", "committed"]);
    repo.git_in(&tree, &["commit", "-qm", "work"]);
    workspace
}

async fn merge(daemon: &TestDaemon, workspace: &Value, body: &Value) -> tenure_test::daemon::Answer {
    daemon.post(&at(workspace, "/merge"), body).await
}

#[tokio::test]
async fn a_branch_that_is_checked_out_goes_forward_with_its_files() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    let workspace = with_work(&daemon, &repo).await;
    let tree = tree_of(&workspace);
    repo.write("mine", "not tracked, and none of this\n");
    std::fs::write(tree.join("later"), "later\n").unwrap();
    std::fs::remove_file(tree.join("sub/gone")).unwrap();
    let refused = merge(&daemon, &workspace, &json!({})).await.problem(409, "conflict");
    assert_eq!(refused["data"]["files"], json!([" D sub/gone", "?? later"]), "{refused}");
    let before = repo.state();
    let plan = merge(&daemon, &workspace, &json!({"commit": "the rest", "dry_run": true})).await.ok(200);
    assert_eq!(
        (&plan["how"], &plan["commits"], &plan["files"]),
        (&json!("fast_forward"), &json!(2), &json!(3))
    );
    assert_eq!((&plan["into"], &plan["after"]), (&json!("main"), &Value::Null));
    assert_eq!(repo.state(), before);
    assert_eq!(
        repo.git_in(&tree, &["status", "--porcelain"]),
        "D sub/gone\n?? later",
        "nothing is committed"
    );
    let done = merge(&daemon, &workspace, &json!({"commit": "the rest"})).await.ok(200);
    assert_eq!(done["updated"], json!(repo.path()), "{done}");
    assert_eq!(done["after"], json!(repo.git(&["rev-parse", "main"])));
    assert_eq!(done["committed"], json!(repo.git_in(&tree, &["rev-parse", "HEAD"])));
    assert_eq!((repo.read("committed"), repo.read("later")), ("work\n".into(), "later\n".into()));
    assert!(!repo.path().join("sub").exists());
    assert_eq!(repo.git(&["status", "--porcelain"]), "?? mine");
    assert_eq!(repo.git_in(&tree, &["status", "--porcelain"]), "");
    assert_eq!(repo.git(&["log", "--format=%s"]), "the rest\nwork\nfirst");
    assert!(!repo.path().join(".git/index.lock").exists());
    // Again there is nothing to do.
    let again = merge(&daemon, &workspace, &json!({})).await.ok(200);
    assert_eq!((&again["how"], &again["before"]), (&json!("nothing"), &again["after"]));
    assert_eq!(daemon.get(&at(&workspace, "/diff")).await.ok(200)["files_total"], 0);
}

#[tokio::test]
async fn a_file_that_was_written_anew_with_the_same_bytes_is_no_change() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    let (_session, workspace) = in_worktree(&daemon, &json!({"repo": repo.path(), "branch": "topic"})).await;
    let tree = tree_of(&workspace);
    std::fs::write(tree.join("file"), "work\n").unwrap();
    repo.git_in(&tree, &["commit", "-qam", "work"]);
    // No git command looks at it between this and the merge: that would note its new time.
    let file = std::fs::File::options().write(true).open(repo.path().join("file")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    merge(&daemon, &workspace, &json!({})).await.ok(200);
    assert_eq!((repo.read("file"), repo.git(&["status", "--porcelain"])), ("work\n".into(), String::new()));
}

#[tokio::test]
async fn both_sides_come_together_and_a_squash_is_one_commit() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    let workspace = with_work(&daemon, &repo).await;
    repo.git(&["branch", "release"]);
    repo.write("file", "two\n");
    repo.git(&["commit", "-qam", "mine"]);
    let done = merge(&daemon, &workspace, &json!({"message": "both"})).await.ok(200);
    assert_eq!(done["how"], "merge");
    assert_eq!(repo.git(&["log", "--format=%s", "-1"]), "both");
    assert_eq!(repo.git(&["rev-list", "--parents", "-1", "main"]).split(' ').count(), 3);
    assert_eq!((repo.read("file"), repo.read("committed")), ("two\n".into(), "work\n".into()));
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
    // A branch that is checked out nowhere just moves.
    let state = repo.state();
    let done = merge(&daemon, &workspace, &json!({"into": "release", "squash": true})).await.ok(200);
    assert_eq!((&done["how"], &done["updated"]), (&json!("squash"), &Value::Null));
    assert_eq!(repo.git(&["log", "--format=%s", "release"]), "Take in the work of topic\nfirst");
    assert_eq!(repo.state(), state);
}

#[tokio::test]
async fn what_does_not_go_together_is_told_and_nothing_is_changed() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    let workspace = with_work(&daemon, &repo).await;
    let tree = tree_of(&workspace);
    std::fs::write(tree.join("file"), "theirs\n").unwrap();
    repo.git_in(&tree, &["commit", "-qam", "theirs"]);
    repo.write("file", "mine\n");
    repo.git(&["commit", "-qam", "mine"]);
    std::fs::write(tree.join("extra"), "x").unwrap();
    let (before, theirs) = (repo.state(), repo.git_in(&tree, &["rev-parse", "HEAD"]));
    let refused = merge(&daemon, &workspace, &json!({"commit": "extra"})).await.problem(409, "conflict");
    assert_eq!(refused["data"]["conflicts"], json!(["file"]), "{refused}");
    assert_eq!(repo.state(), before);
    assert_eq!(repo.git_in(&tree, &["rev-parse", "HEAD"]), theirs, "nothing was committed either");
    assert_eq!(repo.git_in(&tree, &["status", "--porcelain"]), "?? extra");
    std::fs::remove_file(tree.join("extra")).unwrap();
    for (body, status, code, field) in [
        (json!({"into": "none"}), 404, "not_found", json!("into")),
        (json!({"into": "--help"}), 404, "not_found", json!("into")),
        (json!({"into": "topic"}), 400, "invalid", json!("into")),
        (json!({"onto": "main"}), 400, "invalid", json!("onto")),
    ] {
        let refused = merge(&daemon, &workspace, &body).await.problem(status, code);
        assert_eq!(refused["field"], field, "{body}");
    }
}

#[tokio::test]
async fn a_checked_out_branch_whose_files_are_changed_is_left_alone() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    let workspace = with_work(&daemon, &repo).await;
    let refused_as = async |words: &str| {
        let before = repo.state();
        let refused = merge(&daemon, &workspace, &json!({})).await.problem(409, "conflict");
        assert!(refused["detail"].as_str().unwrap().contains(words), "{refused}");
        assert_eq!(repo.state(), before);
    };
    repo.write("file", "changed\n");
    refused_as("not committed there").await;
    repo.git(&["add", "file"]);
    refused_as("not committed there").await;
    repo.git(&["reset", "-q", "--hard"]);
    // What git does not know must not be written over.
    repo.write("committed", "somebody's own\n");
    refused_as("would be overwritten").await;
    assert_eq!(repo.read("committed"), "somebody's own\n");
    std::fs::remove_file(repo.path().join("committed")).unwrap();
    std::fs::write(repo.path().join(".git/index.lock"), "").unwrap();
    refused_as("another git command").await;
    assert!(repo.path().join(".git/index.lock").exists(), "it is not ours");
    std::fs::remove_file(repo.path().join(".git/index.lock")).unwrap();
    std::fs::write(repo.path().join(".git/MERGE_HEAD"), "").unwrap();
    refused_as("in the middle of a merge").await;
    std::fs::remove_file(repo.path().join(".git/MERGE_HEAD")).unwrap();
    merge(&daemon, &workspace, &json!({})).await.ok(200);
}
