//! An agent that speaks stream-json with control requests: it has a queue of its own, folds
//! what comes in while it works into its turn, and tells when it is idle.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Value, json};
use tenure_core::agent::StartRecord;

use super::{Disk, native_of};
use crate::dice::Dice;

pub(crate) struct Claude {
    native: String,
    process: u32,
    /// Inputs that wait: their ids on the wire, and what they say.
    queue: VecDeque<(String, String)>,
    turn: Option<Turn>,
    /// What it waits for, and what it was never told an answer to.
    open: BTreeSet<String>,
    unanswered: BTreeSet<String>,
    made: u64,
    pub(crate) ends: bool,
}

struct Turn {
    inputs: Vec<String>,
    steps: usize,
    /// What is left of the message under way.
    script: VecDeque<Value>,
    cancelled: bool,
    by_itself: bool,
}

impl Claude {
    pub(crate) fn new(record: &StartRecord) -> Self {
        Self {
            native: native_of(record),
            process: record.generation,
            queue: VecDeque::new(),
            turn: None,
            open: BTreeSet::new(),
            unanswered: BTreeSet::new(),
            made: 0,
            ends: false,
        }
    }

    pub(crate) fn waits(&self) -> bool {
        !self.open.is_empty()
    }

    pub(crate) fn works(&self) -> bool {
        self.open.is_empty() && (self.turn.is_some() || !self.queue.is_empty())
    }

