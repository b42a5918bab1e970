//! R22: values of a session's environment and of its tool servers' headers, and tokens, stand in their own files
//! and nowhere else. Canaries are put in, and everything that the daemon wrote or says is searched for them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tenure_test::agents::AgentSetup;
use tenure_test::daemon::{Setup, TestDaemon, TestSession};

use crate::routes::{ask, client, routes};

pub(crate) const ENV: &str = "canary-of-the-environment-4711";
const HEADER: &str = "canary-of-a-header-4712";
const TOOL_ENV: &str = "canary-of-a-tool-server-4713";
const CONFIG: &str = "canary-of-the-configuration-4714";
const INHERITED: &str = "canary-of-an-inherited-key-4715";
/// All of them begin so.
pub(crate) const ANY: &str = "canary-of-";

/// What is written is written at every level of talkativeness.
pub(crate) fn setup() -> Setup {
    TestDaemon::setup().env("TENURE_LOG", "trace").env("INHERITED_API_KEY", INHERITED)
}

pub(crate) fn request(agent: &str, daemon: &TestDaemon) -> Value {
    json!({
        "agent": agent, "cwd": daemon.workdir(),
        "env": {"MY_VALUE": ENV}, "inherit_env": ["PATH", "HOME", "INHERITED_API_KEY"],
        "mcp_servers": [
            {"name": "web", "type": "http", "url": "http://127.0.0.1:9/mcp", "headers": {"X-Auth": HEADER}},
            {"name": "tool", "type": "stdio", "command": "true", "args": [], "env": {"T": TOOL_ENV}},
        ],
    })
}

/// An agent that is configured with a secret of its own and speaks just enough of its protocol.
fn agent(setup: Setup, name: &str, script: &str) -> Setup {
    let command = ["/bin/sh", "-c", script].map(str::to_owned).into();
    let env = vec![("CONFIGURED_TOKEN".to_owned(), CONFIG.to_owned())];
    setup.agent(name, &AgentSetup { protocol: "acp", command, env })
}

/// Says every secret that it can see in every way that there is, and then ends in an error.
const LOUD: &str = r#"
say() { printf '%s\n' "$1"; }
update() { say '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"loud","update":'"$1"'}}'; }
while read -r line; do
  id=${line#*'"id":'}; id=${id%%,*}
  case $line in
  *'"method":"initialize"'*)
    say '{"jsonrpc":"2.0","id":'$id',"result":{"protocolVersion":1,"agentCapabilities":{"mcpCapabilities":{"http":true}},"authMethods":[]}}' ;;
  *'"method":"session/new"'*)
    header=canary-of-a-header${line#*canary-of-a-header}; header=${header%%\"*}
    tool=canary-of-a-tool-server${line#*canary-of-a-tool-server}; tool=${tool%%\"*}
    s="$MY_VALUE $header $tool $CONFIGURED_TOKEN $INHERITED_API_KEY"
    say '{"jsonrpc":"2.0","id":'$id',"result":{"sessionId":"loud"}}' ;;
  *'"method":"session/prompt"'*)
    echo "on stderr $s" >&2
    say "no JSON $s"
    update '{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"whole '"$s"'"}}'
    half=${MY_VALUE%???????}
    update '{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":" in two '"$half"'"}}'
    update '{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"'"${MY_VALUE#$half}"'"}}'
    update '{"sessionUpdate":"agent_thought_chunk","content":{"type":"text","text":"'"$s"'"}}'
    update '{"sessionUpdate":"plan","entries":[{"content":"'"$s"'","priority":"low","status":"pending"}]}'
    update '{"sessionUpdate":"session_info_update","title":"'"$s"'"}'
    update '{"sessionUpdate":"available_commands_update","availableCommands":[{"name":"c","description":"'"$s"'"}]}'
    update '{"sessionUpdate":"never_heard_of","words":"'"$s"'"}'
    update '{"sessionUpdate":"tool_call","toolCallId":"t1","title":"'"$s"'","kind":"execute","status":"pending","rawInput":{"command":"'"$s"'"}}'
    update '{"sessionUpdate":"tool_call_update","toolCallId":"t1","status":"in_progress","content":[{"type":"content","content":{"type":"text","text":"'"$s"'"}}]}'
    long=$(printf '%080000d' 0)
    update '{"sessionUpdate":"tool_call_update","toolCallId":"t1","status":"completed","rawOutput":{"output":"'"$long $s"'"}}'
    say '{"jsonrpc":"2.0","id":"a1","method":"session/request_permission","params":{"sessionId":"loud","toolCall":{"toolCallId":"t2","title":"'"$s"'","kind":"execute","rawInput":{"command":"'"$s"'"}},"options":[{"optionId":"o","name":"'"$s"'","kind":"allow_once"},{"optionId":"n","name":"no","kind":"reject_once"}]}}'
    read -r answer
    say '{"jsonrpc":"2.0","id":"x1","method":"'"$s"'","params":{"words":"'"$s"'"}}'
    read -r answer
    say '{"jsonrpc":"2.0","id":'$id',"error":{"code":-32603,"message":"it failed: '"$s"'","data":"'"$s"'"}}' ;;
  *'"method":"session/'*)
    say '{"jsonrpc":"2.0","id":'$id',"error":{"code":-32603,"message":"'"$s"'"}}' ;;
  esac
