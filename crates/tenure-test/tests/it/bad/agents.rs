//! Agents that are not there, do not start, or die.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::TestDaemon;

fn configured(command: &str) -> String {
    format!("[agents.broken]\nprotocol = \"acp\"\ncommand = [{}]\n", Value::from(command))
}

/// Creates a session of `broken`, which fails; the problem, and the session as it stands then.
async fn refused(daemon: &TestDaemon, status: u16, code: &str, words: &[&str]) -> Value {
    let request = json!({"agent": "broken", "cwd": daemon.workdir(), "wait": "live", "id": "s"});
    let problem = daemon.post("/v1/sessions", &request).await.says(status, code, words);
    assert_eq!(problem["session_id"], "s");
    let session = daemon.session("s");
    let failed = session.wait_type("session.failed").await;
    assert_eq!(failed["data"]["error"]["code"], code);
    let view = session.view().await;
    assert_eq!((&view["lifecycle"], &view["activity"]), (&json!("failed"), &Value::Null));
    problem
}

#[tokio::test]
async fn a_program_that_is_missing_is_named() {
    let daemon = TestDaemon::setup().config(&configured("/nowhere/agent")).start().await;
    refused(&daemon, 422, "agent_missing", &["/nowhere/agent", "tenure agents"]).await;
    // An input to it is refused with the same words.
    let refused = daemon.session("s").post("/inputs", &json!({"input": "hello"})).await;
    refused.says(409, "closed", &["/nowhere/agent", "`resume`"]);
    let agents = daemon.get("/v1/agents").await.ok(200);
    let entry = agents["items"].as_array().unwrap().iter().find(|a| a["name"] == "broken").unwrap().clone();
    assert_eq!((&entry["installed"], &entry["looked_in"]), (&json!(false), &json!(["/nowhere/agent"])));
}

#[tokio::test]
async fn a_name_that_is_not_on_the_path_is_told_where_it_was_looked_for() {
    let daemon = TestDaemon::setup().config(&configured("no-such-agent")).start().await;
    refused(&daemon, 422, "agent_missing", &["no-such-agent", "/usr/bin"]).await;
}

#[tokio::test]
async fn a_file_that_is_not_executable_is_named() {
    let setup = TestDaemon::setup();
    let program = setup.scratch().join("agent");
    std::fs::write(&program, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o644)).unwrap();
    let path = program.display().to_string();
    let daemon = setup.config(&configured(&path)).start().await;
    refused(&daemon, 422, "agent_missing", &[&path, "Permission denied"]).await;
}

const DOOMED: &str = "[agents.broken]\nprotocol = \"acp\"\n\
    command = [\"/proc/self/exe\", \"scripted-agent\", \"--fail-start\", \"cannot reach the moon\"]\n";

#[tokio::test]
async fn an_agent_that_exits_at_once_is_heard() {
    let daemon = TestDaemon::setup().config(DOOMED).start().await;
    let problem = refused(&daemon, 409, "agent_exited", &["cannot reach the moon"]).await;
    assert_eq!(problem["data"]["code"], 3);
    assert!(problem["data"]["stderr_tail"].as_str().unwrap().contains("cannot reach the moon"));
}

#[tokio::test]
async fn whoever_waits_for_a_turn_hears_that_the_agent_exited_at_once() {
    let daemon = TestDaemon::setup().config(DOOMED).start().await;
    let request =
        json!({"agent": "broken", "cwd": daemon.workdir(), "wait": "finished", "input": "hello", "id": "s"});
    daemon.post("/v1/sessions", &request).await.says(409, "agent_exited", &["cannot reach the moon"]);
    crate::real::one_end_each(&daemon.session("s").events().await);
}

async fn dies(step: Value) -> Value {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    let result = session.run(&script(&json!([{"text": "before"}, step, {"text": "never"}]))).await;
    assert_eq!(result["outcome"], "crashed", "{result}");
    assert_eq!(result["error"]["code"], "agent_exited");
    assert_eq!(result["text"], "before");
    let exited = session.wait_type("process.exited").await;
    let view = session.view().await;
    assert_eq!((&view["lifecycle"], &view["suspended_by"]), (&json!("suspended"), &json!("crash")));
    assert_eq!(view["last_outcome"], "crashed");
    // The next input brings it back, in its conversation.
    let again = session.run(&script(&json!([{"text": "back"}]))).await;
    assert_eq!((&again["outcome"], &again["text"]), (&json!("completed"), &json!("back")));
    crate::real::one_end_each(&session.events().await);
    json!([result["error"], exited["data"]])
}

#[tokio::test]
async fn an_agent_that_exits_in_a_turn_crashes_it() {
    let told = dies(json!({"exit": 7, "stderr": "out of luck"})).await;
    assert!(told[0]["message"].as_str().unwrap().contains("out of luck"), "{told}");
    assert_eq!((&told[1]["code"], &told[0]["data"]["code"]), (&json!(7), &json!(7)));
}

#[tokio::test]
async fn an_agent_that_is_killed_in_a_turn_crashes_it() {
    let told = dies(json!("kill_self")).await;
    assert_eq!((&told[1]["signal"], &told[0]["data"]["signal"]), (&json!(9), &json!(9)));
}

#[tokio::test]
async fn an_agent_that_wants_a_login_says_so() {
    let daemon = TestDaemon::start().await;
    let env = json!({"TENURE_SCRIPTED_AUTH_REQUIRED": "1"});
    let request = json!({"agent": "scripted", "cwd": daemon.workdir(), "wait": "live", "env": env});
    daemon.post("/v1/sessions", &request).await.problem(422, "auth_required");
}

/// Nobody knew that when it was taken: the agent had not said yet what it takes.
#[tokio::test]
async fn what_the_agent_cannot_be_told_ends_its_turn_and_the_next_input_is_served() {
    let daemon = TestDaemon::start().await;
    let image = json!({"parts": [{"type": "image", "mime_type": "image/png", "data": "aGk="}]});
    let session = daemon
        .create(&json!({
            "agent": "scripted", "cwd": daemon.workdir(), "input": image, "env": {"TENURE_SCRIPTED_NO_IMAGES": "1"},
        }))
        .await;
    let end = session.turn_end(1).await;
    assert_eq!(
        (&end["data"]["outcome"], &end["data"]["error"]["code"]),
        (&json!("failed"), &json!("unsupported"))
    );
    assert_eq!(session.run("hello").await["text"], "You said: hello");
    // What went unsaid keeps no place: also after the daemon was away.
    daemon.kill_9();
    daemon.restart().await;
    assert_eq!(session.run("again").await["text"], "You said: again");
    crate::real::one_end_each(&session.events().await);
}
