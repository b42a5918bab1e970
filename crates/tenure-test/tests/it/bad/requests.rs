//! Requests that cannot be honoured.

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::TestDaemon;

async fn invalid(daemon: &TestDaemon, change: Value, field: &str, words: &[&str]) {
    let mut request = json!({"agent": "scripted", "cwd": daemon.workdir()});
    for (name, value) in change.as_object().unwrap() {
        request[name] = value.clone();
    }
    let problem = daemon.post("/v1/sessions", &request).await.says(400, "invalid", words);
    assert_eq!(problem["field"], field, "{problem}");
}

#[tokio::test]
async fn a_create_that_cannot_be_honoured_is_refused_by_the_name_of_the_field() {
    let daemon = TestDaemon::start().await;
    invalid(&daemon, json!({"cwd": "/no/such/directory"}), "cwd", &["/no/such/directory"]).await;
    invalid(&daemon, json!({"cwd": "relative"}), "cwd", &["relative", "absolute"]).await;
    invalid(&daemon, json!({"cwd": "/etc/hostname"}), "cwd", &["/etc/hostname"]).await;
    invalid(&daemon, json!({"agent": "nobody"}), "agent", &["`nobody`", "claude", "scripted"]).await;
    invalid(&daemon, json!({"colour": "red"}), "colour", &["colour"]).await;
    let limits = json!({"limits": {"turn_second": 3}});
    invalid(&daemon, limits, "limits.turn_second", &["turn_second"]).await;
    invalid(&daemon, json!({"limits": {"turn_seconds": "3"}}), "limits.turn_seconds", &["string"]).await;
    invalid(&daemon, json!({"id": "no good/id"}), "id", &["64"]).await;
    invalid(&daemon, json!({"input": "  "}), "input", &["says nothing"]).await;
    invalid(&daemon, json!({"env": {"A=B": "c"}}), "env", &["A=B"]).await;
    invalid(&daemon, json!({"project": "prj_x"}), "cwd", &["exactly one"]).await;
    assert_eq!(daemon.get("/v1/sessions").await.ok(200)["items"], json!([]), "nothing was created");
    let left = std::fs::read_dir(daemon.home().join("sessions")).map(Iterator::count).unwrap_or_default();
    assert_eq!(left, 0, "nothing is left of it");
}

#[tokio::test]
async fn a_mode_that_asks_nobody_must_be_allowed_by_name() {
    let agents = ["acp", "claude", "codex"].map(|protocol| {
        format!("[agents.my-{protocol}]\nprotocol = \"{protocol}\"\ncommand = [\"/nowhere\"]\n")
    });
    let daemon = TestDaemon::setup().config(&agents.concat()).start().await;
    for (agent, mode) in [
        ("claude", "bypassPermissions"),
        ("codex", "full-access"),
        ("goose", "auto"),
        ("opencode", "yolo"),
        ("claude-agent-acp", "bypassPermissions"),
        ("codex-acp", "agent-full-access"),
        ("gemini", "yolo"),
        ("scripted", "bypass"),
        // Programs of the user's own that speak a protocol have its modes.
        ("my-acp", "bypassPermissions"),
        ("my-claude", "bypassPermissions"),
        ("my-codex", "never/workspace-write"),
    ] {
        let request = json!({"agent": agent, "cwd": daemon.workdir(), "mode": mode, "start": false});
        let problem = daemon.post("/v1/sessions", &request).await.says(403, "forbidden", &["allow_bypass"]);
        assert_eq!(problem["field"], "mode", "{agent}");
    }
    assert_eq!(daemon.get("/v1/sessions").await.ok(200)["items"], json!([]), "nothing was created");
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let daemon = TestDaemon::start().await;
    for (method, path) in [
        ("GET", "/v1/sessions/ses_none"),
        ("PATCH", "/v1/sessions/ses_none"),
        ("DELETE", "/v1/sessions/ses_none"),
        ("GET", "/v1/sessions/ses_none/events"),
        ("GET", "/v1/sessions/ses_none/events/stream"),
        ("GET", "/v1/sessions/ses_none/messages"),
        ("GET", "/v1/sessions/ses_none/transcript"),
        ("GET", "/v1/sessions/ses_none/inputs"),
        ("GET", "/v1/sessions/ses_none/asks"),
        ("GET", "/v1/sessions/ses_none/raw"),
        ("GET", "/v1/sessions/no%20id"),
        ("POST", "/v1/sessions/ses_none/interrupt"),
        ("POST", "/v1/sessions/ses_none/suspend"),
        ("POST", "/v1/sessions/ses_none/resume"),
        ("POST", "/v1/sessions/ses_none/close"),
        ("POST", "/v1/sessions/ses_none/kill"),
        ("GET", "/v1/nothing"),
        ("GET", "/nothing"),
    ] {
        let body = if method == "GET" { Value::Null } else { json!({}) };
        daemon.request(method, path, &body).await.problem(404, "not_found");
    }
    let input = json!({"input": "hello"});
    let path = "/v1/sessions/ses_none/inputs";
    daemon.post(path, &input).await.says(404, "not_found", &["ses_none", "tenure ls"]);
    daemon.post("/v1/asks/ask_none", &json!({"decision": "allow"})).await.problem(404, "not_found");
    let session = daemon.create(&json!({"agent": "scripted", "cwd": daemon.workdir(), "start": false})).await;
    let path = session.path("/inputs/inp_none");
    daemon.request("DELETE", &path, &Value::Null).await.problem(404, "not_found");
}