    fn name(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}_{}_{}", self.process, self.made)
    }

    pub(crate) fn hear(&mut self, told: &Value, disk: &mut Disk, out: &mut Vec<Value>) {
        match told["type"].as_str() {
            Some("user") => {
                let words = told["message"]["content"].as_str().map(str::to_owned);
                let words = words
                    .or_else(|| told["message"]["content"][0]["text"].as_str().map(str::to_owned))
                    .expect("an input has words");
                let id = told["uuid"].as_str().expect("an input has an id").to_owned();
                disk.take(&words, self.lifecycle(&id, "started").to_string());
                out.push(self.lifecycle(&id, "queued"));
                self.queue.push_back((id, words));
            }
            Some("control_request") => self.controlled(told, disk, out),
            Some("control_response") => {
                let id = told["response"]["request_id"].as_str().expect("an id of ours");
                assert!(self.unanswered.remove(id), "request {id} is answered twice, or was never made");
                self.open.remove(id);
                if told["response"]["response"]["interrupt"] == true
                    && let Some(turn) = &mut self.turn
                {
                    (turn.cancelled, turn.steps) = (true, 0);
                }
            }
            _ => panic!("an agent was told {told}"),
        }
    }

    fn controlled(&mut self, told: &Value, disk: &mut Disk, out: &mut Vec<Value>) {
        let id = &told["request_id"];
        match told["request"]["subtype"].as_str() {
            Some("initialize") => {
                out.push(answer(id, json!({"commands": [], "models": [], "account": {}})));
            }
            Some("interrupt") => {
                out.push(answer(id, json!({})));
                for (id, words) in std::mem::take(&mut self.queue) {
                    out.push(self.lifecycle(&id, "cancelled"));
                    disk.dropped.insert(words);
                }
                for id in std::mem::take(&mut self.open) {
                    out.push(json!({"type": "control_cancel_request", "request_id": id}));
                }
                match &mut self.turn {
                    Some(turn) => {
                        (turn.cancelled, turn.steps) = (true, 0);
                        turn.script.clear();
                    }
                    None => out.push(self.state("idle")),
                }
            }
            Some("end_session") => {
                out.push(answer(id, json!({})));
                self.ends = true;
            }
            other => panic!("an agent was asked for {other:?}"),
        }
    }

    pub(crate) fn work(&mut self, disk: &mut Disk, dice: &mut Dice, out: &mut Vec<Value>) {
        let Some(turn) = &mut self.turn else { return self.begin(dice, out) };
        if let Some(next) = turn.script.pop_front() {
            if next["type"] == "control_request" {
                let id = next["request_id"].as_str().unwrap_or_default().to_owned();
                self.open.insert(id.clone());
                self.unanswered.insert(id);
            }
            return out.push(next);
        }
        if turn.steps == 0 {
            return self.end(dice, out);
        }
        turn.steps -= 1;
        if !self.queue.is_empty() && dice.chance(50) {
            return self.fold(out);
        }
        if dice.chance(65) { self.say(disk, dice) } else { self.tool(dice) }
    }

    fn begin(&mut self, dice: &mut Dice, out: &mut Vec<Value>) {
        let inputs: Vec<String> = self.queue.drain(..).map(|(id, _)| id).collect();
        out.push(self.state("running"));
        out.extend(inputs.iter().map(|id| self.lifecycle(id, "started")));
        out.push(self.frame(
            json!({"type": "system", "subtype": "init", "model": "m", "permissionMode": "default", "tools": []}),
        ));
        self.turn = Some(Turn {
            inputs,
            steps: dice.roll(5),
            script: VecDeque::new(),
            cancelled: false,
            by_itself: false,
        });
    }

    /// What came in meanwhile becomes part of the turn.
    fn fold(&mut self, out: &mut Vec<Value>) {
        let folded: Vec<String> = self.queue.drain(..).map(|(id, _)| id).collect();
        out.extend(folded.iter().map(|id| self.lifecycle(id, "started")));
        if let Some(turn) = &mut self.turn {
            turn.inputs.extend(folded);
        }
    }

    fn say(&mut self, disk: &mut Disk, dice: &mut Dice) {
        let id = self.name("msg");
        let pieces: Vec<String> = (0..1 + dice.roll(3)).map(|_| disk.word(dice)).collect();
        disk.conversations.entry(self.native.clone()).or_default().push(pieces.concat());
        let event = |event: Value| json!({"type": "stream_event", "event": event, "api_message_id": id, "parent_tool_use_id": null});
        let mut script = vec![
            event(
                json!({"type": "message_start", "message": {"id": id, "role": "assistant", "content": []}}),
            ),
            event(
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            ),
        ];
        script.extend(pieces.iter().map(|text| {
            event(json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}))
        }));
        let content = json!([{"type": "text", "text": pieces.concat()}]);
        script.push(json!({"type": "assistant", "parent_tool_use_id": null,
            "message": {"id": id, "role": "assistant", "content": content}}));
        script.push(event(json!({"type": "content_block_stop", "index": 0})));
        script.push(event(json!({"type": "message_stop"})));
        self.follow(script);
    }

    fn tool(&mut self, dice: &mut Dice) {
        let (id, tool) = (self.name("msg"), self.name("toolu"));
        let event = |event: Value| json!({"type": "stream_event", "event": event, "api_message_id": id, "parent_tool_use_id": null});
        let input = json!({"command": "ls"});
        let content = json!([{"type": "tool_use", "id": tool, "name": "Bash", "input": input}]);
        let mut script = vec![
            event(
                json!({"type": "message_start", "message": {"id": id, "role": "assistant", "content": []}}),
            ),
            json!({"type": "assistant", "parent_tool_use_id": null,
                "message": {"id": id, "role": "assistant", "content": content}}),
        ];
        if dice.chance(50) {
            let asks =
                json!({"subtype": "can_use_tool", "tool_name": "Bash", "input": input, "tool_use_id": tool});
            script.push(json!({"type": "control_request", "request_id": self.name("ask"), "request": asks}));
        }
        script.push(event(json!({"type": "message_stop"})));
        let result =
            json!([{"type": "tool_result", "tool_use_id": tool, "content": "done", "is_error": false}]);
        script.push(json!({"type": "user", "parent_tool_use_id": null,
            "message": {"role": "user", "content": result}}));
        self.follow(script);
    }

    fn follow(&mut self, script: Vec<Value>) {
        let script: Vec<Value> = script.into_iter().map(|frame| self.frame(frame)).collect();
        if let Some(turn) = &mut self.turn {
            turn.script.extend(script);
        }
    }

    fn end(&mut self, dice: &mut Dice, out: &mut Vec<Value>) {
        let Some(turn) = self.turn.take() else { return };
        let mut result = json!({"type": "result", "subtype": "success", "is_error": false, "result": "done",
            "stop_reason": "end_turn", "user_message_uuids": turn.inputs});
        if turn.by_itself {
            result["origin"] = json!("task");
        }
        if turn.cancelled {
            result["subtype"] = json!("error_during_execution");
            result["terminal_reason"] = json!("aborted_streaming");
            result["is_error"] = json!(true);
        }
        out.push(self.frame(result));
        if self.queue.is_empty() && dice.chance(10) {
            // Something in the background wakes the model, before it ever was idle.
            self.begin(dice, out);
            if let Some(turn) = &mut self.turn {
                turn.by_itself = true;
            }
        } else if self.queue.is_empty() {
            out.push(self.state("idle"));
        }
    }

    fn state(&self, state: &str) -> Value {
        self.frame(json!({"type": "system", "subtype": "session_state_changed", "state": state}))
    }

    fn lifecycle(&self, id: &str, state: &str) -> Value {
        self.frame(json!({"type": "command_lifecycle", "command_uuid": id, "state": state}))
    }

    fn frame(&self, mut frame: Value) -> Value {
        frame["session_id"] = json!(self.native);
        frame
    }
}

fn answer(id: &Value, response: Value) -> Value {
    json!({"type": "control_response",
        "response": {"subtype": "success", "request_id": id, "response": response}})
}
