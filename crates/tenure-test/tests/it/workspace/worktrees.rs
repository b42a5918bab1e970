//! Git worktrees as workspaces: made for a session, seen, merged, discarded, gone with it; and never anything of the
//! person's own touched.

mod cut_off;
mod discarding;
mod hostile;
mod merging;

use std::path::PathBuf;

use serde_json::{Value, json};
use tenure_test::daemon::{TestDaemon, TestSession};

use crate::repository::Repository;

/// A session that does nothing, in a new worktree.
pub(super) async fn in_worktree(daemon: &TestDaemon, worktree: &Value) -> (TestSession, Value) {
    let request = json!({"agent": "scripted", "start": false, "workspace": {"worktree": worktree}});
    let session = daemon.create(&request).await;
    let workspace = session.view().await["workspace"].clone();
    (session, workspace)
}

pub(super) fn tree_of(workspace: &Value) -> PathBuf {
    PathBuf::from(workspace["path"].as_str().expect("a path"))
}

pub(super) fn at(workspace: &Value, rest: &str) -> String {
    format!("/v1/workspaces/{}{rest}", workspace["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_session_works_in_a_new_worktree_and_the_repository_stays_as_it_was() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    repo.write("file", "changed and not committed\n");
    repo.write("staged", "staged\n");
    repo.git(&["add", "staged"]);
    repo.write("untracked", "untracked\n");
    let before = repo.state();
    let sub = repo.path().join("sub");
    let choice = json!({"repo": sub, "branch": "topic", "setup": {"shell": "echo made > ready; echo hello"}});
    let (session, workspace) = in_worktree(&daemon, &choice).await;
    let tree = tree_of(&workspace);
    assert_eq!(workspace["kind"], "worktree");
    assert!(tree.starts_with(daemon.home()), "{tree:?}");
    assert_eq!(session.view().await["cwd"], json!(tree));
    let project = session.view().await["project"]["path"].clone();
    assert_eq!(project, json!(repo.path()), "it belongs to its repository");
    assert_eq!(std::fs::read_to_string(tree.join("file")).unwrap(), "one\n", "as it is committed");
    assert_eq!(std::fs::read_to_string(tree.join("ready")).unwrap(), "made\n");
    assert_eq!(repo.git_in(&tree, &["symbolic-ref", "HEAD"]), "refs/heads/topic");
    // Its branch is the only thing that came.
    assert_eq!(repo.state(), before);
    assert_eq!(repo.branches(), ["main", "topic"]);
    let seen = daemon.get(&at(&workspace, "")).await.ok(200);
    let worktree = &seen["worktree"];
    assert_eq!((&worktree["branch"], &worktree["base_branch"]), (&json!("topic"), &json!("main")));
    assert_eq!(worktree["base"], json!(repo.git(&["rev-parse", "main"])));
    assert_eq!(
        (&worktree["setup"]["exit_code"], &worktree["setup"]["stdout"]),
        (&json!(0), &json!("hello\n"))
    );
    assert_eq!((&seen["sessions"], &seen["owned"]), (&json!([session.id]), &json!(true)));
    assert!(seen["bytes"].as_u64().is_some_and(|bytes| bytes > 10), "{seen}");
    let listed = daemon.get("/v1/workspaces?kind=worktree").await.ok(200);
    assert_eq!(listed["items"][0]["id"], workspace["id"]);
    // Another session shares it, and its agent works there.
    let second = daemon.create(&json!({"agent": "scripted", "workspace": workspace["id"]})).await;
    second.run(&tenure_scripted::script(&json!([{"fs_write": "made", "text": "by an agent"}]))).await;
    assert_eq!(std::fs::read_to_string(tree.join("made")).unwrap(), "by an agent");
    assert_eq!(second.view().await["project"]["path"], project);
    let of_it =
        daemon.get(&format!("/v1/sessions?workspace={}", workspace["id"].as_str().unwrap())).await.ok(200);
    assert_eq!(of_it["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_branch_may_exist_and_a_base_may_be_named() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    repo.git(&["tag", "old"]);
    repo.write("file", "two\n");
    repo.git(&["commit", "-qam", "second"]);
    repo.git(&["branch", "there", "old"]);
    let (_, of_tag) = in_worktree(&daemon, &json!({"repo": repo.path(), "base": "old"})).await;
    assert_eq!(std::fs::read_to_string(tree_of(&of_tag).join("file")).unwrap(), "one\n");
    let seen = daemon.get(&at(&of_tag, "")).await.ok(200);
    assert!(seen["worktree"]["branch"].as_str().is_some_and(|name| name.starts_with("tenure/")), "{seen}");
    assert_eq!(
        (&seen["worktree"]["base_branch"], &seen["worktree"]["branch_made"]),
        (&Value::Null, &json!(true))
    );
    let (session, of_branch) = in_worktree(&daemon, &json!({"repo": repo.path(), "branch": "there"})).await;
    assert_eq!(repo.git_in(&tree_of(&of_branch), &["symbolic-ref", "HEAD"]), "refs/heads/there");
    assert_eq!(daemon.get(&at(&of_branch, "")).await.ok(200)["worktree"]["branch_made"], json!(false));
    // It was there before, and stays.
    daemon.request("DELETE", &session.path(""), &Value::Null).await.ok(200);
    assert!(!tree_of(&of_branch).exists() && repo.branches().contains(&"there".to_owned()));
}

#[tokio::test]
async fn what_cannot_be_made_is_refused_and_leaves_nothing() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    let (plain, empty) = (daemon.workdir(), daemon.workdir());
    repo.git_in(&empty, &["init", "-q"]);
    let before = (repo.state(), repo.branches());
    let path = repo.path();
    for (worktree, status, field) in [
        (json!({"repo": plain}), 400, "workspace.worktree.repo"),
        (json!({"repo": empty}), 400, "workspace.worktree.repo"),
        (json!({"repo": "here"}), 400, "workspace.worktree.repo"),
        (json!({"repo": path.join("none")}), 400, "workspace.worktree.repo"),
        (json!({"repo": path, "base": "none"}), 400, "workspace.worktree.base"),
        (json!({"repo": path, "base": "--help"}), 400, "workspace.worktree.base"),
        (json!({"repo": path, "branch": "-b"}), 400, "workspace.worktree.branch"),
        (json!({"repo": path, "branch": "a..b"}), 400, "workspace.worktree.branch"),
        (json!({"repo": path, "branch": "@{-1}"}), 400, "workspace.worktree.branch"),
        (json!({"repo": path, "branch": "main"}), 409, "workspace.worktree.branch"),
        (json!({"repo": path, "branch": "main", "base": "main"}), 409, "workspace.worktree.base"),
        (json!({"repo": path, "setup": {}}), 400, "workspace.worktree.setup.command"),
        (
            json!({"repo": path, "setup": {"shell": "x", "timeout_ms": 0}}),
            400,
            "workspace.worktree.setup.timeout_ms",
        ),
        (json!({"repo": path, "setup": {"command": ["/none"]}}), 400, "workspace.worktree.setup"),
        (
            json!({"repo": path, "setup": {"shell": "sleep 60", "timeout_ms": 50}}),
            400,
            "workspace.worktree.setup",
        ),
        (
            json!({"repo": path, "setup": {"shell": "echo broken >&2; exit 3"}}),
            400,
            "workspace.worktree.setup",
        ),
        (json!({"repo": path, "brnch": "x"}), 400, "workspace.worktree.brnch"),
    ] {
        let request = json!({"agent": "scripted", "start": false, "workspace": {"worktree": worktree}});
        let refusal = daemon.post("/v1/sessions", &request).await;
        assert_eq!(
            (refusal.status, &refusal.body["field"]),
            (status, &json!(field)),
            "{worktree} {}",
            refusal.text
        );
        if worktree["setup"]["shell"].as_str().is_some_and(|text| text.contains("broken")) {
            assert_eq!(refusal.body["data"]["setup"]["stderr"], "broken\n", "{}", refusal.text);
        }
    }
    // What had been made is taken back before the answer.
    let left = std::fs::read_dir(daemon.home().join("workspaces")).map_or(0, Iterator::count);
    assert_eq!((left, repo.worktrees(), (repo.state(), repo.branches())), (0, 1, before));
}

#[tokio::test]
async fn the_same_create_again_is_the_same_session_in_the_same_worktree() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    let request = json!({"id": "mine", "agent": "scripted", "start": false,
        "workspace": {"worktree": {"repo": repo.path(), "branch": "topic", "setup": {"shell": "sleep 0.3"}}}});
    let asked = [daemon.post("/v1/sessions", &request), daemon.post("/v1/sessions", &request)];
    let [first, second] = asked;
    let (first, second) = tokio::join!(first, second);
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201], "{} {}", first.text, second.text);
    assert_eq!(first.body["workspace"], second.body["workspace"]);
    assert_eq!(repo.worktrees(), 2);
}