#[tokio::test]
async fn bodies_are_json_of_a_bounded_size() {
    let daemon = TestDaemon::start().await;
    let session = daemon.create(&json!({"agent": "scripted", "cwd": daemon.workdir(), "start": false})).await;
    daemon.post("/v1/sessions", &json!("raw:{\"agent\": ")).await.says(400, "invalid", &["EOF"]);
    daemon.post("/v1/sessions", &json!("raw:agent = 1")).await.problem(400, "invalid");
    let title = json!({"title": "x".repeat(1 << 20)});
    let path = session.path("");
    daemon.request("PATCH", &path, &title).await.says(413, "too_large", &["1048576"]);
    let input = json!({"input": "x".repeat(64 << 20)});
    daemon.post(&session.path("/inputs"), &input).await.says(413, "too_large", &["67108864"]);
    assert_eq!(session.get("/inputs").await["items"], json!([]));
}

#[tokio::test]
async fn queries_are_checked_like_bodies() {
    let daemon = TestDaemon::start().await;
    for (query, field) in [
        ("colour=red", "colour"),
        ("lifecycle=dead", "lifecycle"),
        ("activity=lazy", "activity"),
        ("archived=maybe", "archived"),
        ("cursor=zzz", "cursor"),
        ("limit=0", "limit"),
        ("limit=many", "limit"),
    ] {
        let problem = daemon.get(&format!("/v1/sessions?{query}")).await.problem(400, "invalid");
        assert_eq!(problem["field"], field, "{query}: {problem}");
    }
}

#[tokio::test]
async fn a_closed_session_takes_no_input_and_closes_twice() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    let pid = session.pid().await;
    assert_eq!(session.verb("close").await["hit"], json!([format!("process:{pid}")]));
    assert_eq!(session.verb("close").await["hit"], json!([]));
    assert_eq!(session.verb("kill").await["hit"], json!([]));
    let refused = session.post("/inputs", &json!({"input": "hello"})).await;
    refused.says(409, "closed", &["resume"]);
    session.post("/suspend", &json!({})).await.problem(409, "closed");
    session.verb("resume").await;
    assert_eq!(session.run(&script(&json!([{"text": "back"}]))).await["text"], "back");
}

#[tokio::test]
async fn a_conversation_is_held_by_one_session() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    let view = session.view().await;
    for resume in [json!({"native_id": view["native_id"]}), json!({"latest": true})] {
        let request = json!({"agent": "scripted", "cwd": view["cwd"], "resume": resume});
        let problem = daemon.post("/v1/sessions", &request).await.says(409, "conflict", &[&session.id]);
        assert_eq!(problem["session_id"], session.id);
    }
    let request = json!({"agent": "scripted", "cwd": daemon.workdir(), "resume": {"latest": true}});
    daemon.post("/v1/sessions", &request).await.problem(404, "not_found");
    let request = json!({"agent": "scripted", "cwd": view["cwd"], "resume": {}});
    daemon.post("/v1/sessions", &request).await.problem(400, "invalid");
}

#[tokio::test]
async fn nobody_is_let_in_without_a_token() {
    let daemon = TestDaemon::start().await;
    let get = |headers: Vec<(&'static str, String)>| {
        let daemon = daemon.clone();
        async move {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
            daemon.request_with("GET", "/v1/sessions", &Value::Null, &headers).await
        }
    };
    get(vec![("authorization", String::new())]).await.says(401, "unauthorized", &["token"]);
    get(vec![("authorization", "Bearer wrong".into())]).await.problem(401, "unauthorized");
    get(vec![("host", "evil.example".into())]).await.says(403, "forbidden", &["evil.example", "hosts"]);
    get(vec![("origin", "http://evil.example".into())]).await.says(403, "forbidden", &["origins"]);
    let created = daemon.post("/v1/tokens", &json!({"name": "eyes", "scope": "read"})).await.ok(201);
    let bearer = format!("Bearer {}", created["token"].as_str().unwrap());
    get(vec![("authorization", bearer.clone())]).await.ok(200);
    let request = json!({"agent": "scripted", "cwd": "/tmp"});
    let headers = [("authorization", bearer.as_str())];
    let refused = daemon.request_with("POST", "/v1/sessions", &request, &headers).await;
    refused.says(403, "forbidden", &["sessions"]);
}
