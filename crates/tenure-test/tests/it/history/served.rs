//! The past as the daemon serves it: what an agent left on disk and our own sessions in one list, searched and counted.

use std::path::Path;

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::{Setup, TestDaemon};

const NATIVE: &str = "6f6c7379-1395-469f-b1d1-2931f8da6621";

/// A transcript as Claude Code writes it, two messages long.
fn transcript(cwd: &Path, question: &str, answer: &str) -> String {
    let record = |kind: &str, n: u8, parent: Value, message: Value| {
        json!({
            "type": kind, "uuid": format!("{n}1111111-1111-4111-8111-111111111111"), "parentUuid": parent,
            "sessionId": NATIVE, "cwd": cwd, "gitBranch": "main", "timestamp": format!("2026-11-01T10:00:0{n}.000Z"),
            "version": "2.1.0", "requestId": "req_1", "message": message,
        })
        .to_string()
    };
    let usage = json!({"input_tokens": 1_000_000, "output_tokens": 100_000});
    let said = json!({
        "id": "msg_1", "role": "assistant", "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": answer}], "usage": usage,
    });
    let first = record("user", 1, Value::Null, json!({"role": "user", "content": question}));
    let second = record("assistant", 2, json!("11111111-1111-4111-8111-111111111111"), said);
    format!("{first}\n{second}\n")
}

/// A daemon whose user has spoken with Claude Code in a directory.
async fn with_a_past(setup: Setup) -> (TestDaemon, std::path::PathBuf) {
    let work = setup.scratch().join("work");
    let projects = setup.scratch().join("user/.claude/projects/any-name");
    for dir in [&work, &projects] {
        std::fs::create_dir_all(dir).unwrap();
    }
    let text = transcript(&work, "Please mend the pump", "The pump is mended; the valve was stuck.");
    let file = projects.join(format!("{NATIVE}.jsonl"));
    std::fs::write(&file, text).unwrap();
    let daemon = setup.start().await;
    settle(&daemon).await;
    (daemon, file)
}

async fn settle(daemon: &TestDaemon) -> Value {
    daemon.get("/v1/index?wait_ms=60000").await.ok(200)
}

async fn found(daemon: &TestDaemon, query: &str) -> Vec<Value> {
    daemon.get(&format!("/v1/search?{query}")).await.ok(200)["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_an_agent_left_is_listed_read_searched_and_counted_and_its_file_is_not_touched() {
    let (daemon, file) = with_a_past(TestDaemon::setup()).await;
    let before = (std::fs::read(&file).unwrap(), std::fs::metadata(&file).unwrap().modified().unwrap());
    let list = daemon.get("/v1/history").await.ok(200);
    let [entry] = list["items"].as_array().unwrap().as_slice() else { panic!("{list}") };
    assert_eq!((&entry["agent"], &entry["native_id"]), (&json!("claude"), &json!(NATIVE)));
    assert_eq!((&entry["title"], &entry["git_branch"]), (&json!("Please mend the pump"), &json!("main")));
    assert_eq!(entry["project"]["path"], entry["cwd"], "the directory became a project");
    assert!(entry.get("session_id").is_none());

    let path = format!("/v1/history/claude/{NATIVE}");
    assert_eq!(&daemon.get(&path).await.ok(200), entry);
    let messages = daemon.get(&format!("{path}/messages?limit=1")).await.ok(200);
    assert_eq!(messages["items"][0]["text"], "Please mend the pump");
    let next = messages["next"].as_str().unwrap();
    let rest = daemon.get(&format!("{path}/messages?cursor={next}")).await.ok(200);
    assert_eq!(rest["items"][0]["text"], "The pump is mended; the valve was stuck.");
    assert_eq!(rest["next"], Value::Null);
    let lines = daemon.get(&format!("{path}/transcript")).await.text;
    assert_eq!(lines.lines().count(), 2);
    assert!(daemon.get(&format!("{path}/transcript?format=markdown")).await.text.contains("## Assistant"));

    let hits = found(&daemon, "q=valve").await;
    let [hit] = hits.as_slice() else { panic!("{hits:?}") };
    assert_eq!((&hit["role"], &hit["conversation"]["native_id"]), (&json!("assistant"), &json!(NATIVE)));
    assert_eq!(hit["message_id"], rest["items"][0]["id"], "the hit leads to the message");
    let id = hit["message_id"].as_str().unwrap();
    let around = daemon.get(&format!("{path}/messages?around={id}&limit=1")).await.ok(200);
    assert_eq!((&around["items"][0]["id"], &around["next"]), (&hit["message_id"], &Value::Null), "{around}");
    let around = daemon.get(&format!("{path}/messages?around={id}&limit=3")).await.ok(200);
    assert_eq!(around["items"].as_array().unwrap().len(), 2, "{around}");
    daemon.get(&format!("{path}/messages?around=nobody")).await.says(404, "not_found", &["branch=all"]);
    daemon.get(&format!("{path}/messages?around={id}&offset=1")).await.says(400, "invalid", &["around"]);
    let mark = &hit["marks"][0];
    let (start, length) =
        (mark["start"].as_u64().unwrap() as usize, mark["length"].as_u64().unwrap() as usize);
    let word: String = hit["snippet"].as_str().unwrap().chars().skip(start).take(length).collect();
    assert_eq!(word, "valve");
    assert_eq!(found(&daemon, "q=pump").await.len(), 2);
    assert_eq!(found(&daemon, "q=pump&role=user").await.len(), 1);
    assert!(found(&daemon, "q=pump&since=2026-11-02").await.is_empty());

    let usage = daemon.get("/v1/usage?by=model").await.ok(200);
    assert_eq!(usage["total"]["usage"]["input_tokens"], 1_000_000);
    assert_eq!(usage["total"]["usage"]["cost_basis"], "estimated");
    let cost = usage["total"]["usage"]["cost_usd"].as_f64().unwrap();
    assert!((cost - 4.5).abs() < 1e-9, "3 for a million in, 1.5 for a tenth of a million out: {cost}");
    let after = (std::fs::read(&file).unwrap(), std::fs::metadata(&file).unwrap().modified().unwrap());
    assert!(before == after, "nothing is written to an agent's file");
}

#[tokio::test]
async fn the_thread_that_reads_the_past_goes_behind_everything_else() {
    let (daemon, _) = with_a_past(TestDaemon::setup()).await;
    let threads = std::fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap().flatten();
    let stats = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("stat")).ok());
    let nice = |stat: &str| stat.rsplit(')').next()?.split_whitespace().nth(16)?.parse::<i32>().ok();
    let (mut readers, mut others) = (Vec::new(), Vec::new());
    for stat in stats {
        let among = if stat.contains("(history)") { &mut readers } else { &mut others };
        among.extend(nice(&stat));
    }
    let usual = others.iter().min().copied().unwrap();
    assert_eq!(readers, [(usual + 15).min(19)], "beside {others:?}");
}

