//! A real MCP server with real agents: listed, called, killed, connected to again, disabled, replaced.

use serde_json::{Value, json};
use tenure_model::Script;
use tenure_test::daemon::TestSession;
use tenure_test::mcp::{self, EverythingServer};

use super::ground::{self, Ground, Kind, support};
use super::turns::one_end_each;

/// A program that is nowhere.
fn broken(name: &str) -> Value {
    json!({"name": name, "type": "stdio", "command": "/nonexistent/server"})
}

pub(super) fn everything(name: &str) -> Value {
    mcp::stdio(name, &json!({})).unwrap()
}

/// A script that calls a tool of a server and then says something.
pub(super) fn call(kind: Kind, server: &str, tool: &str, input: Value) -> Script {
    let script = match kind {
        Kind::Claude | Kind::ClaudeAcp => Script::new().tool(format!("mcp__{server}__{tool}"), input),
        Kind::Codex | Kind::CodexAcp => {
            Script::new().tool(format!("mcp__{server}::{}", tool.replace('-', "_")), input)
        }
        Kind::Goose => Script::new().tool(format!("{server}__{tool}"), input),
        Kind::OpenCode => Script::new().tool(format!("{server}_{tool}"), input),
        Kind::Pi => panic!("it takes no servers"),
    };
    script.text("Called.")
}

/// How a server stands, as the list says now.
async fn server(session: &TestSession, name: &str) -> Value {
    let list = session.get("/mcp").await;
    let found = list["items"].as_array().unwrap().iter().find(|server| server["name"] == name);
    found.cloned().unwrap_or_else(|| panic!("no server {name}: {list}"))
}

/// Asks until a server stands so: agents tell of a death when they notice it.
pub(super) async fn stands(session: &TestSession, name: &str, status: &str) -> Value {
    let so = |event: &Value| {
        let servers = event["data"]["servers"].as_array().cloned().unwrap_or_default();
        servers.into_iter().any(|server| server["name"] == name && server["status"] == status)
    };
    let now = server(session, name).await;
    if now["status"] != status {
        session.wait_for(&format!("{name} {status}"), |e| e["type"] == "mcp.changed" && so(e)).await;
    }
    server(session, name).await
}

