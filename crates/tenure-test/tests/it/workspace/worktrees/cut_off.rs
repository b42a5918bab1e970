//! The daemon is killed around each command of git's: what it was about is finished or taken back when it is up again.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::{Value, json};
use tenure_test::daemon::TestDaemon;

use super::{at, in_worktree, tree_of};
use crate::repository::{Repository, until};

/// A daemon whose git kills it, where that is asked for.
struct Deadly {
    daemon: TestDaemon,
    order: PathBuf,
}

/// Before or after the command with this first word, or these two; or before it, and it is carried out when the next daemon is up.
const POINTS: [&str; 3] = ["before", "after", "late"];

impl Deadly {
    async fn start() -> Self {
        let setup = TestDaemon::setup();
        let (bin, order) = (setup.scratch().join("bin"), setup.scratch().join("order"));
        std::fs::create_dir(&bin).unwrap();
        let script = format!(
            "#!/bin/sh\nPATH=/usr/local/bin:/usr/bin:/bin\nread word when < '{order}' 2>/dev/null\n\
             case \"$word\" in \"$1\"|\"$1/$2\") ;; *) when=never;; esac\n\
             pid() {{ sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p' '{home}/daemon.json'; }}\n\
             die() {{ rm '{order}'; dead=$(pid); kill -9 $dead; }}\n\
             if [ \"$when\" = before ]; then die; sleep 0.1; exit 1; fi\n\
             if [ \"$when\" = late ]; then die\n\
             for n in $(seq 100); do [ -n \"$(pid)\" ] && [ \"$(pid)\" != $dead ] && sleep 0.3 && break; sleep 0.05; done; fi\n\
             git \"$@\"; code=$?\n\
             if [ \"$when\" = after ]; then die; sleep 0.1; exit 1; fi\nexit $code\n",
            order = order.display(),
            home = setup.home().display(),
        );
        std::fs::write(bin.join("git"), script).unwrap();
        std::fs::set_permissions(bin.join("git"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
        Self { daemon: setup.env("PATH", &path).start().await, order }
    }

    /// Sends a request that kills the daemon; brings the daemon up again.
    async fn dies(&self, word: &str, when: &str, method: &str, path: &str, body: &Value) {
        std::fs::write(&self.order, format!("{word} {when}\n")).unwrap();
        let answer = self.daemon.try_request(method, path, body, &[]).await;
        assert!(answer.is_err() && !self.order.exists(), "{word} {when}: {answer:?}");
        self.daemon.kill_and_restart().await;
    }
}

#[tokio::test]
async fn a_worktree_that_was_being_made_is_taken_back() {
    let deadly = Deadly::start().await;
    let daemon = &deadly.daemon;
    let repo = Repository::new(daemon);
    let before = (repo.state(), repo.branches());
    let worktree = json!({"repo": repo.path(), "branch": "topic"});
    let request =
        json!({"id": "mine", "agent": "scripted", "start": false, "workspace": {"worktree": worktree}});
    for (word, when) in ["update-ref", "worktree/list", "worktree/add"]
        .into_iter()
        .flat_map(|word| POINTS.map(|when| (word, when)))
    {
        deadly.dies(word, when, "POST", "/v1/sessions", &request).await;
        until(&format!("{word} {when}"), || {
            (repo.state(), repo.branches()) == before
                && repo.worktrees() == 1
                && std::fs::read_dir(daemon.home().join("workspaces")).map_or(0, Iterator::count) == 0
        })
        .await;
        daemon.get("/v1/sessions/mine").await.problem(404, "not_found");
    }
    // The same request again makes it.
    let session = daemon.create(&request).await;
    assert!(tree_of(&session.view().await["workspace"]).join("file").exists());
}

#[tokio::test]
async fn a_merge_is_finished_or_never_was() {
    let deadly = Deadly::start().await;
    let daemon = &deadly.daemon;
    let repo = Repository::new(daemon);
    let (_session, workspace) = in_worktree(daemon, &json!({"repo": repo.path(), "branch": "topic"})).await;
    let tree = tree_of(&workspace);
    for (n, (word, when)) in ["commit-tree", "write-tree", "read-tree", "update-ref"]
        .into_iter()
        .flat_map(|word| POINTS.map(|when| (word, when)))
        .enumerate()
    {
        // Of the same length each time: git has to look at the bytes.
        let words = format!("round {n}\n");
        std::fs::write(tree.join("file"), &words).unwrap();
        std::fs::write(tree.join(format!("new {n}")), "new\n").unwrap();
        let _ = std::fs::remove_file(tree.join(format!("new {}", n.wrapping_sub(1))));
        let before = repo.state();
        deadly.dies(word, when, "POST", &at(&workspace, "/merge"), &json!({"commit": "work"})).await;
        until(&format!("{word} {when}: nothing is locked or halfway"), || {
            let admin = PathBuf::from(repo.git_in(&tree, &["rev-parse", "--absolute-git-dir"]));
            let locked = [repo.path().join(".git"), admin].iter().any(|dir| dir.join("index.lock").exists());
            !locked && repo.git(&["status", "--porcelain"]).is_empty()
        })
        .await;
        let arrived = repo.git(&["rev-parse", "main"]) == repo.git_in(&tree, &["rev-parse", "HEAD"]);
        let whole = repo.read("file") == words && repo.path().join(format!("new {n}")).exists();
        assert!(
            if arrived && repo.state() != before { whole } else { repo.state() == before },
            "{word} {when}"
        );
        // The work is still there, and comes in now.
        daemon.post(&at(&workspace, "/merge"), &json!({"commit": "work"})).await.ok(200);
        assert_eq!(repo.read("file"), words, "{word} {when}");
        assert_eq!(repo.git_in(&tree, &["status", "--porcelain"]), "", "{word} {when}");
        assert_eq!(repo.git(&["status", "--porcelain"]), "", "{word} {when}");
    }
}

#[tokio::test]
async fn a_merge_that_was_cut_off_in_its_files_is_taken_back_and_what_a_person_changed_stays() {
    let deadly = Deadly::start().await;
    let daemon = &deadly.daemon;
    let repo = Repository::new(daemon);
    let (_session, workspace) = in_worktree(daemon, &json!({"repo": repo.path(), "branch": "topic"})).await;
    let tree = tree_of(&workspace);
    std::fs::write(tree.join("file"), "merged\n").unwrap();
    std::fs::create_dir(tree.join("deep")).unwrap();
    std::fs::write(tree.join("deep/new"), "a long text that is cut off\n").unwrap();
    std::fs::remove_file(tree.join("sub/gone")).unwrap();
    repo.git_in(&tree, &["add", "-A"]);
    repo.git_in(&tree, &["commit", "-qm", "work"]);
    std::fs::write(&deadly.order, "read-tree after\n").unwrap();
    let answer = daemon.try_request("POST", &at(&workspace, "/merge"), &json!({}), &[]).await;
    assert!(answer.is_err());
    daemon.kill_9();
    assert_eq!(repo.read("file"), "merged\n", "the files had come");
    repo.write("deep/new", "a long te");
    repo.write("file", "what a person wrote meanwhile\n");
    daemon.restart().await;
    until("it is taken back", || !repo.path().join(".git/index.lock").exists()).await;
    assert_eq!(repo.git(&["status", "--porcelain"]), "M file");
    assert_eq!(repo.read("file"), "what a person wrote meanwhile\n");
    assert_eq!(repo.read("sub/gone"), "here\n");
    assert!(!repo.path().join("deep").exists());
}

#[tokio::test]
async fn a_worktree_that_was_on_its_way_out_is_gone() {
    let deadly = Deadly::start().await;
    let daemon = &deadly.daemon;
    let repo = Repository::new(daemon);
    for (n, when) in POINTS.into_iter().enumerate() {
        let name = format!("topic{n}");
        let (session, workspace) = in_worktree(daemon, &json!({"repo": repo.path(), "branch": name})).await;
        session.verb("close").await;
        deadly.dies("branch", when, "POST", &at(&workspace, "/discard"), &json!({})).await;
        until("it is gone", || {
            repo.branches() == ["main"]
                && std::fs::read_dir(daemon.home().join("workspaces")).unwrap().count() == 0
        })
        .await;
        assert_eq!(repo.worktrees(), 1);
        // The same with its last session.
        let (session, _) = in_worktree(daemon, &json!({"repo": repo.path(), "branch": name})).await;
        deadly.dies("branch", when, "DELETE", &session.path(""), &Value::Null).await;
        until("it is gone with its session", || {
            repo.branches() == ["main"]
                && std::fs::read_dir(daemon.home().join("workspaces")).unwrap().count() == 0
        })
        .await;
    }
}
