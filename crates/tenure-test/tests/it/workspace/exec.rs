//! Commands: what they get, what they give, and that nothing of them stays.

use std::os::unix::fs::symlink;

use rustix::process::Signal;
use serde_json::{Value, json};
use tenure_host::process::find_marked;
use tenure_test::daemon::{TestDaemon, TestSession};

async fn resting(daemon: &TestDaemon) -> TestSession {
    daemon.create(&json!({"agent": "scripted", "cwd": daemon.workdir(), "start": false})).await
}

async fn shell(session: &TestSession, text: &str) -> Value {
    session.post("/exec", &json!({"shell": text})).await.ok(200)
}

/// Processes of this session's commands, by the mark that they inherit.
fn left(session: &TestSession) -> Vec<i32> {
    find_marked("TENURE_SESSION", &session.id).into_iter().map(|m| m.process.pid).collect()
}

#[tokio::test]
async fn a_command_runs_without_an_agent_and_tells_how_it_ended() {
    let daemon = TestDaemon::start().await;
    let session = resting(&daemon).await;
    let command = json!({"command": ["/bin/sh", "-c", "cat; echo \"$1\" >&2; exit 3", "x", "$HOME; --help"], "stdin": "in"});
    let result = session.post("/exec", &command).await.ok(200);
    // Words are words: nothing looks into them.
    let told = (&result["exit_code"], &result["stdout"], &result["stderr"]);
    assert_eq!(told, (&json!(3), &json!("in"), &json!("$HOME; --help\n")));
    assert_eq!((&result["timed_out"], &result["truncated"]), (&json!(false), &json!(false)));
    assert!(result["signal"].is_null() && result["duration_ms"].is_u64(), "{result}");
    let killed = shell(&session, "kill -TERM $$").await;
    assert_eq!((&killed["signal"], &killed["exit_code"]), (&json!(15), &Value::Null));
    let binary = session.post("/exec", &json!({"command": ["cat"], "stdin_base64": "AP9B"})).await.ok(200);
    assert_eq!((&binary["stdout_base64"], &binary["stdout"]), (&json!("AP9B"), &json!("\0\u{fffd}A")));
    let loud = shell(&session, "head -c 3000000 /dev/zero | tr '\\0' x; echo end >&2").await;
    assert_eq!((loud["stdout"].as_str().map(str::len), &loud["truncated"]), (Some(1 << 20), &json!(true)));
    assert_eq!((&loud["stderr"], &loud["exit_code"]), (&json!("end\n"), &json!(0)));
    assert_eq!(session.view().await["lifecycle"], "creating", "no agent was started");
    session.verb("close").await;
    assert_eq!(shell(&session, "echo still").await["stdout"], "still\n");
    let listed = daemon.get("/v1/processes").await.ok(200);
    let execs: Vec<&Value> =
        listed["items"].as_array().unwrap().iter().filter(|p| p["kind"] == "exec").collect();
    assert_eq!(execs.len(), 5, "{listed}");
    assert!(execs.iter().all(|p| p["state"] == "exited" && p["session_id"] == session.id), "{listed}");
    session.daemon_reap(&daemon).await;
    daemon.request("DELETE", &session.path(""), &Value::Null).await.ok(200);
    session.post("/exec", &json!({"shell": "true"})).await.problem(410, "destroyed");
}

trait Reap {
    async fn daemon_reap(&self, daemon: &TestDaemon);
}

impl Reap for TestSession {
    /// Each is reaped once.
    async fn daemon_reap(&self, daemon: &TestDaemon) {
        let reaped = daemon.post("/v1/processes/reap", &json!({})).await.ok(200);
        assert_eq!(reaped["items"].as_array().map(Vec::len), Some(5), "{reaped}");
        let again = daemon.post("/v1/processes/reap", &json!({})).await.ok(200);
        assert_eq!(again["items"], json!([]));
    }
}

#[tokio::test]
async fn the_environment_is_the_sessions_and_nothing_of_the_daemons() {
    let daemon = TestDaemon::start().await;
    let work = daemon.workdir();
    let env = json!({"OWN": "of the session", "GONE": null});
    let request =
        json!({"agent": "scripted", "cwd": work, "start": false, "env": env, "inherit_env": ["PATH"]});
    let session = daemon.create(&request).await;
    let command = json!({"shell": "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^TENURE_ | sort",
        "env": {"MORE": "of the request", "PATH": null, "OWN": "another"}});
    let told = session.post("/exec", &command).await.ok(200);
    assert_eq!(told["stdout"], "MORE=of the request\nOWN=another\n");
    let told =
        shell(&session, "env | cut -d= -f1 | grep -v -e PWD -e SHLVL -e ^_ | sort | tr '\\n' ' '").await;
    assert_eq!(told["stdout"], "OWN PATH TENURE_HOME_MARK TENURE_SESSION ");
    // Whose it is cannot be said by a client.
    let told = session
        .post("/exec", &json!({"shell": "echo $TENURE_SESSION", "env": {"TENURE_SESSION": "x"}}))
        .await;
    assert_eq!(told.ok(200)["stdout"], format!("{}\n", session.id));
}