fn tools(server: &Value) -> Vec<&str> {
    server["tools"].as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

/// What the model was told that the tool gave.
pub(super) fn result(ground: &Ground) -> String {
    ground.calls().last().unwrap().tool_results().join("\n")
}

/// Tools of a server are called, however it is reached; a server that is nowhere does not keep a session from being.
async fn called(kind: Kind, server: Value) {
    let ground = Ground::new(kind).await;
    let servers = json!([server, broken("nowhere")]);
    let more = json!({"mcp_servers": servers, "permissions": {"default": "allow"}});
    let session = ground.session_with(more).await;
    if support(&session, "mcp_status").await.is_ok() {
        let every = stands(&session, "every", "connected").await;
        assert_eq!((&every["type"], &every["scope"]), (&server["type"], &json!("create")));
        assert!(tools(&every).contains(&"echo"), "{every}");
        let nowhere = stands(&session, "nowhere", "failed").await;
        assert!(nowhere["error"].as_str().is_some_and(|why| why.len() > 5), "{nowhere}");
        assert_eq!(session.view().await["health"]["why"], "mcp");
    }
    session.run(&call(kind, "every", "echo", json!({"message": "zanzibar"})).prompt("Call it.")).await;
    assert!(result(&ground).contains("Echo: zanzibar"), "{}", result(&ground));
    one_end_each(&session.events().await);
}

pub(crate) async fn stdio(kind: Kind) {
    called(kind, everything("every")).await;
}

pub(crate) async fn http(kind: Kind) {
    let server = EverythingServer::start("http").await.unwrap();
    called(kind, server.config("every")).await;
}

pub(crate) async fn sse(kind: Kind) {
    let server = EverythingServer::start("sse").await.unwrap();
    if matches!(kind, Kind::Claude | Kind::OpenCode) {
        return called(kind, server.config("every")).await;
    }
    let ground = Ground::new(kind).await;
    let request = json!({"agent": kind.name(), "cwd": ground.work, "mcp_servers": [server.config("every")], "wait": "live"});
    if kind == Kind::Codex {
        ground.daemon.post("/v1/sessions", &request).await.says(422, "unsupported", &["codex", "mcp_sse"]);
        return;
    }
    // What an ACP agent takes is known once it has said so.
    let session = ground.daemon.create(&request).await;
    support(&session, "mcp_sse").await.unwrap_err();
    let every = self::server(&session, "every").await;
    assert_eq!(every["status"], "failed", "{every}");
    assert!(every["error"].as_str().is_some_and(|why| why.contains("sse")), "{every}");
}

/// A running session's set of servers is changed, or that is refused by name.
pub(crate) async fn changed(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session_with(json!({"permissions": {"default": "allow"}})).await;
    let set = json!({"mcp_servers": [everything("second")]});
    let answer = ground.daemon.request("PUT", &session.path("/mcp"), &set).await;
    match support(&session, "mcp_change").await {
        Ok(()) => {
            assert_eq!(answer.ok(200)["added"], json!(["second"]));
            stands(&session, "second", "connected").await;
            let prompt = call(kind, "second", "echo", json!({"message": "set"})).prompt("Call it.");
            session.run(&prompt).await;
            assert!(result(&ground).contains("Echo: set"), "{}", result(&ground));
        }
        Err(_) if kind == Kind::Pi => {
            // It takes none at any time, and says that.
            let why = support(&session, "mcp_stdio").await.unwrap_err();
            ground::refused(kind, answer, "mcp_stdio", &why);
        }
        Err(why) => {
            ground::refused(kind, answer, "mcp_change", &why);
            assert_eq!(session.get("/mcp").await["items"], json!([]));
        }
    }
}

/// A running session connects to a server again, or says that it cannot.
pub(crate) async fn connected_again(kind: Kind) {
    let ground = Ground::new(kind).await;
    let servers = if kind == Kind::Pi { json!([]) } else { json!([everything("every")]) };
    let session = ground.session_with(json!({"mcp_servers": servers})).await;
    let again = session.post("/mcp/every/reconnect", &json!({})).await;
    match support(&session, "mcp_reconnect").await {
        Ok(()) => {
            again.ok(200);
            assert_eq!(server(&session, "every").await["status"], "connected");
        }
        Err(why) => ground::refused(kind, again, "mcp_reconnect", &why),
    }
}

/// A tool of a server that may do harm runs when a person allowed it, and only then.
pub(crate) async fn asked(kind: Kind) {
    let ground = Ground::new(kind).await;
    if kind == Kind::Pi {
        // It takes none, and refuses each kind of them.
        support(&ground.session().await, "mcp_permissions").await.unwrap_err();
        return;
    }
    let session = ground.session_with(json!({"mcp_servers": [everything("every")]})).await;
    if support(&session, "mcp_status").await.is_ok() {
        stands(&session, "every", "connected").await;
    }
    let input = json!({"name": "x.gz", "data": "data:text/plain,hello", "outputType": "resourceLink"});
    let prompt = call(kind, "every", "gzip-file-as-resource", input).prompt("Call it.");
    let asks = support(&session, "mcp_permissions").await.is_ok();
    for (n, decision) in [(1, "allow"), (2, "deny")] {
        session.send(&prompt).await;
        if asks {
            let ask = session.ask().await;
            assert_eq!(ask["kind"], "permission", "{ask}");
            session.answer(&ask, &json!({"decision": decision})).await.ok(200);
        }
        session.turn_end(n).await;
        let tools = session.events_of("tool.completed").await;
        let done = tools.last().unwrap()["data"]["state"] == "completed";
        assert_eq!((tools.len(), done), (n, asks && decision == "allow"), "{tools:?}");
    }
    let opened = session.events_of("ask.opened").await;
    assert_eq!(opened.len(), if asks { 2 } else { 0 }, "{opened:?}");
    one_end_each(&session.events().await);
}

/// How a server stands is told with its tools, or not at all: never guessed.
pub(crate) async fn told(kind: Kind) {
    let ground = Ground::new(kind).await;
    let servers = if kind == Kind::Pi { json!([]) } else { json!([everything("every")]) };
    let session = ground.session_with(json!({"mcp_servers": servers})).await;
    session.run(&Script::new().text("Hello.").prompt("Say hello.")).await;
    match support(&session, "mcp_status").await {
        Ok(()) => assert!(tools(&stands(&session, "every", "connected").await).contains(&"echo")),
        Err(_) if kind == Kind::Pi => assert_eq!(session.get("/mcp").await["items"], json!([])),
        Err(_) => {
            let every = server(&session, "every").await;
            assert_eq!((&every["status"], tools(&every).len()), (&json!("pending"), 0), "{every}");
        }
    }
}

/// An agent that takes no servers refuses each kind of them by name.
pub(crate) async fn refused(kind: Kind) {
    let ground = Ground::new(kind).await;
    let url = "http://127.0.0.1:1/mcp";
    for (verb, server) in [
        ("mcp_stdio", broken("every")),
        ("mcp_http", json!({"name": "every", "type": "http", "url": url})),
        ("mcp_sse", json!({"name": "every", "type": "sse", "url": url})),
    ] {
        let request = json!({"agent": kind.name(), "cwd": ground.work, "mcp_servers": [server]});
        ground.daemon.post("/v1/sessions", &request).await.says(422, "unsupported", &[kind.name(), verb]);
    }
}

/// Processes of a session that run the server.
async fn server_pids(session: &TestSession) -> Vec<i32> {
    let agent = session.pid().await;
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let parent =
            read("stat").rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        if parent == Some(agent) && read("cmdline").contains("server-everything") {
            found.push(pid);
        }
    }
    found
}