#[tokio::test]
async fn our_own_sessions_stand_beside_the_others_and_go_with_their_destruction() {
    let (daemon, _) = with_a_past(TestDaemon::setup()).await;
    let session = daemon.live("scripted").await;
    session.run(&script(&json!([{"text": "a rare giraffe"}]))).await;
    settle(&daemon).await;
    let hits = found(&daemon, "q=giraffe&role=assistant").await;
    let [hit] = hits.as_slice() else { panic!("{hits:?}") };
    assert_eq!(hit["conversation"]["session_id"], json!(session.id));
    assert_eq!(hit["snippet"], "a rare giraffe");
    let ids = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        items.map(|item| item["native_id"].as_str().unwrap().to_owned()).collect()
    };
    let list = daemon.get("/v1/history").await.ok(200);
    assert_eq!(ids(&list), [session.id.clone(), NATIVE.to_owned()], "newest first");
    let path = format!("/v1/history/scripted/{}/messages", session.id);
    let messages = daemon.get(&path).await.ok(200);
    assert!(messages["items"].as_array().unwrap().iter().any(|message| message["text"] == "a rare giraffe"));

    // The index is no truth: it may be thrown away at any time.
    daemon.kill_9();
    std::fs::remove_file(daemon.home().join("search.db")).unwrap();
    daemon.restart().await;
    settle(&daemon).await;
    assert_eq!(found(&daemon, "q=giraffe&role=assistant").await.len(), 1);

    // Also under the hands of a daemon that has it open.
    std::fs::remove_file(daemon.home().join("search.db")).unwrap();
    settle(&daemon).await;
    assert_eq!(found(&daemon, "q=giraffe&role=assistant").await.len(), 1);

    daemon.request("DELETE", &format!("/v1/sessions/{}", session.id), &Value::Null).await.ok(200);
    settle(&daemon).await;
    assert!(found(&daemon, "q=giraffe").await.is_empty(), "nothing of a destroyed session can be found");
    assert_eq!(ids(&daemon.get("/v1/history").await.ok(200)), [NATIVE]);
}

#[tokio::test]
async fn a_daemon_that_is_killed_while_it_reads_everything_again_goes_on() {
    let (daemon, _) = with_a_past(TestDaemon::setup()).await;
    for _ in 0..3 {
        daemon.post("/v1/index/rebuild", &Value::Null).await.ok(202);
        daemon.kill_9();
        daemon.restart().await;
        let state = settle(&daemon).await;
        assert_eq!((&state["conversations"], &state["read"]), (&json!(1), &json!(1)), "{state}");
        assert_eq!(found(&daemon, "q=valve").await.len(), 1);
    }
}