done
echo "at the end $s" >&2
exit 3
"#;

#[tokio::test]
async fn an_agent_that_says_no_secret_leaves_none() {
    let daemon = setup().start().await;
    let session = daemon.create(&request("scripted", &daemon)).await;
    session.run("hello").await;
    session.post("/inputs", &json!({"input": "again", "model": "fast"})).await;
    look_everywhere(&daemon, &session, &[]).await;
    session.verb("suspend").await;
    session.run("after a rest").await;
    daemon.kill_and_restart().await;
    session.run("after a crash").await;
    session.verb("close").await;
    look_everywhere(&daemon, &session, &[]).await;
    daemon.request("DELETE", &session.path(""), &Value::Null).await.ok(200);
    assert!(files(daemon.home()).iter().all(|path| !path.ends_with("private.json")), "gone with the session");
}

#[tokio::test]
async fn what_an_agent_says_of_its_secrets_stays_in_its_own_lines() {
    let daemon = agent(setup(), "loud", LOUD).start().await;
    let session = daemon.create(&request("loud", &daemon)).await;
    let mut follower = daemon.follow(&session.path("/events/stream?deltas=true"));
    session.send("speak").await;
    let ask = session.ask().await;
    look_everywhere(&daemon, &session, RAW).await;
    session.answer(&ask, &json!({"decision": "allow"})).await.ok(200);
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "failed", "{end}");
    let seen = follower.until(|event| event["type"] == "turn.completed").await;
    // Not even of the value that comes in two halves the first.
    for data in &seen {
        assert!(!data.contains(ANY), "a follower was told: {data}");
    }
    look_everywhere(&daemon, &session, RAW).await;
    session.verb("close").await;
    session.wait_type("process.exited").await;
    look_everywhere(&daemon, &session, RAW).await;
    let raw = session.get("/raw").await.to_string();
    for value in [ENV, HEADER, TOOL_ENV, CONFIG, INHERITED] {
        assert!(raw.contains(value), "the agent never said {value}, so nothing was tried");
    }
    let events = session.events().await;
    for kind in ["message.completed", "tool.started", "tool.completed", "ask.opened", "todos.updated"] {
        assert!(events.iter().any(|event| event["type"] == kind), "no {kind}, so nothing was tried");
    }
    let said: String = events.iter().map(Value::to_string).collect();
    assert!(said.contains("[MY_VALUE]") && said.contains("[X-Auth]"), "shown by name");
}

/// Where an agent's own lines are: below a session's directory, 0600, gone with it.
pub(crate) const RAW: &[&str] = &["/spool/", "/stderr.", "/exit.json", "/shim.log"];

/// Searches all that the daemon wrote, says and started.
pub(crate) async fn look_everywhere(daemon: &TestDaemon, session: &TestSession, may: &[&str]) {
    let token = daemon.token();
    for path in files(daemon.home()) {
        // What SQLite keeps beside a file goes with its last connection.
        let Ok(meta) = std::fs::symlink_metadata(&path) else { continue };
        let mode = meta.permissions().mode() & 0o777;
        let private = if meta.is_dir() { mode == 0o700 } else { mode == 0o600 };
        let in_workspace =
            path.starts_with(daemon.home().join("workspaces")) && path.parent() != Some(daemon.home());
        assert!(
            private || in_workspace || path.ends_with("config.toml"),
            "{} has mode {mode:o}",
            path.display()
        );
        if !meta.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let name = path.display().to_string();
        let allowed = name.ends_with("/private.json") || may.iter().any(|part| name.contains(part));
        // The configuration is the user's own file.
        let allowed = allowed || name.ends_with("/config.toml");
        assert!(allowed || !has(&bytes, ANY), "{name} holds {:?}", around(&bytes, ANY));
        let own = path == daemon.home().join("token");
        assert!(own || !has(&bytes, &token), "{name} holds the token");
    }
    let log = std::fs::read(daemon.home().parent().unwrap().join("daemon.log")).unwrap();
    assert!(!has(&log, ANY), "the daemon's log holds {:?}", around(&log, ANY));
    assert!(!has(&log, &token), "the daemon's log holds the token");
    for (pid, line) in command_lines(daemon) {
        let script = line.contains("say() {");
        assert!(!line.contains(&token) && (script || !line.contains(ANY)), "process {pid}: {line}");
    }
    answers(daemon, session).await;
}