#[tokio::test]
async fn a_setup_needs_the_scope_of_commands() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    let token = daemon.post("/v1/tokens", &json!({"name": "narrow", "scope": "sessions"})).await.ok(201);
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let create = async |worktree: Value| {
        let body = json!({"agent": "scripted", "start": false, "workspace": {"worktree": worktree}});
        daemon.request_with("POST", "/v1/sessions", &body, &[("authorization", &bearer)]).await
    };
    let refused = create(json!({"repo": repo.path(), "setup": {"shell": "true"}})).await;
    assert_eq!(refused.problem(403, "forbidden")["data"]["scope"], "workspace");
    create(json!({"repo": repo.path()})).await.ok(201);
}

#[tokio::test]
async fn a_diff_tells_what_is_committed_changed_and_new() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    let (_session, workspace) = in_worktree(&daemon, &json!({"repo": repo.path(), "branch": "topic"})).await;
    let tree = tree_of(&workspace);
    let empty = daemon.get(&at(&workspace, "/diff")).await.ok(200);
    assert_eq!(
        (&empty["files_total"], &empty["commits"], &empty["uncommitted"]),
        (&json!(0), &json!(0), &json!(false))
    );
    std::fs::write(tree.join("committed"), "a\nb\n").unwrap();
    repo.git_in(&tree, &["add", "committed"]);
    repo.git_in(&tree, &["commit", "-qm", "work"]);
    std::fs::write(tree.join("file"), "one\ntwo\n").unwrap();
    std::fs::remove_file(tree.join("sub/gone")).unwrap();
    std::fs::create_dir(tree.join("new dir")).unwrap();
    std::fs::write(tree.join("new dir/näme"), "new\n").unwrap();
    std::fs::write(tree.join("image"), [0_u8, 159, 1]).unwrap();
    std::fs::write(tree.join("noise.log"), "ignored").unwrap();
    let index = repo.git_in(&tree, &["ls-files", "-s"]);
    // The branch that it came from goes on; that is no change of the worktree.
    repo.write("file", "elsewhere\n");
    repo.git(&["commit", "-qam", "elsewhere"]);
    let diff = daemon.get(&at(&workspace, "/diff")).await.ok(200);
    assert_eq!((&diff["commits"], &diff["uncommitted"]), (&json!(1), &json!(true)), "{diff}");
    let files: Vec<(&str, &str)> = diff["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (file["path"].as_str().unwrap(), file["status"].as_str().unwrap()))
        .collect();
    let expected = [
        ("committed", "added"),
        ("file", "modified"),
        ("image", "added"),
        ("new dir/näme", "added"),
        ("sub/gone", "deleted"),
    ];
    assert_eq!(files, expected);
    assert!(diff["files"][1]["diff"].as_str().unwrap().contains("+two"), "{diff}");
    assert_eq!((&diff["files"][2]["binary"], &diff["files"][3]["insertions"]), (&json!(true), &json!(1)));
    assert!(diff["files"][3]["diff"].as_str().unwrap().contains("+new"), "{diff}");
    assert_eq!(repo.git_in(&tree, &["ls-files", "-s"]), index, "its index is its own");
    let other = daemon.create(&json!({"agent": "scripted", "cwd": repo.path(), "start": false})).await;
    let own = other.view().await["workspace"].clone();
    daemon.get(&at(&own, "/diff")).await.problem(400, "invalid");
}