/// Waits until no server runs: the agent lets it end in its own time.
async fn gone(session: &TestSession) {
    let deadline = std::time::Instant::now() + tenure_test::daemon::PATIENCE;
    while !server_pids(session).await.is_empty() {
        assert!(std::time::Instant::now() < deadline, "a server that was disabled runs on");
        tokio::task::yield_now().await;
    }
}

fn kill(pid: i32) {
    let process = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
}

/// A server whose process died is shown dead, whatever the agent says of it; it is there again when it can be used again.
pub(crate) async fn died(kind: Kind) {
    let ground = Ground::new(kind).await;
    let more = json!({"mcp_servers": [everything("every")], "permissions": {"default": "allow"}});
    let session = ground.session_with(more).await;
    let prompt = call(kind, "every", "echo", json!({"message": "once"})).prompt("Call it.");
    session.run(&prompt).await;
    assert!(result(&ground).contains("Echo: once"), "{}", result(&ground));
    let pids = server_pids(&session).await;
    assert_eq!((pids.len(), server(&session, "every").await["error"].clone()), (1, Value::Null));
    kill(pids[0]);
    let every = stands_at_last(&session, "every", "failed").await;
    assert!(every["error"].is_string(), "{every}");
    if kind != Kind::Claude {
        return;
    }
    // It starts it again by itself when it wants to use it, unless it has not noticed its death by then.
    let prompt = call(kind, "every", "echo", json!({"message": "again"})).prompt("Call it.");
    session.run(&prompt).await;
    if result(&ground).ends_with("Connection closed") {
        session.run(&prompt).await;
    }
    assert!(result(&ground).contains("Echo: again"), "{}", result(&ground));
    let every = server(&session, "every").await;
    assert_eq!((&every["status"], &every["error"]), (&json!("connected"), &Value::Null), "{every}");
    kill(server_pids(&session).await[0]);
    stands_at_last(&session, "every", "failed").await;
    session.post("/mcp/every/reconnect", &json!({})).await.ok(200);
    assert_eq!(server(&session, "every").await["status"], "connected");
    assert_eq!(server_pids(&session).await.len(), 1);
}