#[tokio::test]
async fn a_session_with_an_id_of_the_clients_own_is_listed_and_read_as_ours() {
    let (daemon, _) = with_a_past(TestDaemon::setup()).await;
    let body = json!({
        "id": "nightly.1", "agent": "scripted", "cwd": daemon.workdir(), "input": "a rare okapi", "wait": "finished",
    });
    daemon.request("POST", "/v1/sessions", &body).await.ok(201);
    settle(&daemon).await;
    let hits = found(&daemon, "q=okapi&role=user").await;
    let [hit] = hits.as_slice() else { panic!("{hits:?}") };
    assert_eq!(hit["conversation"]["session_id"], "nightly.1");
    let messages = daemon.get("/v1/history/scripted/nightly.1/messages").await.ok(200);
    assert_eq!(messages["items"][0]["text"], "a rare okapi");
}

#[tokio::test]
async fn what_cannot_be_read_is_told_with_its_path_and_costs_nothing_else() {
    let (daemon, file) = with_a_past(TestDaemon::setup()).await;
    let mut text = std::fs::read_to_string(&file).unwrap();
    text.insert_str(text.find('\n').unwrap() + 1, "{\"type\": \"user\", torn\n");
    std::fs::write(&file, &text).unwrap();
    let state = settle(&daemon).await;
    let is_told = |state: &Value| {
        let mut warnings = state["warnings"].as_array().into_iter().flatten();
        warnings.any(|w| w["path"] == json!(file) && w["kind"] == "malformed")
    };
    assert!(is_told(&state), "{state}");
    assert_eq!(found(&daemon, "q=valve").await.len(), 1);
    // It is told as long as it is so, also by a daemon that did not read it.
    daemon.kill_9();
    daemon.restart().await;
    let state = settle(&daemon).await;
    assert!(is_told(&state), "{state}");
    std::fs::write(&file, text.replace("{\"type\": \"user\", torn\n", "")).unwrap();
    let state = settle(&daemon).await;
    assert!(!is_told(&state), "{state}");
}

#[tokio::test]
async fn bad_questions_are_answered_with_the_field() {
    let daemon = TestDaemon::setup().config("[history]\nenabled = false\n").start().await;
    daemon.get("/v1/search?q=!!!").await.says(400, "invalid", &["letter or digit"]);
    daemon.get("/v1/search").await.says(400, "invalid", &["words"]);
    daemon.get("/v1/search?q=a&role=robot").await.says(400, "invalid", &["robot", "assistant"]);
    daemon.get("/v1/search?q=a&cursor=x").await.says(400, "invalid", &["cursor"]);
    daemon.get("/v1/history?since=yesterday").await.says(400, "invalid", &["2026-11-20"]);
    daemon.get("/v1/history?project=prj_x").await.says(404, "not_found", &["tenure projects"]);
    daemon.get("/v1/history?cwd=relative").await.says(400, "invalid", &["absolute"]);
    daemon.get("/v1/history/claude/nobody").await.says(404, "not_found", &["tenure history"]);
    daemon.get("/v1/usage?by=colour").await.problem(400, "invalid");
    assert_eq!(settle(&daemon).await["enabled"], false);
}

#[tokio::test]
async fn what_cannot_be_adopted_is_refused_with_the_reason() {
    let (daemon, file) = with_a_past(TestDaemon::setup()).await;
    let path = format!("/v1/history/claude/{NATIVE}/adopt");
    let adopt = async |body: Value| daemon.post(&path, &body).await;
    daemon.post("/v1/history/claude/nobody/adopt", &json!({})).await.says(
        404,
        "not_found",
        &["tenure history"],
    );
    adopt(json!({"agent": "codex"})).await.says(400, "invalid", &["codex", "claude"]);
    adopt(json!({"agent": "nobody"})).await.says(400, "invalid", &["nobody"]);
    adopt(json!({"cwd": "relative"})).await.says(400, "invalid", &["absolute"]);
    adopt(json!({"colour": "blue"})).await.says(400, "invalid", &["colour"]);
    adopt(json!({"wait": "finished"})).await.says(400, "invalid", &["input"]);
    let elsewhere = json!({"env": {"CLAUDE_CONFIG_DIR": daemon.home()}});
    adopt(elsewhere).await.says(400, "invalid", &["CLAUDE_CONFIG_DIR", "env"]);

    // A process that says so, and one that has the file open.
    let registry = file.ancestors().nth(3).unwrap().join("sessions");
    std::fs::create_dir(&registry).unwrap();
    let here = std::process::id();
    let claim = |start: &str| json!({"pid": here, "sessionId": NATIVE, "procStart": start}).to_string();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let start = stat.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap();
    std::fs::write(registry.join(format!("{here}.json")), claim(start)).unwrap();
    let problem = adopt(json!({})).await.says(409, "busy", &[&format!("process {here}")]);
    assert_eq!(problem["data"]["pid"], here);
    // Another process had that pid.
    std::fs::write(registry.join(format!("{here}.json")), claim("1")).unwrap();
    let open = std::fs::OpenOptions::new().append(true).open(&file).unwrap();
    adopt(json!({})).await.says(409, "busy", &[&format!("process {here}")]);
    drop(open);
    let session = adopt(json!({"start": false, "title": "Mine"})).await.ok(201);
    assert_eq!((&session["title"], &session["lifecycle"]), (&json!("Mine"), &json!("creating")), "{session}");
    let id = session["id"].as_str().unwrap();
    adopt(json!({})).await.says(409, "conflict", &[id]);
    let messages = daemon.session(id).get("/messages").await;
    assert_eq!(messages["items"][1]["text"], "The pump is mended; the valve was stuck.");
    assert_eq!(messages["items"][1]["ts"], "2026-11-01T10:00:02.000Z");
    let own = format!("/v1/history/scripted/{}/adopt", daemon.live("scripted").await.id);
    settle(&daemon).await;
    daemon.post(&own, &json!({})).await.says(409, "conflict", &["holds"]);
}

