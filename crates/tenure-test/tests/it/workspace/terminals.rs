//! Commands that agents have run by Tenure (ACP terminals).

use std::os::unix::fs::symlink;

use serde_json::json;
use tenure_host::process::find_marked;
use tenure_scripted::script;
use tenure_test::daemon::TestDaemon;

const OFFERED: &str = "[agents.scripted]\nprotocol = \"scripted\"\nterminals = true\n";

#[tokio::test]
async fn an_agent_runs_commands_and_reads_what_they_wrote() {
    let daemon = TestDaemon::setup().config(OFFERED).start().await;
    let (work, outside) = (daemon.workdir(), daemon.workdir());
    std::fs::create_dir(work.join("sub")).unwrap();
    symlink(&outside, work.join("out")).unwrap();
    let session = daemon.create(&json!({"agent": "scripted", "cwd": work, "wait": "live"})).await;
    let place = work.canonicalize().unwrap().join("sub");
    for (step, said) in [
        (
            json!({"command": "sh", "args": ["-c", "echo $OWN; echo err >&2; exit 3"], "env": {"OWN": "words"}}),
            "terminal: code 3, signal null, truncated false: words\nerr\n".to_owned(),
        ),
        (
            json!({"command": "pwd", "cwd": "sub"}),
            format!("terminal: code 0, signal null, truncated false: {}\n", place.display()),
        ),
        (
            json!({"command": "sh", "args": ["-c", "head -c 100000 /dev/zero | tr '\\0' x; printf 'é€'"], "limit": 4}),
            "terminal: code 0, signal null, truncated true: €".to_owned(),
        ),
        (
            json!({"command": "sh", "args": ["-c", "setsid sleep 1000 & sleep 1000"], "kill": true}),
            "terminal: code null, signal \"SIGKILL\", truncated false: ".to_owned(),
        ),
    ] {
        let text = session.run(&script(&json!([{"terminal": step}]))).await["text"].clone();
        assert_eq!(text.as_str().unwrap().trim_end(), said.trim_end(), "{step}");
    }
    for (step, why) in [
        (json!({"command": "no-such-program"}), "no-such-program"),
        (json!({"command": "ls -l"}), "ls -l"),
        (json!({"command": "pwd", "cwd": "out"}), "outside"),
        (json!({"command": "pwd", "cwd": ".."}), "outside"),
        (json!({"command": "pwd", "cwd": "none"}), "does not exist"),
    ] {
        let text =
            session.run(&script(&json!([{"terminal": step}]))).await["text"].as_str().unwrap().to_owned();
        assert!(text.starts_with("terminal/create failed: ") && text.contains(why), "{step}: {text}");
    }
    let own = session.view().await["process"]["pid"].as_i64().unwrap();
    let marked = find_marked("TENURE_SESSION", &session.id);
    assert!(marked.iter().all(|m| i64::from(m.process.pid) == own), "{marked:?}");
    let unknown = json!([{"request": {"method": "terminal/output", "params": {"sessionId": "s", "terminalId": "term_x"}}}]);
    let text = session.run(&script(&unknown)).await["text"].as_str().unwrap().to_owned();
    assert!(text.contains("there is no terminal `term_x`"), "{text}");
}

#[tokio::test]
async fn a_command_ends_with_its_agent_and_with_its_daemon() {
    let daemon = TestDaemon::setup().config(OFFERED).start().await;
    let endless = json!([{"terminal": {"command": "sh", "args": ["-c", "setsid sleep 1000 & sleep 1000"]}}]);
    let of = |id: &str| find_marked("TENURE_SESSION", id).into_iter().map(|m| m.process).collect::<Vec<_>>();
    // Its agent waits for it, and its processes are there, with the agent three at least.
    let at_work = async |session: &tenure_test::daemon::TestSession| {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            let asked = session.get("/raw").await.to_string().contains("terminal/wait_for_exit");
            let tree = of(&session.id);
            if asked && tree.len() >= 3 {
                return tree;
            }
            assert!(std::time::Instant::now() < deadline, "the command did not begin: {asked} {tree:?}");
        }
    };
    let gone = async |tree: &[tenure_host::PidRef]| {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while tree.iter().any(tenure_host::PidRef::is_alive) {
            assert!(std::time::Instant::now() < deadline, "{tree:?} are left");
            tokio::task::yield_now().await;
        }
    };
    let session = daemon.live("scripted").await;
    session.send(&script(&endless)).await;
    let tree = at_work(&session).await;
    session.verb("close").await;
    gone(&tree).await;
    // A daemon that dies takes it along, and the agent is told so.
    let session = daemon.live("scripted").await;
    session.send(&script(&endless)).await;
    let mut tree = at_work(&session).await;
    let own = i32::try_from(session.pid().await).unwrap();
    tree.retain(|p| p.pid != own);
    daemon.kill_and_restart().await;
    gone(&tree).await;
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed", "{end}");
    let said = session.get("/messages").await;
    assert!(
        said.to_string().contains("terminal/wait_for_exit failed: -32603 the host was restarted"),
        "{said}"
    );
}

#[tokio::test]
async fn an_agent_to_which_none_are_offered_is_told_that_there_are_none() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    let text = session.run(&script(&json!([{"terminal": {"command": "true"}}]))).await["text"].clone();
    assert!(text.as_str().unwrap().starts_with("terminal/create failed: -32601"), "{text}");
}