/// A fork has the servers of the other session, those that were set and those that are off too, and its own processes of them.
pub(crate) async fn forked(kind: Kind) {
    let ground = Ground::new(kind).await;
    let more = json!({"mcp_servers": [everything("every")], "permissions": {"default": "allow"}});
    let session = ground.session_with(more).await;
    session.run(&Script::new().text("Hello.").prompt("Say hello.")).await;
    session.verb("suspend").await;
    let second = mcp::stdio("second", &json!({"OF_THE_SERVER": "given-by-name-4711"})).unwrap();
    ground.daemon.request("PUT", &session.path("/mcp"), &json!({"mcp_servers": [second]})).await.ok(200);
    session.post("/mcp/every/disable", &json!({})).await.ok(200);
    let made = session.post("/fork", &json!({"wait": "live"})).await.ok(201);
    let child = ground.daemon.session(made["id"].as_str().unwrap());
    assert_eq!(server(&child, "every").await["status"], "disabled");
    assert_eq!(server(&child, "second").await["scope"], "put");
    child.run(&call(kind, "second", "get-env", json!({})).prompt("Ask it.")).await;
    assert!(result(&ground).contains("given-by-name-4711"), "{}", result(&ground));
    assert!(!child.events().await.iter().any(|event| event.to_string().contains("given-by-name-4711")));
    // What is changed in one is not changed in the other.
    child.verb("suspend").await;
    ground.daemon.request("PUT", &child.path("/mcp"), &json!({})).await.ok(200);
    let list = child.get("/mcp").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!(server(&session, "second").await["scope"], "put");
}

/// Codex tells when it is asked that a server is dead, and starts it again.
#[tokio::test]
async fn codex_shows_a_killed_server_and_brings_it_back() {
    let ground = Ground::new(Kind::Codex).await;
    let more = json!({"mcp_servers": [everything("every")], "permissions": {"default": "allow"}});
    let session = ground.session_with(more).await;
    stands(&session, "every", "connected").await;
    let pids = server_pids(&session).await;
    assert_eq!(pids.len(), 1, "{pids:?}");
    kill(pids[0]);
    stands_at_last(&session, "every", "failed").await;
    session.post("/mcp/every/reconnect", &json!({})).await.ok(200);
    let every = server(&session, "every").await;
    assert_eq!(every["status"], "connected", "{every}");
    assert_ne!(server_pids(&session).await, pids);
    let prompt = call(Kind::Codex, "every", "echo", json!({"message": "back"})).prompt("Call it.");
    session.run(&prompt).await;
    assert!(result(&ground).contains("Echo: back"), "{}", result(&ground));
    session.post("/mcp/other/reconnect", &json!({})).await.says(404, "not_found", &["other"]);
}

/// Asks again until a server stands so: an agent that tells nothing by itself may learn late of a death.
async fn stands_at_last(session: &TestSession, name: &str, status: &str) -> Value {
    let deadline = std::time::Instant::now() + tenure_test::daemon::PATIENCE;
    loop {
        let now = server(session, name).await;
        if now["status"] == status {
            return now;
        }
        assert!(std::time::Instant::now() < deadline, "it does not become {status}: {now}");
        tokio::task::yield_now().await;
    }
}

