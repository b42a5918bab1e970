//! Codex against its own app-server: what it lists and replays of the rollouts that it wrote.

use std::path::Path;

use serde_json::{Value, json};
use tenure_event::{PartBody, ToolPart, ToolState};
use tenure_history::{CodexReader, list};
use tenure_model::{Script, Step, ToolCall};
use tenure_test::agents::codex;

use crate::agents::Ground;
use crate::agents::driver::Driver;

/// One run of the app-server.
struct Run {
    driver: Driver,
    requests: u64,
    work: String,
}

impl Run {
    fn start(ground: &Ground) -> Self {
        let setup = codex(&ground.model.url(), ground.scratch.path()).unwrap();
        let driver = Driver::start(&setup, &[], ground.work.path(), ground.scratch.path());
        let work = ground.work.path().display().to_string();
        let mut run = Self { driver, requests: 0, work };
        let client = json!({"name": "test", "title": "test", "version": "1"});
        run.ask("initialize", &json!({"clientInfo": client, "capabilities": {"experimentalApi": true}}));
        run.driver.send(&json!({"method": "initialized"}));
        run
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.requests += 1;
        let id = self.requests;
        self.driver.send(&json!({"id": id, "method": method, "params": params}));
        let answer = self.until(|message| message["id"] == id && message["method"].is_null());
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Reads on to a message; allows what is asked for.
    fn until(&mut self, last: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.driver.next();
            if last(&message) {
                return message;
            }
            if message["method"].is_string() && !message["id"].is_null() {
                self.driver.send(&json!({"id": message["id"], "result": {"decision": "accept"}}));
            }
        }
    }

    fn thread(&mut self) -> String {
        let params = json!({"cwd": self.work, "approvalPolicy": "never", "sandbox": "danger-full-access"});
        self.ask("thread/start", &params)["thread"]["id"].as_str().unwrap().to_owned()
    }

    fn turn(&mut self, thread: &str, prompt: &str) {
        let input = json!([{"type": "text", "text": prompt}]);
        self.ask("turn/start", &json!({"threadId": thread, "input": input}));
        self.until(|message| message["method"] == "turn/completed");
    }

    fn read(&mut self, thread: &str) -> Vec<Value> {
        let told = self.ask("thread/read", &json!({"threadId": thread, "includeTurns": true}));
        let turns = told["thread"]["turns"].as_array().unwrap();
        turns.iter().flat_map(|turn| turn["items"].as_array().unwrap().clone()).collect()
    }
}

fn says(text: &str) -> String {
    Script::new().text(text).prompt(&format!("Say {text}."))
}

/// Threads of several kinds; all but the last are listed.
fn threads(run: &mut Run) -> Vec<String> {
    let first = run.thread();
    let call = |command: &str| ToolCall { name: "exec_command".to_owned(), input: json!({ "cmd": command }) };
    let both =
        Step { text: Some("Both.".into()), tools: vec![call("echo a"), call("false")], ..Step::default() };
    run.turn(&first, &Script::new().step(both).text("done").prompt("Run both."));
    let step = Step { think: Some("hm".into()), text: Some("thought".into()), ..Step::default() };
    run.turn(&first, &Script::new().step(step).prompt("Think."));
    let params = json!({"threadId": first, "cwd": run.work, "approvalPolicy": "never", "sandbox": "danger-full-access"});
    let fork = run.ask("thread/fork", &params)["thread"]["id"].as_str().unwrap().to_owned();
    run.turn(&fork, &says("forked"));
    run.ask("thread/name/set", &json!({"threadId": fork, "name": "A fine name"}));
    let archived = run.thread();
    run.turn(&archived, &says("put away"));
    run.ask("thread/archive", &json!({"threadId": archived}));
    vec![first, fork, archived]
}

#[test]
fn rollouts_are_listed_and_read_as_codex_does() {
    let ground = Ground::new();
    let mut run = Run::start(&ground);
    let threads = threads(&mut run);
    assert!(run.driver.end().success());
    let mut run = Run::start(&ground);
    let reader = CodexReader::new(vec![ground.scratch.path().join("codex/home/.codex")]);
    let listing = list(&[&reader]);
    assert!(listing.warnings.is_empty(), "{:?}", listing.warnings);
    let theirs = run.ask("thread/list", &json!({"limit": 100}))["data"].as_array().unwrap().clone();
    let put_away =
        run.ask("thread/list", &json!({"limit": 100, "archived": true}))["data"].as_array().unwrap().clone();
    assert_eq!((theirs.len(), put_away.len(), listing.items.len()), (2, 1, 3));
    for (told, archived) in
        theirs.iter().map(|told| (told, None)).chain(put_away.iter().map(|told| (told, Some(true))))
    {
        let entry = listing.items.iter().find(|entry| told["id"] == entry.native_id.as_str()).unwrap();
        assert_eq!(entry.archived, archived);
        assert_eq!(json!(entry.cwd), told["cwd"]);
        assert_eq!(json!(entry.custom_title), told["name"]);
        // Its list does not tell where a fork comes from.
        let forked = entry.native_id == threads[1];
        assert_eq!(entry.forked_from.as_ref(), forked.then_some(&threads[0]));
        assert_eq!(json!(entry.version), told["cliVersion"]);
        assert_eq!(json!(entry.model), told["model"]);
        assert_eq!(Path::new(told["path"].as_str().unwrap()), entry.path);
        assert_eq!(entry.created_at.map(|at| at.as_millis() / 1000), told["createdAt"].as_i64());
        assert_eq!(json!(entry.first_input), told["preview"], "short prompts stand on one line as they are");
    }
    for thread in &threads {
        let (ours, theirs) = (super::messages(&reader, thread), run.read(thread));
        let mut owners = super::owners(&ours);
        for (at, call) in calls(&ours) {
            owners.insert(&call.tool_id, at);
        }
        let places: Vec<usize> = theirs.iter().map(|item| owners[item["id"].as_str().unwrap()]).collect();
        assert!(places.is_sorted(), "{places:?}");
        assert_eq!(places.last(), Some(&(ours.len() - 1)));
        for (item, at) in theirs.iter().zip(places) {
            match item["type"].as_str().unwrap() {
                "userMessage" => assert_eq!(ours[at].text, item["content"][0]["text"]),
                "agentMessage" => assert_eq!(ours[at].text, item["text"]),
                "commandExecution" => {
                    let (_, call) =
                        calls(&ours).find(|(_, call)| item["id"] == call.tool_id.as_str()).unwrap();
                    let ended_well = item["status"] == "completed";
                    assert_eq!(call.state == ToolState::Completed, ended_well, "{item}");
                    assert_eq!(json!(call.output), item["aggregatedOutput"], "{item}");
                }
                "reasoning" => {}
                other => panic!("{other} is not compared"),
            }
        }
    }
}

fn calls(messages: &[tenure_event::Message]) -> impl Iterator<Item = (usize, &ToolPart)> {
    messages.iter().enumerate().flat_map(|(at, message)| {
        message.parts.iter().filter_map(move |part| match &part.body {
            PartBody::Tool(tool) => Some((at, tool)),
            _ => None,
        })
    })
}