/// Every answer of every route that only reads, but for the agent's own lines.
async fn answers(daemon: &TestDaemon, session: &TestSession) {
    let (client, url) = (client(), daemon.url());
    let bearer = format!("Bearer {}", daemon.token());
    let headers = [("authorization", bearer.as_str())];
    let routes = routes(daemon).await;
    let reads = routes.iter().filter(|route| route.method == "GET" && !route.is_stream());
    let mut paths: Vec<String> = reads.map(|route| route.path(&session.id)).collect();
    paths.retain(|path| !path.ends_with("/raw"));
    for more in [
        "/transcript?format=markdown",
        "/transcript?format=acp",
        "/events?limit=1000",
        "/asks?state=any",
        "/messages?epoch=all",
    ] {
        paths.push(session.path(more));
    }
    paths.extend(["/v1/asks?state=any".to_owned(), "/v1/sessions?archived=any".to_owned()]);
    let events = session.events().await;
    paths.extend(
        events
            .iter()
            .filter_map(|event| event["data"]["blob"].as_str())
            .map(|hash| session.path(&format!("/blobs/{hash}"))),
    );
    for path in paths {
        let told = ask(&client, &url, "GET", &path, &headers).await;
        let bytes = told.text.as_bytes();
        assert!(!has(bytes, ANY), "{path} tells {:?}", around(bytes, ANY));
        assert!(!told.text.contains(&daemon.token()), "{path} tells the token");
    }
    // An answer that repeats the request shows names only.
    let mut again = request("nobody", daemon);
    again["env"]["=bad"] = ENV.into();
    let refused = daemon.post("/v1/sessions", &again).await;
    assert!(refused.status == 400 && !refused.text.contains(ANY), "{}", refused.text);
}

#[tokio::test]
async fn a_start_that_fails_tells_no_secret() {
    let script = "echo \"cannot start with $MY_VALUE $CONFIGURED_TOKEN $INHERITED_API_KEY\" >&2; exit 7";
    let daemon = agent(setup(), "broken", script).start().await;
    let mut create = request("broken", &daemon);
    create["wait"] = "live".into();
    let refused = daemon.post("/v1/sessions", &create).await;
    let problem = refused.problem(409, "agent_exited").to_string();
    assert!(problem.contains("cannot start with") && !problem.contains(ANY), "{problem}");
    let list = daemon.get("/v1/sessions").await.ok(200);
    let session = daemon.session(list["items"][0]["id"].as_str().unwrap());
    look_everywhere(&daemon, &session, RAW).await;
}

#[tokio::test]
async fn a_token_is_shown_once_and_kept_as_a_hash() {
    let daemon = setup().start().await;
    let made = daemon.post("/v1/tokens", &json!({"name": "eyes", "scope": "read"})).await.ok(201);
    let secret = made["token"].as_str().unwrap();
    daemon.get("/v1/info").await.ok(200);
    assert!(!daemon.get("/v1/tokens").await.text.contains(secret));
    for path in files(daemon.home()).iter().filter(|path| path.is_file()) {
        assert!(!has(&std::fs::read(path).unwrap(), secret), "{}", path.display());
    }
}

/// The command lines of the daemon and of every process that it started, by pid.
pub(crate) fn command_lines(daemon: &TestDaemon) -> Vec<(i32, String)> {
    let mut pids = vec![daemon.pid()];
    for identity in daemon.shims() {
        pids.push(identity.shim.pid);
        pids.extend(tenure_host::process::tree(identity.shim.pid).iter().map(|process| process.pid));
    }
    let read = |pid: i32| std::fs::read(format!("/proc/{pid}/cmdline")).ok();
    let line = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace('\0', " ");
    pids.into_iter().filter_map(|pid| Some((pid, line(read(pid)?)))).collect()
}

fn files(home: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut todo = vec![home.to_owned()];
    while let Some(path) = todo.pop() {
        // What has gone meanwhile is not there to be found.
        let Ok(meta) = std::fs::symlink_metadata(&path) else { continue };
        if meta.is_dir() {
            todo.extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
        all.push(path);
    }
    all
}

fn find(bytes: &[u8], text: &str) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text.as_bytes())
}

fn has(bytes: &[u8], text: &str) -> bool {
    find(bytes, text).is_some()
}

/// What stands around it, for messages.
fn around(bytes: &[u8], text: &str) -> String {
    let at = find(bytes, text).unwrap_or_default();
    String::from_utf8_lossy(&bytes[at.saturating_sub(200)..(at + 100).min(bytes.len())]).into_owned()
}
