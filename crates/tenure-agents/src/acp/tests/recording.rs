//! A recording of a real agent, played through the codec as if we had been the client:
//! what the client sent is said by our commands and compared in meaning, and what the
//! agent answered comes back under our ids.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenure_core::agent::{Answer, AskAnswer, Codec, Command, EncodeContext, ResumeHow, Signal, StartRecord};
use tenure_event::{Decision, InputId, OptionKind, Part, PartBody, Scope};

use super::{Talk, record};
use crate::acp::AcpCodec;
use crate::acp::state::Phase;
use crate::json::{at, list_at, str_at};
use crate::laws::{Stream, one_line, recorded_lines, recording_names};

/// What happened, in order.
pub(super) enum Step {
    /// The client said this to the agent.
    Said(String),
    /// The agent wrote this line.
    Heard(Vec<u8>),
}

pub(super) struct Recording {
    pub(super) name: String,
    lines: Vec<(bool, Value)>,
}

impl Recording {
    pub(super) fn read(name: &str) -> Self {
        let parse = |row: Value| (row["dir"] == "a2c", row["msg"].clone());
        Self { name: name.to_owned(), lines: recorded_lines("acp", name).into_iter().map(parse).collect() }
    }

    pub(super) fn names() -> Vec<String> {
        recording_names("acp", 28)
    }

    /// All that the agent would have written to us.
    pub(super) fn stream(&self) -> Stream {
        let mut lines = Vec::new();
        self.play(|step, _| {
            if let Step::Heard(line) = step {
                lines.push(line.clone());
            }
        });
        Stream::new(&self.name, self.record(), lines)
    }

    /// What a process of its agent is started with.
    fn record(&self) -> StartRecord {
        let mut record = record();
        record.preset = Some(self.preset());
        // The client of the recordings tried every mode.
        record.allow_bypass = true;
        if let Some(load) = self.sent("session/load").or_else(|| self.sent("session/resume")) {
            record.resume = ResumeHow::Resume(load["params"]["sessionId"].as_str().unwrap().to_owned());
        }
        record
    }

    fn preset(&self) -> String {
        let known = ["codex-acp", "pi-acp", "gemini", "goose", "opencode"];
        known
            .into_iter()
            .find(|preset| self.name.starts_with(preset))
            .unwrap_or("claude-agent-acp")
            .to_owned()
    }

    fn sent(&self, method: &str) -> Option<&Value> {
        self.lines.iter().filter(|(agent, _)| !agent).map(|(_, msg)| msg).find(|msg| msg["method"] == method)
    }

    /// Plays it: every line that the agent would have written to us, and what we said.
    pub(super) fn play(&self, mut heard: impl FnMut(&Step, &[Signal])) {
        let mut talk = Talk::new(self.record());
        let mut ids: BTreeMap<String, Value> = BTreeMap::new();
        let mut asks: BTreeMap<String, Value> = BTreeMap::new();
        let mut n = 0;
        for (from_agent, msg) in &self.lines {
            if *from_agent {
                let Some(line) = self.line_for_us(msg, &ids) else { continue };
                let out = talk.line(&line);
                for signal in &out {
                    if let Signal::Ask(ask) = signal {
                        asks.insert(ask.token.clone(), ask.keep.clone());
                    }
                }
                heard(&Step::Heard(line), &out);
            } else {
                n += 1;
                let Some((command, compare)) = command_for(msg, &talk.codec, &asks) else { continue };
                let bytes = talk.codec.encode(n, &command, &EncodeContext::default());
                let ours = one_line(&bytes.unwrap_or_else(|e| panic!("{}: {msg}: {e}", self.name)));
                if compare {
                    assert_same_meaning(&self.name, &ours, msg);
                }
                if msg.get("method").is_some() && msg.get("id").is_some() {
                    ids.insert(msg["id"].to_string(), ours["id"].clone());
                }
                heard(&Step::Said(crate::json::clip(&ours.to_string(), 300).to_owned()), &[]);
            }
        }
        let out = talk.codec.cut();
        heard(&Step::Said("(the process is gone)".to_owned()), &out);
    }