#[tokio::test]
async fn it_works_below_the_sessions_directory_only() {
    let daemon = TestDaemon::start().await;
    let (work, outside) = (daemon.workdir(), daemon.workdir());
    std::fs::create_dir_all(work.join("a/b")).unwrap();
    std::fs::write(work.join("file"), "").unwrap();
    symlink("a/b", work.join("inner")).unwrap();
    symlink(&outside, work.join("out")).unwrap();
    symlink("../..", work.join("a/up")).unwrap();
    let session = daemon.create(&json!({"agent": "scripted", "cwd": work, "start": false})).await;
    let real = work.canonicalize().unwrap();
    for (cwd, is) in [
        ("", ""),
        (".", ""),
        ("a", "a"),
        ("inner", "a/b"),
        ("a/../a/b", "a/b"),
        (real.join("a").to_str().unwrap(), "a"),
    ] {
        let told = session.post("/exec", &json!({"command": ["pwd", "-P"], "cwd": cwd})).await.ok(200);
        let wanted = real.join(is).components().collect::<std::path::PathBuf>();
        assert_eq!(told["stdout"], format!("{}\n", wanted.display()), "{cwd}");
    }
    let name = outside.file_name().unwrap().to_str().unwrap();
    for cwd in ["..", "/", "/etc", "out", "a/up", "a/../..", &format!("../{name}"), outside.to_str().unwrap()]
    {
        let refused = session.post("/exec", &json!({"command": ["pwd"], "cwd": cwd})).await;
        let refused = refused.problem(403, "forbidden");
        assert_eq!(refused["field"], "cwd", "{cwd}");
    }
    for cwd in ["nowhere", "file", "a\u{0}b"] {
        let refused = session.post("/exec", &json!({"command": ["pwd"], "cwd": cwd})).await;
        assert_eq!(refused.problem(400, "invalid")["field"], "cwd", "{cwd}");
    }
}

#[tokio::test]
async fn what_cannot_be_run_is_refused_by_its_field() {
    let daemon = TestDaemon::start().await;
    let session = resting(&daemon).await;
    for (request, field) in [
        (json!({}), "command"),
        (json!({"command": ["true"], "shell": "true"}), "command"),
        (json!({"command": []}), "command[0]"),
        (json!({"command": [""]}), "command[0]"),
        (json!({"command": ["echo", "a\u{0}"]}), "command[1]"),
        (json!({"command": "ls -l"}), "command"),
        (json!({"command": ["no-such-program"]}), "command[0]"),
        (json!({"command": ["/etc/passwd"]}), "command[0]"),
        (json!({"shell": " "}), "shell"),
        (json!({"shell": "true", "timeout_ms": 0}), "timeout_ms"),
        (json!({"shell": "true", "timeout_ms": 86_400_001}), "timeout_ms"),
        (json!({"shell": "true", "stdin": "a", "stdin_base64": "YQ=="}), "stdin_base64"),
        (json!({"shell": "true", "stdin_base64": "%"}), "stdin_base64"),
        (json!({"shell": "true", "env": {"A=B": "x"}}), "env"),
        (json!({"shell": "true", "env": {"A": "x\u{0}"}}), "env"),
        (json!({"shell": "true", "user": "root"}), "user"),
    ] {
        let refused = session.post("/exec", &request).await.problem(400, "invalid");
        assert_eq!(refused["field"], field, "{request}: {refused}");
    }
    let unknown = session.path("/exec/exe_0");
    daemon.request("DELETE", &unknown, &Value::Null).await.problem(404, "not_found");
}

#[tokio::test]
async fn when_the_time_is_over_the_whole_tree_is_killed() {
    let daemon = TestDaemon::start().await;
    let session = resting(&daemon).await;
    let script =
        "setsid sh -c 'sleep 1000 & sleep 1000' & trap '' TERM HUP; echo begun; while :; do sleep 1000; done";
    let result = session.post("/exec", &json!({"shell": script, "timeout_ms": 400})).await.ok(200);
    assert_eq!(
        (&result["timed_out"], &result["signal"], &result["stdout"]),
        (&json!(true), &json!(9), &json!("begun\n"))
    );
    assert_eq!(left(&session), [] as [i32; 0]);
}

