//! A repository that names programs in its own configuration gets none of them run.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use tenure_test::daemon::TestDaemon;

use super::{at, in_worktree, tree_of};
use crate::repository::Repository;

#[tokio::test]
async fn no_hook_filter_driver_or_monitor_of_a_repository_runs() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    let trap = daemon.workdir();
    let (program, sprung) = (trap.join("program"), trap.join("sprung"));
    std::fs::write(&program, format!("#!/bin/sh\necho \"$0 $*\" >> '{}'\ncat\n", sprung.display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    repo.write(".gitattributes", "* filter=evil diff=evil merge=evil\n");
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-qm", "attributes"]);
    let hooks = repo.path().join(".git/hooks");
    for hook in ["post-checkout", "reference-transaction", "post-index-change", "pre-commit", "commit-msg"] {
        std::fs::copy(&program, hooks.join(hook)).unwrap();
    }
    let path = program.to_str().unwrap();
    for name in [
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "diff.evil.textconv",
        "diff.evil.command",
        "merge.evil.driver",
        "core.fsmonitor",
        "diff.external",
        "gpg.program",
        "core.pager",
        "core.editor",
    ] {
        repo.git(&["config", name, path]);
    }
    repo.git(&["config", "filter.evil.required", "true"]);
    repo.git(&["config", "commit.gpgSign", "true"]);
    let _ = std::fs::remove_file(&sprung);
    let (session, workspace) = in_worktree(&daemon, &json!({"repo": repo.path(), "branch": "topic"})).await;
    let tree = tree_of(&workspace);
    std::fs::write(tree.join("file"), "one\nagent\n").unwrap();
    std::fs::write(tree.join("new"), "new\n").unwrap();
    daemon.get(&at(&workspace, "")).await.ok(200);
    daemon.get(&at(&workspace, "/diff")).await.ok(200);
    let done =
        daemon.post(&at(&workspace, "/merge"), &json!({"commit": "work", "squash": true})).await.ok(200);
    assert_eq!(done["how"], "squash");
    assert_eq!(repo.read("file"), "one\nagent\n");
    session.verb("close").await;
    daemon.post(&at(&workspace, "/discard"), &json!({"force": true})).await.ok(200);
    assert!(!sprung.exists(), "{}", std::fs::read_to_string(&sprung).unwrap_or_default());
    // They would have run.
    repo.write("file", "changed\n");
    repo.git(&["config", "--unset", "filter.evil.process"]);
    repo.git(&["-c", "core.fsmonitor=false", "add", "file"]);
    let all = std::fs::read_to_string(&sprung).expect("a person's git runs them");
    assert!(all.contains("program"), "{all}");
}

#[tokio::test]
async fn a_repository_cannot_say_that_its_files_are_elsewhere() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    let elsewhere = daemon.workdir();
    std::fs::write(elsewhere.join("private"), "somebody's own\n").unwrap();
    let (_session, workspace) = in_worktree(&daemon, &json!({"repo": repo.path(), "branch": "topic"})).await;
    let tree = tree_of(&workspace);
    std::fs::write(tree.join("new"), "new\n").unwrap();
    repo.git(&["config", "extensions.worktreeConfig", "true"]);
    repo.git_in(&tree, &["config", "--worktree", "core.worktree", elsewhere.to_str().unwrap()]);
    let seen = daemon.get(&at(&workspace, "")).await.ok(200);
    assert_eq!(seen["worktree"]["unsaved"]["files"], json!(["?? new"]), "{seen}");
    let diff = daemon.get(&at(&workspace, "/diff")).await.ok(200);
    assert_eq!((&diff["files_total"], &diff["files"][0]["path"]), (&json!(1), &json!("new")), "{diff}");
    let done = daemon.post(&at(&workspace, "/merge"), &json!({"commit": "work"})).await.ok(200);
    assert_eq!(done["files"], 1, "{done}");
    assert_eq!(repo.read("new"), "new\n");
    assert_eq!(repo.git(&["ls-tree", "-r", "--name-only", "main"]), ".gitignore\nfile\nnew\nsub/gone");
}
