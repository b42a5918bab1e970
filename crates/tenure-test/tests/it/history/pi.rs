//! Pi against its own rpc mode: what it replays of the session files that it wrote.

use serde_json::{Value, json};
use tenure_event::{Message, PartBody, Role};
use tenure_history::{PiReader, Reader};
use tenure_model::{Script, Step, ToolCall};
use tenure_test::agents::pi;

use crate::agents::Ground;
use crate::agents::driver::Driver;

/// One run of the program.
struct Run {
    driver: Driver,
    requests: u64,
}

impl Run {
    fn start(ground: &Ground) -> Self {
        let setup = pi(&ground.model.url(), ground.scratch.path()).unwrap();
        let driver = Driver::start(&setup, &["--mode", "rpc"], ground.work.path(), ground.scratch.path());
        Self { driver, requests: 0 }
    }

    fn ask(&mut self, kind: &str, more: &Value) -> Value {
        self.requests += 1;
        let id = self.requests.to_string();
        let mut request = json!({"type": kind, "id": id});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.driver.send(&request);
        let answer = self.until(|message| message["type"] == "response" && message["id"] == id.as_str());
        assert_eq!(answer["success"], true, "{kind}: {answer}");
        answer["data"].clone()
    }

    fn until(&mut self, last: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.driver.next();
            if message["method"] == "confirm" {
                let yes = json!({"type": "extension_ui_response", "id": message["id"], "confirmed": true});
                self.driver.send(&yes);
            }
            if last(&message) {
                return message;
            }
        }
    }

    fn turn(&mut self, prompt: &str) {
        self.driver.send(&json!({"id": "p", "type": "prompt", "message": prompt}));
        self.until(|message| message["type"] == "agent_settled");
    }

    /// The conversation that is open, as the program replays it.
    fn seen(&mut self) -> (String, Vec<Value>) {
        let state = self.ask("get_state", &json!({}));
        let messages = self.ask("get_messages", &json!({}))["messages"].as_array().unwrap().clone();
        (state["sessionId"].as_str().unwrap().to_owned(), messages)
    }
}

fn says(text: &str) -> String {
    Script::new().text(text).prompt(&format!("Say {text}."))
}

#[test]
fn session_files_are_read_as_pi_does() {
    let ground = Ground::new();
    let mut run = Run::start(&ground);
    let call = |command: &str| ToolCall { name: "bash".to_owned(), input: json!({ "command": command }) };
    let both =
        Step { text: Some("Both.".into()), tools: vec![call("echo a"), call("false")], ..Step::default() };
    run.turn(&says("one"));
    run.turn(&Script::new().step(both).text("done").prompt("Run both."));
    run.ask("set_session_name", &json!({"name": "A fine name"}));
    let mut seen = vec![run.seen()];
    let entries = run.ask("get_fork_messages", &json!({}));
    run.ask("fork", &json!({"entryId": entries["messages"][1]["entryId"]}));
    run.turn(&says("forked"));
    run.turn(&says("again"));
    run.ask("compact", &json!({}));
    run.turn(&says("after"));
    seen.push(run.seen());
    assert!(run.driver.end().success());
    let reader = PiReader::new(vec![ground.scratch.path().join("pi/home/.pi/agent")]);
    for (id, theirs) in &seen {
        assert_eq!(told(theirs), shown(&super::messages(&reader, id)), "{id}");
    }
    let entry = |at: usize| reader.describe(&super::found(&reader, &seen[at].0)).unwrap().unwrap();
    let (first, fork) = (entry(0), entry(1));
    assert_eq!(first.custom_title.as_deref(), Some("A fine name"));
    assert_eq!(first.cwd.as_deref(), ground.work.path().to_str());
    assert_eq!(fork.forked_from.as_ref(), Some(&first.native_id));
}

/// Who said what, and what calls gave.
type Line = (Role, String, Vec<String>);

fn told(messages: &[Value]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for message in messages {
        let blocks = message["content"].as_array().into_iter().flatten();
        let texts: Vec<&str> = blocks.filter_map(|block| block["text"].as_str()).collect();
        let text = texts.join("\n");
        match message["role"].as_str().unwrap() {
            "user" => lines.push((Role::User, text, Vec::new())),
            "assistant" => lines.push((Role::Assistant, text, Vec::new())),
            "toolResult" => lines.last_mut().unwrap().2.push(text),
            _ => {}
        }
    }
    lines
}

fn shown(messages: &[Message]) -> Vec<Line> {
    let gave = |message: &Message| {
        let calls = message.parts.iter().filter_map(|part| match &part.body {
            PartBody::Tool(tool) => Some(tool.output.as_ref()?.as_str()?.to_owned()),
            _ => None,
        });
        calls.collect()
    };
    messages.iter().map(|message| (message.role, message.text.clone(), gave(message))).collect()
}