/// Reads a stream of server-sent events up to a frame.
async fn until(answer: &mut reqwest::Response, word: &str) -> String {
    let mut text = String::new();
    while !text.contains(word) {
        let chunk = tokio::time::timeout(std::time::Duration::from_secs(60), answer.chunk()).await;
        let Some(chunk) = chunk.expect("in time").expect("a chunk") else {
            panic!("ended without {word}: {text}")
        };
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    text
}

async fn stream(
    daemon: &TestDaemon,
    session: &TestSession,
    key: Option<&str>,
    body: &Value,
) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.post(format!("{}{}", daemon.url(), session.path("/exec")));
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let request =
        request.bearer_auth(daemon.token()).header("accept", "text/event-stream").body(body.to_string());
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_stream_tells_as_it_comes_and_its_reader_cancels_by_going_away() {
    let daemon = TestDaemon::start().await;
    let session = resting(&daemon).await;
    let body = json!({"shell": "echo out; read x < gate; echo err >&2; exit 4"});
    let gate = daemon_file(&session, "gate").await;
    let mut answer = stream(&daemon, &session, None, &body).await;
    let head = until(&mut answer, "\"out\\n\"").await;
    assert!(head.starts_with("event: started\ndata: {\"exec_id\":\"exe_"), "{head}");
    std::fs::write(gate, "go\n").unwrap();
    let tail = until(&mut answer, "event: ended").await;
    assert!(
        tail.contains("event: stderr\ndata: {\"text\":\"err\\n\"}") && tail.contains("\"exit_code\":4"),
        "{tail}"
    );
    let mut endless =
        stream(&daemon, &session, None, &json!({"shell": "setsid sleep 1000 & echo on; wait"})).await;
    until(&mut endless, "on").await;
    assert!(!left(&session).is_empty());
    drop(endless);
    gone(&daemon, &session).await;
}

/// A pipe in the session's directory, for a command to wait at.
async fn daemon_file(session: &TestSession, name: &str) -> std::path::PathBuf {
    shell(session, &format!("mkfifo {name}")).await;
    std::path::PathBuf::from(session.view().await["cwd"].as_str().unwrap()).join(name)
}

/// Waits until no command of the session runs, by what the daemon says.
async fn gone(daemon: &TestDaemon, session: &TestSession) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let listed = daemon.get("/v1/processes").await.ok(200);
        let runs = |p: &Value| p["kind"] == "exec" && p["state"] == "running";
        if !listed["items"].as_array().unwrap().iter().any(runs) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{listed}");
        tokio::task::yield_now().await;
    }
    assert_eq!(left(session), [] as [i32; 0]);
}

#[tokio::test]
async fn a_command_is_cancelled_by_its_id_and_by_destroy() {
    let daemon = TestDaemon::start().await;
    let session = resting(&daemon).await;
    let endless = json!({"shell": "setsid sleep 1000 & echo on; wait"});
    let mut answer = stream(&daemon, &session, None, &endless).await;
    until(&mut answer, "on").await;
    let listed = daemon.get("/v1/processes").await.ok(200);
    let running: Vec<&Value> = listed["items"].as_array().unwrap().iter().collect();
    assert_eq!(running.len(), 1, "{listed}");
    assert_eq!((&running[0]["kind"], &running[0]["state"]), (&json!("exec"), &json!("running")));
    let id = running[0]["exec_id"].as_str().unwrap();
    // Not by way of another session, and reaping spares what runs.
    let other = resting(&daemon).await;
    daemon
        .request("DELETE", &other.path(&format!("/exec/{id}")), &Value::Null)
        .await
        .problem(404, "not_found");
    daemon.post("/v1/processes/reap", &json!({})).await.ok(200);
    let cancelled =
        daemon.request("DELETE", &session.path(&format!("/exec/{id}")), &Value::Null).await.ok(200);
    assert_eq!((&cancelled["hit"][0], &cancelled["remained"]), (&json!(format!("exec:{id}")), &json!([])));
    let end = until(&mut answer, "event: ended").await;
    assert!(end.contains("\"cancelled\":true"), "{end}");
    assert_eq!(left(&session), [] as [i32; 0]);
    daemon
        .request("DELETE", &session.path(&format!("/exec/{id}")), &Value::Null)
        .await
        .problem(404, "not_found");
    let mut answer = stream(&daemon, &session, None, &endless).await;
    until(&mut answer, "on").await;
    daemon.request("DELETE", &session.path(""), &Value::Null).await.ok(200);
    assert_eq!(left(&session), [] as [i32; 0]);
}

