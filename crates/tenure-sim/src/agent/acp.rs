//! An agent that speaks the Agent Client Protocol.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tenure_core::agent::StartRecord;

use super::{Disk, native_of};
use crate::dice::Dice;

/// What this one can do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AcpTraits {
    /// It continues by `session/resume`, else by `session/load`, which tells everything again.
    pub(crate) resumes: bool,
    pub(crate) steers: bool,
    pub(crate) closes: bool,
    /// It says more after its turn has ended.
    pub(crate) strays: bool,
}

pub(crate) struct Acp {
    traits: AcpTraits,
    native: String,
    turn: Option<Turn>,
    /// Requests that wait for an answer, and all that were ever made.
    open: BTreeSet<u64>,
    asked: u64,
    /// Tools that run.
    tools: BTreeMap<String, ()>,
    stray: bool,
    pub(crate) ends: bool,
}

struct Turn {
    id: Value,
    steps: usize,
    cancelled: bool,
}

impl Acp {
    pub(crate) fn new(traits: AcpTraits, record: &StartRecord) -> Self {
        let native = native_of(record);
        let tools = BTreeMap::new();
        Self { traits, native, turn: None, open: BTreeSet::new(), asked: 0, tools, stray: false, ends: false }
    }

    pub(crate) fn waits(&self) -> bool {
        !self.open.is_empty()
    }

    /// It can go on by itself.
    pub(crate) fn works(&self) -> bool {
        self.stray || (self.turn.is_some() && self.open.is_empty())
    }

    pub(crate) fn hear(&mut self, told: &Value, disk: &mut Disk, dice: &mut Dice, out: &mut Vec<Value>) {
        let id = &told["id"];
        match told["method"].as_str() {
            Some("initialize") => out.push(answer(id, self.greeting())),
            Some("session/new") => {
                disk.conversations.entry(self.native.clone()).or_default();
                out.push(answer(id, json!({"sessionId": self.native})));
            }
            Some("session/load" | "session/resume") => {
                let history = disk.conversations.get(&self.native).cloned().unwrap_or_default();
                if !self.traits.resumes {
                    out.extend(history.iter().map(|text| self.chunk(text, json!({"replay": true}))));
                }
                out.push(answer(id, json!({})));
            }
            Some("session/prompt") => {
                assert!(self.turn.is_none(), "two prompts at once");
                let words = told["params"]["prompt"][0]["text"].as_str().expect("an input has words");
                disk.take(words, String::new());
                self.turn = Some(Turn { id: id.clone(), steps: dice.roll(7), cancelled: false });
            }
            Some("_session/steering") => {
                let words = told["params"]["prompt"][0]["text"].as_str().expect("an input has words");
                disk.take(words, answer(id, json!({"outcome": "injected"})).to_string());
                let taken = self.turn.is_some() && dice.chance(70);
                if !taken {
                    disk.dropped.insert(words.to_owned());
                }
                out.push(answer(id, json!({"outcome": if taken { "injected" } else { "idle" }})));
            }
            Some("session/cancel") => {
                if let Some(turn) = &mut self.turn {
                    (turn.cancelled, turn.steps) = (true, 0);
                }
            }
            Some("session/close") => {
                out.push(answer(id, json!({})));
                self.ends = true;
            }
            Some(other) => panic!("an agent was asked for {other}"),
            None => {
                let id = id.as_u64().expect("an answer to a request of ours");
                assert!(self.open.remove(&id), "request {id} is answered twice, or was never made");
            }
        }
    }

    fn greeting(&self) -> Value {
        let mut session = json!({});
        if self.traits.resumes {
            session["resume"] = json!({});
        }
        if self.traits.closes {
            session["close"] = json!({});
        }
        json!({
            "protocolVersion": 1,
            "agentCapabilities": {"loadSession": true, "sessionCapabilities": session},
            "agentInfo": {"name": "made-up", "version": "1"},
            "_meta": {"steering": {"supported": self.traits.steers}},
        })
    }

    pub(crate) fn work(&mut self, disk: &mut Disk, dice: &mut Dice, out: &mut Vec<Value>) {
        if std::mem::take(&mut self.stray) {
            return self.say(disk, dice, out);
        }
        let Some(turn) = &mut self.turn else { return };
        if turn.steps == 0 {
            let reason = if turn.cancelled && dice.chance(80) { "cancelled" } else { "end_turn" };
            out.push(answer(&turn.id, json!({"stopReason": reason})));
            self.turn = None;
            self.tools.clear();
            self.stray = self.traits.strays && dice.chance(20);
            return;
        }
        turn.steps -= 1;
        match dice.roll(12) {
            0..=5 => self.say(disk, dice, out),
            6 => out.push(self.update(
                json!({"sessionUpdate": "agent_thought_chunk", "content": {"type": "text", "text": "hm "}}),
            )),
            7 | 8 => self.tool(dice, out),
            9 => self.ask("session/request_permission", out),
            10 => self.ask("fs/read_text_file", out),
            _ => out.push(json!({"jsonrpc": "2.0", "method": "moon/rose", "params": {}})),
        }
    }

    fn say(&mut self, disk: &mut Disk, dice: &mut Dice, out: &mut Vec<Value>) {
        let text = disk.word(dice);
        out.push(self.chunk(&text, Value::Null));
        disk.conversations.entry(self.native.clone()).or_default().push(text);
    }

    fn tool(&mut self, dice: &mut Dice, out: &mut Vec<Value>) {
        if let Some((id, ())) = self.tools.pop_first() {
            let status = if dice.chance(70) { "completed" } else { "failed" };
            let update = json!({"sessionUpdate": "tool_call_update", "toolCallId": id, "status": status});
            return out.push(self.update(update));
        }
        self.asked += 1;
        let id = format!("t{}", self.asked);
        out.push(self.update(json!({
            "sessionUpdate": "tool_call", "toolCallId": id, "title": "ls", "kind": "execute",
            "status": "in_progress", "rawInput": {"command": "ls"},
        })));
        self.tools.insert(id, ());
    }

    fn ask(&mut self, method: &str, out: &mut Vec<Value>) {
        self.asked += 1;
        self.open.insert(self.asked);
        let params = json!({
            "sessionId": self.native, "path": "/srv/project/a",
            "toolCall": {"toolCallId": format!("t{}", self.asked), "title": "make"},
            "options": [
                {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
                {"optionId": "no", "name": "No", "kind": "reject_once"},
            ],
        });
        out.push(json!({"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params}));
    }

    fn chunk(&self, text: &str, meta: Value) -> Value {
        let content = json!({"type": "text", "text": text});
        self.update(json!({"sessionUpdate": "agent_message_chunk", "content": content, "_meta": meta}))
    }

    fn update(&self, update: Value) -> Value {
        let params = json!({"sessionId": self.native, "update": update});
        json!({"jsonrpc": "2.0", "method": "session/update", "params": params})
    }
}

fn answer(id: &Value, result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}