    /// The agent's line under our ids; `None` for answers to what we never ask.
    fn line_for_us(&self, msg: &Value, ids: &BTreeMap<String, Value>) -> Option<Vec<u8>> {
        let mut msg = msg.clone();
        if msg.get("method").is_none() {
            msg["id"] = ids.get(&msg["id"].to_string())?.clone();
        }
        // The recordings of `session/load` are of agents that would be asked to resume.
        if self.sent("session/load").is_some()
            && let Some(caps) = msg.pointer_mut("/result/agentCapabilities/sessionCapabilities")
        {
            caps.as_object_mut().unwrap().remove("resume");
        }
        Some(msg.to_string().into_bytes())
    }
}

/// The command of ours for what the client sent, and whether the lines are to be compared
/// whole.
fn command_for(msg: &Value, codec: &AcpCodec, asks: &BTreeMap<String, Value>) -> Option<(Command, bool)> {
    let params = msg.get("params").unwrap_or(&Value::Null);
    if codec.state.phase == Phase::Failed {
        return None;
    }
    let Some(method) = str_at(msg, &["method"]) else {
        let token = msg["id"].to_string();
        return Some((Command::Answer(answer(token.clone(), asks.get(&token)?, msg)), true));
    };
    // A conversation that was forked off is none of ours.
    let ours = codec.conversation();
    if let (Some(told), Some(ours)) = (str_at(params, &["sessionId"]), ours)
        && told != ours
    {
        return None;
    }
    Some(match method {
        "initialize" => (Command::Hello, false),
        // The client of version 2 named no tool servers, and wanted to be told all that was said.
        "session/new" | "session/load" | "session/resume" => {
            (Command::Open { how: codec.record.resume.clone() }, !codec.state.about.two)
        }
        "session/prompt" => {
            let text =
                list_at(params, &["prompt"]).iter().find_map(|block| str_at(block, &["text"])).unwrap();
            let body = PartBody::Text { text: text.to_owned() };
            let parts = vec![Part { id: "p".to_owned(), body, bytes: None, blob: None }];
            (Command::Prompt { input_id: InputId::parse("inp").unwrap(), attempt: 1, parts }, true)
        }
        "session/cancel" => (Command::Interrupt, true),
        "session/set_mode" => {
            let mode = str_at(params, &["modeId"])?;
            let offered = codec.capabilities().modes.iter().any(|known| known.id == mode);
            return offered.then(|| (Command::SetMode(mode.to_owned()), false));
        }
        "session/set_model" => {
            let model = str_at(params, &["modelId"])?.to_owned();
            return codec.capabilities().supports["set_model"]
                .is_supported()
                .then_some((Command::SetModel(model), false));
        }
        "session/set_config_option" => {
            let value = str_at(params, &["value"])?.to_owned();
            let whole = |command| Some((command, true));
            return match str_at(params, &["configId"])? {
                "model" => whole(Command::SetModel(value)),
                "mode" => whole(Command::SetMode(value)),
                "effort" | "thought_level" | "reasoning_effort" => whole(Command::SetEffort(value)),
                _ => None,
            };
        }
        "session/close" => {
            let closes =
                at(&codec.state.about.answer, &["agentCapabilities", "sessionCapabilities", "close"])
                    .is_some();
            return closes.then_some((Command::End, true));
        }
        _ => return None,
    })
}

/// The answer of a client who decided by the kind of option that was taken.
fn answer(token: String, keep: &Value, msg: &Value) -> Answer {
    let taken = str_at(msg, &["result", "outcome", "optionId"]);
    let kind = list_at(keep, &["options"])
        .iter()
        .find(|option| str_at(option, &["id"]) == taken)
        .and_then(|option| serde_json::from_value::<OptionKind>(option["kind"].clone()).ok());
    let (decision, scope) = match kind {
        Some(OptionKind::AllowOnce) => (Decision::Allow, Scope::Once),
        Some(OptionKind::AllowAlways) => (Decision::Allow, Scope::Always),
        Some(_) => (Decision::Deny, Scope::Once),
        None => (Decision::Cancel, Scope::Once),
    };
    Answer::Ask(AskAnswer {
        token,
        keep: keep.clone(),
        decision,
        scope,
        message: None,
        updated_input: None,
        answers: None,
        option_id: None,
        input: None,
    })
}

/// Same method, same parameters, same result; ids of requests are each side's own.
fn assert_same_meaning(name: &str, ours: &Value, theirs: &Value) {
    let meaning = |msg: &Value| {
        let answer = msg.get("method").is_none();
        json!([msg.get("method"), msg.get("params"), msg.get("result"), answer.then(|| msg["id"].clone())])
    };
    assert_eq!(meaning(ours), meaning(theirs), "{name}");
}