/// Claude Code notices that a server on the network is gone, and connects to it again when it is told to.
#[tokio::test]
async fn claude_shows_a_killed_server_and_brings_it_back() {
    let mut http = EverythingServer::start("http").await.unwrap();
    let ground = Ground::new(Kind::Claude).await;
    let more = json!({"mcp_servers": [http.config("every")], "permissions": {"default": "allow"}});
    let session = ground.session_with(more).await;
    stands(&session, "every", "connected").await;
    http.kill();
    let refused = session.post("/mcp/every/reconnect", &json!({})).await;
    refused.says(409, "conflict", &["claude", "mcp_reconnect"]);
    let every = server(&session, "every").await;
    assert_eq!((&every["status"], every["error"].is_string()), (&json!("failed"), true), "{every}");
    assert_eq!(session.view().await["health"]["why"], "mcp");
    assert!(http.start_again().await.unwrap());
    session.post("/mcp/every/reconnect", &json!({})).await.ok(200);
    assert_eq!(server(&session, "every").await["status"], "connected");
    assert_eq!(session.view().await["health"]["state"], "healthy");
    let prompt = call(Kind::Claude, "every", "echo", json!({"message": "back"})).prompt("Call it.");
    session.run(&prompt).await;
    assert!(result(&ground).contains("Echo: back"), "{}", result(&ground));
}

/// A server of Claude Code's is disabled, enabled and replaced while it works, and the set outlives processes and daemons.
#[tokio::test]
async fn claude_changes_its_servers_while_it_runs() {
    let ground = Ground::new(Kind::Claude).await;
    let more = json!({"mcp_servers": [everything("every")], "permissions": {"default": "allow"}});
    let session = ground.session_with(more).await;
    let disabled = session.post("/mcp/every/disable", &json!({})).await.ok(200);
    assert_eq!(disabled["hit"], json!(["mcp:every"]));
    let every = server(&session, "every").await;
    assert_eq!((&every["status"], tools(&every).len()), (&json!("disabled"), 0), "{every}");
    gone(&session).await;
    assert_eq!(session.post("/mcp/every/disable", &json!({})).await.ok(200)["hit"], json!([]));
    session.post("/mcp/every/enable", &json!({})).await.ok(200);
    assert_eq!(server(&session, "every").await["status"], "connected");
    let put = |body: Value| {
        let (daemon, path) = (ground.daemon.clone(), session.path("/mcp"));
        async move { daemon.request("PUT", &path, &body).await }
    };
    let set = json!({"mcp_servers": [everything("second"), broken("nowhere")]});
    let done = put(set.clone()).await.ok(200);
    assert_eq!((&done["added"], &done["removed"]), (&json!(["nowhere", "second"]), &json!([])), "{done}");
    assert!(done["errors"]["nowhere"].as_str().is_some_and(|why| why.contains("ENOENT")), "{done}");
    assert_eq!(put(set).await.ok(200), json!({"added": [], "removed": [], "errors": {}}), "the same again");
    put(json!({"mcp_servers": [everything("every")]})).await.says(400, "invalid", &["every"]);
    put(json!({"keep": ["third"]})).await.says(400, "invalid", &["third"]);
    let done = put(json!({"keep": ["second"]})).await.ok(200);
    assert_eq!((&done["added"], &done["removed"]), (&json!([]), &json!(["nowhere"])), "{done}");
    let prompt = call(Kind::Claude, "second", "echo", json!({"message": "one"})).prompt("Call it.");
    session.run(&prompt).await;
    assert!(result(&ground).contains("Echo: one"), "{}", result(&ground));
    // The next process has it too, and so has the one after a crash of the daemon and of the agent.
    session.verb("suspend").await;
    ground.daemon.kill_and_restart().await;
    session.verb("resume").await;
    assert_eq!(server(&session, "second").await["status"], "connected");
    let pid = session.pid().await;
    kill(i32::try_from(pid).unwrap());
    session.wait_for("its end", |e| e["type"] == "process.exited" && e["data"]["signal"] == 9).await;
    let prompt = call(Kind::Claude, "second", "echo", json!({"message": "two"})).prompt("Call it.");
    session.run(&prompt).await;
    assert!(result(&ground).contains("Echo: two"), "{}", result(&ground));
    let changes = session.events_of("mcp.changed").await;
    let verbs: Vec<&Value> =
        changes.iter().map(|e| &e["data"]["change"]["verb"]).filter(|v| !v.is_null()).collect();
    assert_eq!(verbs, ["disable", "enable", "set", "set"]);
}

