//! Agents made up from what real ones do, speaking their protocol line by line. They panic
//! when they are told something twice, or something that they never asked.

mod acp;
mod claude;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;
use tenure_core::agent::{ResumeHow, StartRecord};

use crate::dice::Dice;

pub(crate) use acp::AcpTraits;

/// What an agent keeps on its disk: it outlives its processes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    /// What was said in each conversation, as far as it is replayed.
    pub(crate) conversations: BTreeMap<String, Vec<String>>,
    /// Every input that ever reached the agent, and how often.
    pub(crate) inputs: BTreeMap<String, u32>,
    /// Inputs that it dropped without having begun with them.
    pub(crate) dropped: BTreeSet<String>,
    /// Inputs that this process heard of, each with the words by which it tells that it took it in.
    heard: Vec<(String, String)>,
    /// Numbers the words, so that each is said once.
    pub(crate) words: u64,
}

impl Disk {
    fn word(&mut self, dice: &mut Dice) -> String {
        self.words += 1;
        let tail = ["", " ", "é", " 世界", "\n\"\\", " 😀 "][dice.roll(6)];
        let long = if dice.chance(2) { "long ".repeat(200) } else { String::new() };
        format!("w{}{tail}{long} ", self.words)
    }

    /// An input came. It may come again only if it was dropped before.
    fn take(&mut self, words: &str, telling: String) {
        self.heard.push((telling, words.to_owned()));
        let times = self.inputs.entry(words.to_owned()).or_default();
        *times += 1;
        let dropped = self.dropped.remove(words);
        assert!(*times == 1 || dropped, "input `{words}` is handed over again");
    }
}

/// One agent process.
pub(crate) struct Agent {
    pub(crate) disk: Disk,
    stdin: VecDeque<Value>,
    ends: bool,
    speech: Speech,
}

enum Speech {
    Acp(Box<acp::Acp>),
    Claude(Box<claude::Claude>),
}

/// What kind of agent a session has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Breed {
    Acp(AcpTraits),
    Claude,
}

impl Agent {
    pub(crate) fn new(breed: Breed, record: &StartRecord, disk: Disk) -> Self {
        let speech = match breed {
            Breed::Acp(traits) => Speech::Acp(Box::new(acp::Acp::new(traits, record))),
            Breed::Claude => Speech::Claude(Box::new(claude::Claude::new(record))),
        };
        Self { disk, stdin: VecDeque::new(), ends: false, speech }
    }

    /// It ends. Inputs of which it never told that it took them in may be given to the next one.
    pub(crate) fn ended(&mut self, output: &[u8]) {
        let output = String::from_utf8_lossy(output);
        for (telling, words) in std::mem::take(&mut self.disk.heard) {
            if !output.contains(&telling) {
                self.disk.dropped.insert(words);
            }
        }
    }

    /// Lines arrive.
    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        for line in bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            self.stdin.push_back(serde_json::from_slice(line).expect("what an agent is told is JSON"));
        }
    }

    /// The next thing: lines that it says.
    pub(crate) fn step(&mut self, dice: &mut Dice) -> Vec<u8> {
        let mut out: Vec<Value> = Vec::new();
        let works = match &self.speech {
            Speech::Acp(acp) => acp.works(),
            Speech::Claude(claude) => claude.works(),
        };
        let listens = !self.stdin.is_empty() && (!works || dice.chance(50));
        if listens {
            let Some(told) = self.stdin.pop_front() else { return Vec::new() };
            match &mut self.speech {
                Speech::Acp(acp) => acp.hear(&told, &mut self.disk, dice, &mut out),
                Speech::Claude(claude) => claude.hear(&told, &mut self.disk, &mut out),
            }
        } else if works {
            match &mut self.speech {
                Speech::Acp(acp) => acp.work(&mut self.disk, dice, &mut out),
                Speech::Claude(claude) => claude.work(&mut self.disk, dice, &mut out),
            }
        }
        self.ends |= match &self.speech {
            Speech::Acp(acp) => acp.ends,
            Speech::Claude(claude) => claude.ends,
        };
        let lines: Vec<String> = out.iter().map(|line| format!("{line}\n")).collect();
        lines.concat().into_bytes()
    }

    /// It was told to end, and will.
    pub(crate) fn wants_to_end(&self) -> bool {
        self.ends
    }

    /// It has something to do or to read.
    pub(crate) fn is_busy(&self) -> bool {
        let works = match &self.speech {
            Speech::Acp(acp) => acp.works(),
            Speech::Claude(claude) => claude.works(),
        };
        works || !self.stdin.is_empty()
    }

    /// Somebody has to answer it.
    pub(crate) fn waits_for_an_answer(&self) -> bool {
        match &self.speech {
            Speech::Acp(acp) => acp.waits(),
            Speech::Claude(claude) => claude.waits(),
        }
    }
}

/// The text that a process said, read from its output by nothing but this function.
pub(crate) fn spoken(output: &[u8]) -> String {
    let mut said = String::new();
    for line in String::from_utf8_lossy(output).split('\n') {
        let Ok(value) = serde_json::from_str::<Value>(line) else { continue };
        let update = &value["params"]["update"];
        if update["sessionUpdate"] == "agent_message_chunk" && update["_meta"]["replay"].is_null() {
            said += update["content"]["text"].as_str().unwrap_or_default();
        }
        if value["event"]["delta"]["type"] == "text_delta" {
            said += value["event"]["delta"]["text"].as_str().unwrap_or_default();
        }
    }
    said
}

/// The conversation that a process takes up.
fn native_of(record: &StartRecord) -> String {
    match &record.resume {
        ResumeHow::New => format!("{}-g{}", record.session_id, record.generation),
        ResumeHow::NewAs(id) | ResumeHow::Resume(id) => id.clone(),
        // Sessions of the simulation are neither forked nor taken back.
        ResumeHow::Back(_) | ResumeHow::Fork(_) => unreachable!("nobody asks for it"),
    }
}
