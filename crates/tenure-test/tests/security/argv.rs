//! S5: what a person wrote reaches an agent over its stdin, never its command line, and no parameter of theirs
//! can be taken for a flag.

use serde_json::json;
use tenure_scripted::script;
use tenure_test::agents::AgentSetup;
use tenure_test::daemon::{Setup, TestDaemon, TestSession};

use crate::secrets::command_lines;

/// In no process's arguments but those that we give it.
const CANARY: &str = "canary-of-the-prompt";

#[tokio::test]
async fn a_prompt_is_words_whatever_it_looks_like() {
    let daemon = TestDaemon::start().await;
    let instructions = json!({"append": format!("{CANARY} --instructions")});
    let request = json!({
        "agent": "scripted", "cwd": daemon.workdir(), "wait": "live", "instructions": instructions,
        "title": format!("--title={CANARY}"), "tags": [CANARY],
    });
    let session = daemon.create(&request).await;
    for prompt in [
        "--dangerously-skip-permissions",
        "-p",
        "--",
        "$(touch made) `touch made` ; touch made & | > made",
        "first\nsecond\r\n--third",
        "\u{1b}[2J\u{1b}]0;title\u{7} bell",
        "zero\u{0}byte",
        "'\"\\ quoted %s %n {}",
        "\u{202e}right to left\u{2028}separated",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
    ] {
        let prompt = format!("{prompt} {CANARY}");
        let result = session.run(&prompt).await;
        let said = result["text"].as_str().unwrap();
        // The first comes after the instructions.
        assert!(said.starts_with("You said: ") && said.ends_with(&prompt), "{said:?} is not {prompt:?}");
        for (pid, line) in command_lines(&daemon) {
            assert!(!line.contains(CANARY), "process {pid} was started with the prompt: {line:?}");
        }
    }
    let cwd = session.view().await["cwd"].as_str().unwrap().to_owned();
    assert_eq!(std::fs::read_dir(cwd).unwrap().count(), 0, "no shell ran anything of it");
    let args = session.run(&script(&json!(["args"]))).await;
    assert_eq!(args["text"], "[]", "the agent was given arguments");
}

/// An agent that says on which command line it was started, and no more.
fn witness(setup: Setup) -> Setup {
    let words = ["/bin/sh", "-c", "printf '%s\\n' \"$@\" > \"$0\"; exec cat > /dev/null"];
    let mut command: Vec<String> = words.map(str::to_owned).into();
    command.push(setup.scratch().join("argv").display().to_string());
    let env = vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())];
    setup.agent("witness", &AgentSetup { protocol: "claude", command, env })
}

/// The arguments with which a session's program was started.
pub(crate) async fn arguments(daemon: &TestDaemon, session: &TestSession) -> Vec<String> {
    session.wait_type("process.started").await;
    let file = daemon.home().parent().unwrap().join("argv");
    let told = async {
        loop {
            // The program writes it as its first act, and in one go.
            match std::fs::read_to_string(&file) {
                Ok(text) if text.ends_with('\n') => return text.lines().map(str::to_owned).collect(),
                _ => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(tenure_test::daemon::PATIENCE, told).await.expect("the program says its arguments")
}

/// A daemon with the agent `witness`, which is started as Claude Code is.
pub(crate) async fn with_witness() -> TestDaemon {
    witness(TestDaemon::setup()).start().await
}

#[tokio::test]
async fn a_parameter_is_the_value_of_its_flag() {
    let daemon = with_witness().await;
    let evil = "--dangerously-skip-permissions";
    let request = json!({
        "agent": "witness", "cwd": daemon.workdir(), "model": evil, "mode": evil, "effort": evil,
        "input": format!("{evil} {CANARY}"), "instructions": {"append": CANARY},
        "mcp_servers": [{"name": evil, "type": "http", "url": format!("http://127.0.0.1:9/{CANARY}")}],
    });
    let session = daemon.create(&request).await;
    let arguments = arguments(&daemon, &session).await;
    for flag in ["--model", "--permission-mode", "--effort"] {
        assert!(arguments.contains(&format!("{flag}={evil}")), "{arguments:?}");
    }
    for argument in &arguments {
        assert!(argument.starts_with("--") && argument != evil, "{argument} of {arguments:?}");
        assert!(!argument.contains(CANARY) && !argument.starts_with("--allow-dangerously"), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_conversation_to_resume_is_a_name_and_no_path() {
    let daemon = with_witness().await;
    let projects = daemon.home().parent().unwrap().join("user/.claude/projects");
    std::fs::create_dir_all(projects.join("p")).unwrap();
    std::fs::write(projects.join("outside.jsonl"), "{}\n").unwrap();
    let absolute = projects.join("outside").display().to_string();
    for native in ["../outside", absolute.as_str(), "--help", "", "a\nb"] {
        let user = projects.parent().unwrap().parent().unwrap();
        let request = json!({
            "agent": "witness", "cwd": daemon.workdir(), "env": {"HOME": user}, "resume": {"native_id": native},
        });
        let answer = daemon.post("/v1/sessions", &request).await;
        assert!(matches!(answer.status, 400 | 404), "{native:?}: {}", answer.text);
    }
    assert_eq!(daemon.get("/v1/sessions").await.ok(200)["items"], json!([]));
}