/// An agent that takes servers at its start alone refuses by name, and has them in its next process.
pub(crate) async fn changed_between_processes(kind: Kind) {
    let ground = Ground::new(kind).await;
    let more = json!({"mcp_servers": [everything("every")], "permissions": {"default": "allow"}});
    let session = ground.session_with(more).await;
    session.run(&Script::new().text("Hello.").prompt("Say hello.")).await;
    let set = json!({"mcp_servers": [everything("second")]});
    let path = session.path("/mcp");
    if kind != Kind::Claude {
        let refused = ground.daemon.request("PUT", &path, &set).await;
        refused.says(422, "unsupported", &[kind.name(), "mcp_change", "suspend"]);
        let refused = session.post("/mcp/every/disable", &json!({})).await;
        refused.says(422, "unsupported", &[kind.name(), "mcp_change"]);
    }
    session.verb("suspend").await;
    assert_eq!(ground.daemon.request("PUT", &path, &set).await.ok(200)["added"], json!(["second"]));
    session.post("/mcp/every/disable", &json!({})).await.ok(200);
    ground.daemon.kill_and_restart().await;
    session.verb("resume").await;
    let prompt = call(kind, "second", "echo", json!({"message": "next"})).prompt("Call it.");
    session.run(&prompt).await;
    assert!(result(&ground).contains("Echo: next"), "{}", result(&ground));
    assert_eq!(server(&session, "every").await["status"], "disabled");
    let prompt = call(kind, "every", "echo", json!({"message": "gone"})).prompt("Call the other.");
    session.run(&prompt).await;
    assert!(!result(&ground).contains("Echo: gone"), "{}", result(&ground));
}

/// With nothing inherited, what the daemon has in its environment reaches neither the agent, nor its tools, nor its servers.
pub(crate) async fn inherits_nothing(kind: Kind) {
    let canary = "canary-of-the-daemon-4711";
    let ground = Ground::with_env(kind, "CANARY_OF_DAEMON", canary).await;
    let server = mcp::stdio("every", &json!({"OF_THE_SERVER": "given-by-name-4711"})).unwrap();
    let servers = if kind == Kind::Pi { json!([]) } else { json!([server]) };
    let more = json!({
        "mcp_servers": servers, "inherit_env": [], "permissions": {"default": "allow"}, "env": {"OF_SESSION": "own"},
    });
    let session = ground.session_with(more).await;
    let environ = std::fs::read(format!("/proc/{}/environ", session.pid().await)).unwrap();
    let environ = String::from_utf8_lossy(&environ);
    assert!(environ.contains("OF_SESSION=own") && !environ.contains(canary), "{environ}");
    session.run(&kind.shell_then("env", "Done.").prompt("Show it.")).await;
    let shell = result(&ground);
    assert!(shell.contains("OF_SESSION=own") && !shell.contains(canary), "{shell}");
    if kind != Kind::Pi {
        session.run(&call(kind, "every", "get-env", json!({})).prompt("Ask it.")).await;
        let told = result(&ground);
        // What the server was given by name came there.
        assert!(told.contains("OF_THE_SERVER") && !told.contains(canary), "{told}");
    }
    // Named, it is passed on.
    let more = json!({"inherit_env": ["CANARY_OF_DAEMON"], "permissions": {"default": "allow"}});
    let session = ground.session_with(more).await;
    session.run(&kind.shell_then("env", "Done.").prompt("Show it.")).await;
    assert!(result(&ground).contains("CANARY_OF_DAEMON"), "{}", result(&ground));
}
