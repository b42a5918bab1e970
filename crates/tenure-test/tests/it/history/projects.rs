//! Which project a conversation belongs to: worktrees, also of bare repositories and such as are gone, directories that were moved, links.

use std::path::Path;

use serde_json::{Value, json};
use tenure_corpus::Talk;
use tenure_test::daemon::{Setup, TestDaemon};

use crate::repository::Repository;

/// Conversations by their ids, in these directories.
fn talks(setup: &Setup, all: &[(&str, &Path)]) {
    let root = setup.scratch().join("user/.claude");
    for (id, cwd) in all {
        Talk::new(id, cwd).asks("hello").says("hi").write(&root).unwrap();
    }
}

fn id(n: u8) -> String {
    format!("{n:08}-0000-4000-8000-000000000000")
}

async fn settle(daemon: &TestDaemon) {
    daemon.get("/v1/index?wait_ms=60000").await.ok(200);
}

/// Reads everything again, in a daemon that remembers only what is on disk.
async fn rebuild(daemon: &TestDaemon) {
    daemon.kill_9();
    daemon.restart().await;
    daemon.post("/v1/index/rebuild", &Value::Null).await.ok(202);
    settle(daemon).await;
}

async fn listed(daemon: &TestDaemon, query: &str) -> Vec<String> {
    let list = daemon.get(&format!("/v1/history?{query}")).await.ok(200);
    let items = list["items"].as_array().unwrap().iter();
    let mut ids: Vec<String> = items.map(|item| item["native_id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

async fn by_directory(daemon: &TestDaemon, dir: &Path, worktrees: bool) -> Vec<String> {
    listed(daemon, &format!("cwd={}&include_worktrees={worktrees}", dir.display())).await
}

/// Paths of the projects.
async fn projects(daemon: &TestDaemon) -> Vec<Value> {
    let list = daemon.get("/v1/projects").await.ok(200);
    list["items"].as_array().unwrap().iter().map(|item| item["path"].clone()).collect()
}

fn scratch(setup: &Setup) -> std::path::PathBuf {
    let work = setup.scratch().canonicalize().unwrap().join("work");
    std::fs::create_dir_all(&work).unwrap();
    work
}

#[tokio::test]
async fn worktrees_of_a_bare_repository_are_one_project() {
    let setup = TestDaemon::setup();
    let work = scratch(&setup);
    std::fs::create_dir(work.join("first")).unwrap();
    let repo = Repository::at(&work.join("first"));
    let bare = work.join("all.git");
    repo.git(&["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    for name in ["one", "two"] {
        let tree = work.join(name);
        repo.git_in(&bare, &["worktree", "add", "-q", "-b", name, tree.to_str().unwrap()]);
    }
    // As some lay it out: the repository hidden beside its trees.
    let around = work.join("around");
    std::fs::create_dir(&around).unwrap();
    repo.git(&["clone", "-q", "--bare", ".", around.join(".bare").to_str().unwrap()]);
    std::fs::write(around.join(".git"), "gitdir: ./.bare\n").unwrap();
    repo.git_in(&around, &["worktree", "add", "-q", "-b", "three", "three"]);
    let (one, two, three) = (work.join("one"), work.join("two"), around.join("three"));
    talks(&setup, &[(&id(1), &one), (&id(2), &two), (&id(3), &three), (&id(4), &around)]);
    let daemon = setup.start().await;
    for _ in 0..2 {
        settle(&daemon).await;
        let mut paths = projects(&daemon).await;
        paths.sort_by_key(Value::to_string);
        assert_eq!(paths, [json!(bare), json!(around)]);
        assert_eq!(by_directory(&daemon, &one, true).await, [id(1), id(2)]);
        assert_eq!(by_directory(&daemon, &one, false).await, [id(1)]);
        assert_eq!(by_directory(&daemon, &around, true).await, [id(3), id(4)]);
        rebuild(&daemon).await;
    }
}

#[tokio::test]
async fn what_was_said_in_a_worktree_stays_with_its_project_when_that_is_gone() {
    let setup = TestDaemon::setup();
    let work = scratch(&setup);
    std::fs::create_dir(work.join("main")).unwrap();
    let repo = Repository::at(&work.join("main"));
    let tree = work.join("tree");
    repo.git(&["worktree", "add", "-q", "-b", "topic", tree.to_str().unwrap()]);
    talks(&setup, &[(&id(1), repo.path()), (&id(2), &tree), (&id(3), &tree.join("sub"))]);
    let daemon = setup.start().await;
    settle(&daemon).await;
    let before = projects(&daemon).await;
    assert_eq!(before.len(), 2, "the repository, and a directory in it: {before:?}");
    repo.git(&["worktree", "remove", "--force", tree.to_str().unwrap()]);
    rebuild(&daemon).await;
    assert_eq!(projects(&daemon).await, before);
    for dir in [repo.path(), &tree] {
        assert_eq!(by_directory(&daemon, dir, true).await, [id(1), id(2)], "{dir:?}");
    }
    assert_eq!(by_directory(&daemon, &tree, false).await, [id(2)]);
    assert_eq!(by_directory(&daemon, &repo.path().join("sub"), true).await, [id(3)]);
}

/// The project of a new session in a directory.
async fn project_of_a_session(daemon: &TestDaemon, dir: &Path) -> Value {
    let request = json!({"agent": "scripted", "cwd": dir, "start": false});
    let session = daemon.post("/v1/sessions", &request).await.ok(201);
    session["project"]["id"].clone()
}

#[tokio::test]
async fn a_session_in_a_worktree_that_git_made_works_on_the_repository_and_a_mark_alone_joins_nothing() {
    let setup = TestDaemon::setup();
    let work = scratch(&setup);
    std::fs::create_dir(work.join("main")).unwrap();
    let repo = Repository::at(&work.join("main"));
    let tree = work.join("tree");
    repo.git(&["worktree", "add", "-q", "-b", "topic", tree.to_str().unwrap()]);
    talks(&setup, &[(&id(1), &tree)]);
    let daemon = setup.start().await;
    let main = project_of_a_session(&daemon, repo.path()).await;
    assert_eq!(project_of_a_session(&daemon, &tree).await, main);
    settle(&daemon).await;
    let list = daemon.get("/v1/projects").await.ok(200);
    let told = &list["items"][0];
    assert_eq!(
        (&told["id"], &told["sessions"], &told["conversations"]),
        (&main, &json!(2), &json!(3)),
        "{list}"
    );
    assert_eq!(told["paths"], json!([repo.path(), tree]));
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    // What is trusted in the repository is not trusted in a directory that only says that it belongs to it.
    let other = work.join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::copy(tree.join(".git"), other.join(".git")).unwrap();
    assert_ne!(project_of_a_session(&daemon, &other).await, main);
    // A worktree that was recorded as a project is one of its own.
    let own = work.join("own");
    repo.git(&["worktree", "add", "-q", "-b", "own", own.to_str().unwrap()]);
    let recorded = daemon.post("/v1/projects", &json!({"path": own})).await.ok(201);
    assert_eq!(project_of_a_session(&daemon, &own).await, recorded["id"]);
}

#[tokio::test]
async fn a_directory_is_known_after_it_and_what_is_around_it_was_moved_and_by_links_to_it() {
    let setup = TestDaemon::setup();
    let work = scratch(&setup);
    let (old, new) = (work.join("old/pump"), work.join("new/pump"));
    std::fs::create_dir_all(&old).unwrap();
    let link = work.join("link");
    std::os::unix::fs::symlink(&new, &link).unwrap();
    talks(&setup, &[(&id(1), &old)]);
    let daemon = setup.start().await;
    settle(&daemon).await;
    std::fs::rename(work.join("old"), work.join("new")).unwrap();
    for dir in [&old, &new, &link] {
        for worktrees in [true, false] {
            assert_eq!(by_directory(&daemon, dir, worktrees).await, [id(1)], "{dir:?} {worktrees}");
        }
    }
    assert!(
        by_directory(&daemon, &work.join("new"), true).await.is_empty(),
        "what is around it is no such project"
    );

    // One that is named by the link belongs to it, too, and so does one that comes after the move.
    let root = work.parent().unwrap().join("user/.claude");
    Talk::new(&id(2), &link).asks("by the link").write(&root).unwrap();
    Talk::new(&id(3), &new).asks("after the move").write(&root).unwrap();
    settle(&daemon).await;
    for _ in 0..2 {
        assert_eq!(projects(&daemon).await, [json!(new)]);
        for dir in [&new, &link] {
            for worktrees in [true, false] {
                let all = by_directory(&daemon, dir, worktrees).await;
                assert_eq!(all, [id(1), id(2), id(3)], "{dir:?} {worktrees}");
            }
        }
        rebuild(&daemon).await;
    }
}
