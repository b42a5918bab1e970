//! Pi against its own rpc mode and its own session manager: what they list and replay of the session files that it wrote.

mod listed;

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
    let agent_dir = ground.scratch.path().join("pi/home/.pi/agent");
    let reader = PiReader::new(vec![agent_dir.clone()]);
    for (id, theirs) in &seen {
        assert_eq!(told(theirs), shown(&super::messages(&reader, id)), "{id}");
    }
    let entry = |at: usize| reader.describe(&super::found(&reader, &seen[at].0)).unwrap().unwrap();
    let (first, fork) = (entry(0), entry(1));
    assert_eq!(first.custom_title.as_deref(), Some("A fine name"));
    assert_eq!(first.cwd.as_deref(), ground.work.path().to_str());
    assert_eq!(fork.forked_from.as_ref(), Some(&first.native_id));

    let setup = pi(&ground.model.url(), ground.scratch.path()).unwrap();
    assert_eq!(listed::agrees(&setup, &agent_dir), 2);
    let odd = odd_files(&agent_dir.join("sessions/--odd--"));
    assert_eq!(listed::agrees(&setup, &agent_dir), 2 + odd);
}

/// Files that do not come about every day; how many of them are sessions.
fn odd_files(dir: &std::path::Path) -> usize {
    std::fs::create_dir_all(dir).unwrap();
    let header = |id: &str| json!({"type": "session", "version": 3, "id": id, "timestamp": "2026-11-20T10:00:00.000Z", "cwd": "/w"});
    let entry = |kind: &str, id: &str, parent: Option<&str>, more: Value| {
        let mut entry =
            json!({"type": kind, "id": id, "parentId": parent, "timestamp": "2026-11-20T10:00:01.000Z"});
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    let said = |id: &str, parent: Option<&str>, role: &str, text: &str, at: u64| {
        let content = json!([{"type": "text", "text": text}]);
        entry("message", id, parent, json!({"message": {"role": role, "content": content, "timestamp": at}}))
    };
    let named = |id: &str, name: &str| entry("session_info", id, None, json!({ "name": name }));
    let (noon, long) = (1_795_176_000_000, "word ".repeat(30_000));
    let files: [(&str, Vec<Value>); 7] = [
        ("nothing was said", vec![header("a1")]),
        (
            "named, with much around it",
            vec![
                header("a2"),
                said("u1", None, "user", "first", noon),
                said("m1", Some("u1"), "assistant", &long, noon + 1),
                named("i1", " In the middle "),
                said("u2", Some("i1"), "user", &long, noon + 2),
                said("m2", Some("u2"), "assistant", "more", noon + 3),
            ],
        ),
        (
            "the name was taken away",
            vec![
                header("a3"),
                said("u1", None, "user", "hello", noon),
                named("i1", "Once"),
                named("i2", " "),
            ],
        ),
        (
            "a branch that was left spoke last, a long prompt of tools before the first",
            vec![
                header("a4"),
                said("t0", None, "toolResult", &long, noon + 9),
                said("u1", Some("t0"), "user", "one\ntwo", noon),
                said("m1", Some("u1"), "assistant", "late", noon + 5),
                said("u2", Some("u1"), "user", "early", noon + 4),
            ],
        ),
        (
            "of an older layout",
            vec![
                json!({"type": "session", "id": "a5", "timestamp": "2026-11-20T09:00:00.000Z", "cwd": "/old"}),
                json!({"type": "message", "timestamp": "2026-11-20T09:00:01.000Z", "message": {"role": "user", "content": "asked"}}),
                json!({"type": "message", "timestamp": "2026-11-20T09:00:02.000Z",
                "message": {"role": "assistant", "content": [{"type": "text", "text": "told"}]}}),
            ],
        ),
        (
            "pictures alone",
            vec![
                header("a6"),
                entry(
                    "message",
                    "u1",
                    None,
                    json!({"message": {"role": "user", "timestamp": noon,
                "content": [{"type": "image", "data": "aGk=", "mimeType": "image/png"}]}}),
                ),
            ],
        ),
        ("no session", vec![said("u1", None, "user", "who am I", noon), header("a7")]),
    ];
    for (number, (_, lines)) in files.iter().enumerate() {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let id = number + 1;
        // One of them was given a name by hand.
        let name =
            if id == 3 { "kept.jsonl".to_owned() } else { format!("2026-11-20T10-00-00-000Z_a{id}.jsonl") };
        std::fs::write(dir.join(name), text).unwrap();
    }
    std::fs::write(dir.join("2026-11-20T10-00-00-000Z_a8.jsonl"), "{\"type\": torn\n").unwrap();
    files.len() - 1
}

/// Who said what, and what calls gave.
type Line = (Role, String, Vec<String>);

fn told(messages: &[Value]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for message in messages {
        let blocks = message["content"].as_array().into_iter().flatten();
        let blocks = blocks.filter_map(|block| block["text"].as_str());
        let texts: Vec<&str> = message["content"].as_str().into_iter().chain(blocks).collect();
        let text = texts.join("\n");
        match message["role"].as_str().unwrap() {
            "user" => lines.push((Role::User, text, Vec::new())),
            "assistant" => lines.push((Role::Assistant, text, Vec::new())),
            "toolResult" => lines.iter_mut().last().into_iter().for_each(|line| line.2.push(text.clone())),
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