#[tokio::test]
async fn a_conversation_whose_directory_is_gone_is_adopted_where_its_files_are() {
    let (daemon, _) = with_a_past(TestDaemon::setup()).await;
    let list = daemon.get("/v1/history").await.ok(200);
    let (old, new) = (list["items"][0]["cwd"].as_str().unwrap().to_owned(), daemon.workdir());
    std::fs::remove_dir(&old).unwrap();
    let path = format!("/v1/history/claude/{NATIVE}/adopt");
    daemon.post(&path, &json!({"start": false})).await.says(400, "invalid", &[&old, "not there"]);
    let session = daemon.post(&path, &json!({"start": false, "cwd": new})).await.ok(201);
    assert_eq!(session["cwd"], json!(new));
}

#[tokio::test]
async fn a_conversation_is_written_down_in_every_form() {
    let (daemon, file) = with_a_past(TestDaemon::setup()).await;
    let text =
        std::fs::read_to_string(&file).unwrap().replace("the valve was stuck", "<script>alert(1)</script>");
    std::fs::write(&file, text).unwrap();
    settle(&daemon).await;
    let path = format!("/v1/history/claude/{NATIVE}/transcript");
    let page = daemon.get(&format!("{path}?format=html")).await;
    assert!(page.text.starts_with("<!doctype html>") && page.text.ends_with("</html>\n"), "{}", page.text);
    assert!(page.text.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.text.contains("<script"));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"), "{policy}");
    let rows = daemon.get(&format!("{path}?format=acp")).await.text;
    let rows: Vec<Value> = rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    let kinds: Vec<&Value> = rows.iter().map(|row| &row["params"]["update"]["sessionUpdate"]).collect();
    assert_eq!(kinds, [&json!("user_message_chunk"), &json!("agent_message_chunk")]);
    assert_eq!(rows[0]["params"]["sessionId"], NATIVE);
    daemon.get(&format!("{path}?format=pdf")).await.problem(400, "invalid");
    let session = daemon.live("scripted").await;
    session.run(&script(&json!([{"text": "a <b>rare</b> giraffe"}]))).await;
    let page = daemon.get(&session.path("/transcript?format=html")).await.text;
    assert!(page.contains("a &lt;b&gt;rare&lt;/b&gt; giraffe") && page.ends_with("</html>\n"), "{page}");
}

#[tokio::test]
async fn what_a_session_with_a_home_of_its_own_keeps_is_read_there() {
    let (daemon, file) = with_a_past(TestDaemon::setup()).await;
    let own = daemon.workdir();
    let projects = own.join("projects/any");
    std::fs::create_dir_all(&projects).unwrap();
    let other = NATIVE.replace("6f6c7379", "7a7a7a7a");
    let text = std::fs::read_to_string(&file).unwrap().replace(NATIVE, &other).replace("valve", "gasket");
    std::fs::write(projects.join(format!("{other}.jsonl")), text).unwrap();
    settle(&daemon).await;
    assert!(found(&daemon, "q=gasket").await.is_empty(), "nobody said where to look");
    let request = json!({"agent": "claude", "cwd": daemon.workdir(), "start": false, "env": {"CLAUDE_CONFIG_DIR": own}});
    daemon.create(&request).await;
    settle(&daemon).await;
    settle(&daemon).await;
    assert_eq!(found(&daemon, "q=gasket").await.len(), 1);
}
