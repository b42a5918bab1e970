//! A worktree goes by name, or with its last session; what would be lost keeps it.

use serde_json::{Value, json};
use tenure_test::daemon::TestDaemon;

use super::{at, in_worktree, tree_of};
use crate::repository::Repository;

#[tokio::test]
async fn what_would_be_lost_is_named_and_only_force_loses_it() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    let (session, workspace) = in_worktree(&daemon, &json!({"repo": repo.path(), "branch": "topic"})).await;
    let tree = tree_of(&workspace);
    std::fs::write(tree.join("new"), "x").unwrap();
    std::fs::write(tree.join("noise.log"), "ignored files are no work").unwrap();
    repo.git_in(&tree, &["commit", "-q", "--allow-empty", "-m", "only here"]);
    let discard = async |body: &Value| daemon.post(&at(&workspace, "/discard"), body).await;
    let refused = discard(&json!({})).await.problem(409, "conflict");
    assert_eq!(refused["data"]["unsaved"]["files"], json!(["?? new"]), "{refused}");
    assert!(refused["data"]["unsaved"]["commits"][0].as_str().unwrap().ends_with("only here"), "{refused}");
    // Nobody may be at work there.
    session.verb("resume").await;
    assert_eq!(
        discard(&json!({"force": true})).await.problem(409, "busy")["data"]["sessions"],
        json!([session.id])
    );
    session.verb("close").await;
    let gone = discard(&json!({"force": true})).await.ok(200);
    assert_eq!((&gone["branch"], &gone["lost"]["files_total"]), (&json!("topic"), &json!(1)), "{gone}");
    assert!(!tree.exists());
    assert_eq!((repo.branches(), repo.worktrees()), (vec!["main".to_owned()], 1));
    discard(&json!({})).await.problem(404, "not_found");
    let seen = daemon.get(&at(&workspace, "")).await.ok(200);
    assert_eq!((&seen["present"], &seen["worktree"]), (&json!(false), &Value::Null));
    let request = json!({"agent": "scripted", "workspace": workspace["id"]});
    assert_eq!(daemon.post("/v1/sessions", &request).await.problem(404, "not_found")["field"], "workspace");
    assert_eq!(daemon.get("/v1/workspaces").await.ok(200)["items"], json!([]));
    assert_eq!(daemon.get("/v1/workspaces?gone=true").await.ok(200)["items"][0]["id"], workspace["id"]);
}

#[tokio::test]
async fn it_goes_with_its_last_session_unless_work_is_in_it() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    let destroy =
        async |id: &str| daemon.request("DELETE", &format!("/v1/sessions/{id}"), &Value::Null).await.ok(200);
    // Nothing was done.
    let (first, unused) = in_worktree(&daemon, &json!({"repo": repo.path(), "branch": "unused"})).await;
    let second =
        daemon.create(&json!({"agent": "scripted", "workspace": unused["id"], "start": false})).await;
    destroy(&first.id).await;
    assert!(tree_of(&unused).exists(), "the second session works in it");
    assert_eq!(destroy(&second.id).await["remained"], json!([]));
    assert!(!tree_of(&unused).exists());
    // Commits stay with their branch.
    let (session, done) = in_worktree(&daemon, &json!({"repo": repo.path(), "branch": "done"})).await;
    repo.git_in(&tree_of(&done), &["commit", "-q", "--allow-empty", "-m", "work"]);
    assert_eq!(destroy(&session.id).await["remained"], json!([]));
    assert!(!tree_of(&done).exists());
    assert_eq!(repo.branches(), ["done", "main"]);
    // Files that are not committed stay where they are, and that is told.
    let (session, dirty) = in_worktree(&daemon, &json!({"repo": repo.path(), "branch": "dirty"})).await;
    std::fs::write(tree_of(&dirty).join("new"), "x").unwrap();
    let told = destroy(&session.id).await;
    assert_eq!(told["remained"], json!([format!("workspace:{}", dirty["id"].as_str().unwrap())]));
    daemon.kill_and_restart().await;
    assert!(tree_of(&dirty).join("new").exists());
    let seen = daemon.get(&at(&dirty, "")).await.ok(200);
    assert_eq!((&seen["sessions"], &seen["worktree"]["unsaved"]["files_total"]), (&json!([]), &json!(1)));
    daemon.post(&at(&dirty, "/discard"), &json!({"force": true})).await.ok(200);
    assert_eq!((repo.branches(), repo.worktrees()), (vec!["done".to_owned(), "main".to_owned()], 1));
    assert_eq!(std::fs::read_dir(daemon.home().join("workspaces")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_commit_on_no_branch_and_a_rebase_in_the_middle_are_work_too() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    let (_session, workspace) = in_worktree(&daemon, &json!({"repo": repo.path(), "branch": "topic"})).await;
    let tree = tree_of(&workspace);
    let unsaved = async || daemon.get(&at(&workspace, "")).await.ok(200)["worktree"]["unsaved"].clone();
    repo.git_in(&tree, &["checkout", "-q", "--detach"]);
    repo.git_in(&tree, &["commit", "-q", "--allow-empty", "-m", "loose"]);
    let loose = unsaved().await;
    assert!(loose["loose_commits"][0].as_str().unwrap().ends_with("loose"), "{loose}");
    assert_eq!((&loose["commits"], &loose["in_progress"]), (&json!([]), &Value::Null));
    daemon.post(&at(&workspace, "/discard"), &json!({})).await.problem(409, "conflict");
    let admin = repo.git_in(&tree, &["rev-parse", "--absolute-git-dir"]);
    std::fs::create_dir(std::path::Path::new(&admin).join("rebase-merge")).unwrap();
    assert_eq!(unsaved().await["in_progress"], "rebase");
}

#[tokio::test]
async fn a_repository_that_is_gone_holds_nobody_up() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    let (session, workspace) = in_worktree(&daemon, &json!({"repo": repo.path()})).await;
    std::fs::remove_dir_all(repo.path()).unwrap();
    assert_eq!(daemon.get(&at(&workspace, "")).await.ok(200)["present"], json!(true));
    daemon.get(&at(&workspace, "/diff")).await.problem(409, "conflict");
    session.verb("close").await;
    daemon.post(&at(&workspace, "/discard"), &json!({})).await.problem(409, "conflict");
    daemon.post(&at(&workspace, "/discard"), &json!({"force": true})).await.ok(200);
    assert!(!tree_of(&workspace).exists());
}

#[tokio::test]
async fn a_directory_that_somebody_took_away_is_forgotten_and_its_commits_are_not() {
    let daemon = TestDaemon::start().await;
    let repo = Repository::new(&daemon);
    let (session, workspace) = in_worktree(&daemon, &json!({"repo": repo.path(), "branch": "topic"})).await;
    let tree = tree_of(&workspace);
    repo.git_in(&tree, &["commit", "-q", "--allow-empty", "-m", "work"]);
    std::fs::remove_dir_all(&tree).unwrap();
    let seen = daemon.get(&at(&workspace, "")).await.ok(200);
    assert_eq!((&seen["present"], &seen["worktree"]["branch"]), (&json!(false), &json!("topic")));
    let told = daemon.request("DELETE", &session.path(""), &Value::Null).await.ok(200);
    assert_eq!(told["remained"], json!([]));
    assert_eq!((repo.branches(), repo.worktrees()), (vec!["main".to_owned(), "topic".to_owned()], 1));
}
