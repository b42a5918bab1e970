//! `[[permissions]]` of the configuration: answers before a person is asked, by project and agent, read again when it
//! changes.

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::{TestDaemon, TestSession};

use crate::bad::{eventually, hang_up};

const ALLOWS: &str = r#"
[[permissions]]
agent = "codex"
rules = [{ decision = "deny", tool = "*" }]

[[permissions]]
agent = "scripted"
project = "*/work*"
ask_timeout_seconds = 3600
rules = [
  { decision = "deny", tool = "shell", input = "rm *" },
  { decision = "allow", tool = "shell" },
]
"#;

async fn asks(session: &TestSession, command: &str) -> Value {
    let ask = json!([{"ask": "run it", "name": "shell", "input": {"command": command}}]);
    session.run(&script(&ask)).await["text"].clone()
}

#[tokio::test]
async fn rules_of_the_configuration_answer_and_are_read_again() {
    let daemon = TestDaemon::setup().config(ALLOWS).start().await;
    let work = daemon.workdir();
    assert!(work.display().to_string().contains("/work"), "{}", work.display());
    let session = daemon.create(&json!({"agent": "scripted", "cwd": work, "wait": "live"})).await;
    let config = session.get("/config").await;
    let policy = &config["permissions"]["policy"];
    assert_eq!(policy[0]["from"], "config.toml permissions[1].rules[0]", "{config}");
    assert_eq!((&policy[1]["rule"]["decision"], policy.as_array().unwrap().len()), (&json!("allow"), 2));
    assert_eq!(config["permissions"]["ask_timeout_seconds"], 3600);
    assert_eq!(asks(&session, "ls").await, "allowed (allow_once)");
    assert_eq!(asks(&session, "rm -rf /").await, "denied (reject_once)");
    for resolved in session.events_of("ask.resolved").await {
        assert_eq!(resolved["data"]["by"], "policy", "{resolved}");
    }

    // The session's own rules come first.
    let own = json!({"permissions": {"rules": [{"decision": "deny", "tool": "shell", "input": "ls*"}]}});
    daemon.request("PATCH", &session.path("/config"), &own).await.ok(200);
    assert_eq!(asks(&session, "ls").await, "denied (reject_once)");

    // What is broken changes nothing and is told; what is taken away asks again.
    let file = daemon.home().join("config.toml");
    std::fs::write(&file, "[[permissions]]\nrules = [{ decision = \"allow\" }]\n").unwrap();
    hang_up(&daemon);
    let warned = eventually(&daemon, "/v1/info", |info| info["config_warning"].is_string()).await;
    assert!(warned["config_warning"].as_str().unwrap().contains("permissions[0].rules[0]"), "{warned}");
    assert_eq!(session.get("/config").await["permissions"]["policy"], *policy);
    std::fs::write(&file, "").unwrap();
    hang_up(&daemon);
    let gone = |config: &Value| config["permissions"]["policy"] == json!([]);
    let config = eventually(&daemon, &session.path("/config"), gone).await;
    assert_eq!(config["permissions"]["ask_timeout_seconds"], 86_400);
    session.send(&script(&json!([{"ask": "run it", "name": "shell", "input": {"command": "pwd"}}]))).await;
    let ask = session.ask().await;
    session.answer(&ask, &json!({"decision": "deny"})).await.ok(200);
    session.turn_end(4).await;
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn a_policy_that_cannot_be_kept_keeps_the_daemon_from_starting_and_is_named() {
    for (config, named) in [
        ("[[permissions]]\nrules = [{ decision = \"allow\" }]\n", "permissions[0].rules[0]"),
        ("[[permissions]]\nagent = \"claude\"\n", "permissions[0].rules"),
        ("[[permissions]]\nrules = [{ decision = \"maybe\", tool = \"x\" }]\n", "permissions[0]"),
        ("[[permissions]]\nask_timeout_seconds = 999999999999\n", "ask_timeout_seconds"),
        ("[[permissions]]\nproject = \"\"\nask_timeout_seconds = 1\n", "permissions[0].project"),
        ("[[permissions]]\nrules = [{ decision = \"allow\", tool = \"x\", inptu = \"y\" }]\n", "inptu"),
    ] {
        let (status, said) = TestDaemon::setup().config(config).refused().await;
        assert!(!status.success() && said.contains(named), "{config}: {said}");
    }
}
