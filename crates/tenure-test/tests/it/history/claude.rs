//! Claude Code against its official SDK.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tenure_corpus::Plan;
use tenure_model::{Script, Step};
use tenure_test::agents::claude;
use uuid::Uuid;

use super::sdk::agrees;
use crate::agents::Ground;
use crate::agents::driver::Driver;

const ARGS: [&str; 5] = [
    "-p",
    "--verbose",
    "--input-format=stream-json",
    "--output-format=stream-json",
    "--permission-prompt-tool=stdio",
];

/// One run of the program.
struct Run {
    driver: Driver,
    requests: usize,
}

impl Run {
    fn start(ground: &Ground, more: &[String]) -> Self {
        let setup = claude(&ground.model.url(), ground.scratch.path()).unwrap();
        let setup = setup.with_var("CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS", "1");
        let args: Vec<&str> = ARGS.into_iter().chain(more.iter().map(String::as_str)).collect();
        let driver = Driver::start(&setup, &args, ground.work.path(), ground.scratch.path());
        let mut run = Self { driver, requests: 0 };
        run.ask(json!({"subtype": "initialize"}));
        run
    }

    fn ask(&mut self, request: Value) {
        self.requests += 1;
        let id = self.requests.to_string();
        self.driver.send(&json!({"type": "control_request", "request_id": id, "request": request}));
        self.until(|message| {
            message["type"] == "control_response" && message["response"]["request_id"] == id.as_str()
        });
    }

    fn until(&mut self, last: impl Fn(&Value) -> bool) {
        loop {
            let message = self.driver.next();
            if message["request"]["subtype"] == "can_use_tool" {
                let answer = json!({"behavior": "allow", "updatedInput": message["request"]["input"]});
                let response =
                    json!({"subtype": "success", "request_id": message["request_id"], "response": answer});
                self.driver.send(&json!({"type": "control_response", "response": response}));
            }
            if last(&message) {
                return;
            }
        }
    }

    fn say(&mut self, prompt: &str) -> String {
        let uuid = Uuid::new_v4().to_string();
        let message = json!({"role": "user", "content": prompt});
        self.driver.send(&json!({"type": "user", "message": message, "parent_tool_use_id": null, "session_id": "", "uuid": uuid}));
        uuid
    }

    fn turn(&mut self, prompt: &str) -> String {
        let uuid = self.say(prompt);
        self.until(|message| message["subtype"] == "session_state_changed" && message["state"] == "idle");
        uuid
    }

    fn end(self) {
        assert!(self.driver.end().success());
    }
}

fn session(id: &Uuid) -> Vec<String> {
    vec![format!("--session-id={id}")]
}

fn says(text: &str) -> String {
    Script::new().text(text).prompt(&format!("Say {text}."))
}

/// Conversations of many kinds, made by the program itself.
fn real(ground: &Ground) {
    let ids: Vec<Uuid> = (0..5).map(|_| Uuid::new_v4()).collect();
    let shell = |command: &str| ("Bash", json!({"command": command, "description": "run it"}));
    let mut run = Run::start(ground, &session(&ids[0]));
    run.turn(&says("one"));
    let both = Step {
        text: Some("Both.".into()),
        tools: vec![call(shell("echo a")), call(shell("false"))],
        ..Step::default()
    };
    run.turn(&Script::new().step(both).text("done").prompt("Run both."));
    run.end();
    let fork = [format!("--resume={}", ids[0]), "--fork-session".into(), format!("--session-id={}", ids[1])];
    let mut run = Run::start(ground, &fork);
    run.turn(&says("forked"));
    run.ask(json!({"subtype": "rename_session", "title": "A fine title"}));
    run.end();
    let mut run = Run::start(ground, &session(&ids[2]));
    let task = Script::new()
        .tool("Bash", json!({"command": "echo sub", "description": "x"}))
        .text("sub done")
        .prompt("Do it.");
    let agent = json!({"description": "sub", "subagent_type": "general-purpose", "prompt": task});
    run.turn(&Script::new().tool("Agent", agent).text("delegated").prompt("Delegate."));
    run.end();
    let mut run = Run::start(ground, &session(&ids[3]));
    run.turn(&says("before"));
    run.turn("/compact");
    run.turn(&says("after"));
    run.end();
    let mut run = Run::start(ground, &session(&ids[4]));
    run.turn(&says("keep"));
    let dropped = run.turn(&says("drop"));
    let target = json!({"subtype": "rewind_conversation", "target_message_uuid": dropped, "last_seen_user_message_uuid": dropped});
    run.ask(target);
    run.turn(&says("other"));
    let (tool, input) = shell("sleep 1; echo slow");
    run.say(&Script::new().tool(tool, input).text("heard").prompt("Work slowly."));
    run.until(|message| message["type"] == "assistant");
    run.turn("and this too");
    run.end();
}

fn call((name, input): (&str, Value)) -> tenure_model::ToolCall {
    tenure_model::ToolCall { name: name.to_owned(), input }
}

/// Kinds of records, with their members and the kinds of values that those have.
fn shapes(config: &Path) -> BTreeMap<String, BTreeMap<String, BTreeSet<&'static str>>> {
    let mut shapes: BTreeMap<String, BTreeMap<String, BTreeSet<&'static str>>> = BTreeMap::new();
    for project in fs::read_dir(config.join("projects")).unwrap() {
        for entry in fs::read_dir(project.unwrap().path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "jsonl") {
                continue;
            }
            let text = fs::read_to_string(path).unwrap();
            for record in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
                let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let kind = [&record["type"], &record["attachment"]["type"]].map(word).join(" ");
                let shape = shapes.entry(kind).or_default();
                for (key, value) in record.as_object().unwrap() {
                    shape.entry(key.clone()).or_default().insert(kind_of(value));
                }
            }
        }
    }
    shapes
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

#[test]
fn what_the_program_wrote_is_listed_and_read_as_the_official_sdk_does() {
    let ground = Ground::new();
    real(&ground);
    let config = ground.scratch.path().join("claude/home/.claude");
    assert_eq!(agrees(&config), 0);
    // Generated records have no member that the program does not write, and none of another kind.
    let made = tempfile::tempdir().unwrap();
    tenure_corpus::claude(&Plan { sessions: 60, turns: 6, ..Plan::default() }, made.path()).unwrap();
    let (real, made) = (shapes(&config), shapes(made.path()));
    for (kind, shape) in made {
        let Some(real) = real.get(&kind) else {
            assert!(
                matches!(kind.as_str(), "ai-title " | "tag " | "system "),
                "{kind} is not among what was written"
            );
            continue;
        };
        for (key, kinds) in shape {
            // What hangs on nothing in one conversation hangs on something in another.
            if key == "parentUuid" {
                continue;
            }
            let known = real.get(&key).unwrap_or_else(|| panic!("{kind} has no {key}"));
            assert!(kinds.is_subset(known), "{kind}.{key} is {kinds:?} and was {known:?}");
        }
    }
}

#[test]
fn made_up_histories_are_listed_and_read_as_the_official_sdk_does() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan { seed: 7, sessions: 150, turns: 5, text: 60, overhead: 300, odd: true };
    tenure_corpus::claude(&plan, dir.path()).unwrap();
    let elsewhere = agrees(dir.path());
    assert!((1..30).contains(&elsewhere), "{elsewhere} conversations of 150 point elsewhere");
}