#[tokio::test]
async fn a_key_runs_once_and_its_command_goes_on_without_a_reader() {
    let daemon = TestDaemon::start().await;
    let session = resting(&daemon).await;
    let gate = daemon_file(&session, "gate").await;
    let body = json!({"shell": "echo once >> count; echo begun; read x < gate; cat count"});
    let mut answer = stream(&daemon, &session, Some("k"), &body).await;
    until(&mut answer, "begun").await;
    let key = [("idempotency-key", "k")];
    daemon.request_with("POST", &session.path("/exec"), &body, &key).await.problem(409, "busy");
    drop(answer);
    std::fs::write(&gate, "go\n").unwrap();
    gone(&daemon, &session).await;
    // The answer is kept a moment after the end.
    let again = loop {
        let again = daemon.request_with("POST", &session.path("/exec"), &body, &key).await;
        if again.status != 409 {
            break again.ok(200);
        }
    };
    assert_eq!((&again["stdout"], &again["exit_code"]), (&json!("begun\nonce\n"), &json!(0)));
    let mut replayed = stream(&daemon, &session, Some("k"), &body).await;
    let text = until(&mut replayed, "event: ended").await;
    assert!(text.contains("{\"text\":\"begun\\nonce\\n\"}"), "{text}");
    let other = json!({"shell": "true"});
    daemon.request_with("POST", &session.path("/exec"), &other, &key).await.problem(409, "conflict");
}

#[tokio::test]
async fn no_command_outlives_its_daemon_and_none_runs_twice() {
    let daemon = TestDaemon::start().await;
    let session = resting(&daemon).await;
    let body = json!({"shell": "setsid sleep 1000 & echo begun >> count; echo on; wait"});
    let mut answer = stream(&daemon, &session, Some("k"), &body).await;
    until(&mut answer, "on").await;
    let tree: Vec<_> = find_marked("TENURE_SESSION", &session.id).into_iter().map(|m| m.process).collect();
    assert!(tree.len() >= 2, "{tree:?}");
    daemon.kill_9();
    daemon.restart().await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while tree.iter().any(tenure_host::PidRef::is_alive) {
        assert!(std::time::Instant::now() < deadline, "{tree:?} outlived their daemon");
        tokio::task::yield_now().await;
    }
    let key = [("idempotency-key", "k")];
    let refused = daemon.request_with("POST", &session.path("/exec"), &body, &key).await;
    refused.says(409, "conflict", &["killed it"]);
    assert_eq!(shell(&session, "cat count").await["stdout"], "begun\n");
}

#[tokio::test]
async fn a_lost_agent_takes_no_command_of_a_client_along() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    let mut answer =
        stream(&daemon, &session, None, &json!({"shell": "echo on; read x < gate; echo done"})).await;
    let mut waiting = stream(&daemon, &session, None, &json!({"shell": "mkfifo gate; echo made"})).await;
    until(&mut waiting, "event: ended").await;
    until(&mut answer, "event: ended").await;
    let mut answer =
        stream(&daemon, &session, None, &json!({"shell": "echo on; read x < gate; echo done"})).await;
    until(&mut answer, "on").await;
    daemon.shims().pop().unwrap().shim.signal(Signal::KILL).unwrap();
    session.wait_type("process.exited").await;
    let cwd = session.view().await["cwd"].as_str().unwrap().to_owned();
    std::fs::write(std::path::Path::new(&cwd).join("gate"), "go\n").unwrap();
    let end = until(&mut answer, "event: ended").await;
    assert!(end.contains("done") && end.contains("\"exit_code\":0"), "{end}");
}

#[tokio::test]
async fn a_command_that_could_not_be_started_leaves_its_key_free() {
    let daemon = TestDaemon::start().await;
    let session = resting(&daemon).await;
    let program = daemon_file(&session, "program").await;
    std::fs::remove_file(&program).unwrap();
    let (body, key) = (json!({"command": [program.to_str().unwrap()]}), [("idempotency-key", "k")]);
    for _ in 0..2 {
        let refused = daemon.request_with("POST", &session.path("/exec"), &body, &key).await;
        refused.says(400, "invalid", &["program"]);
    }
    std::fs::copy("/bin/true", &program).unwrap();
    let ran = daemon.request_with("POST", &session.path("/exec"), &body, &key).await.ok(200);
    assert_eq!(ran["exit_code"], 0);
}
