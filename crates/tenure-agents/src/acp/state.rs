//! What the codec remembers from line to line. All of it is saved, except text that is
//! being gathered: that is read again from the agent's output.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_event::{AccountInfo, CommandInfo, ContextUse, MessageId, Usage};

use super::agent::About;
use super::settings::{Settings, Which};
use super::tool::Tool;

/// So many ids of ended tools are remembered, to know what comes late.
const ENDED: usize = 256;
/// So many ids of messages.
const TOLD: usize = 64;

/// How far the handshake has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// Nothing was answered yet.
    #[default]
    Greeting,
    /// A conversation is being opened.
    Opening,
    /// A setting of the start record is being set.
    Setting(Which),
    /// Prompts may be sent.
    Ready,
    /// The handshake failed.
    Failed,
}

/// What was seen since the last turn ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Turn {
    /// Text was said or a tool was called.
    pub(super) said: bool,
    /// The agent told, beside the protocol, that its model failed.
    pub(super) broken: bool,
    /// The agent told that it retried, and said nothing since.
    pub(super) retried: bool,
    /// Number of the prompt that the agent accepted (version 2, where its answer is not the turn's end).
    pub(super) prompt: Option<u64>,
    /// The agent said that it runs (version 2).
    pub(super) running: bool,
    /// The agent told where a message of the user stands in the conversation (version 2).
    pub(super) echoed: bool,
}

/// What was told of usage, so that nothing is told twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Meter {
    /// Use of the context window.
    pub(super) context: Option<ContextUse>,
    /// Cost of the session so far in US dollars.
    pub(super) cost: Option<f64>,
    /// The same when the last turn ended.
    pub(super) cost_before: Option<f64>,
    /// Usage when the last turn ended, of agents that count over the session.
    pub(super) usage_before: Option<Usage>,
}

/// The codec's memory.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// Where the last line began that was read for the first time.
    pub(super) seen: Option<u64>,
    pub(super) phase: Phase,
    /// The agent refused to be spoken with in version 2.
    pub(super) declined: bool,
    /// The compaction whose end was told last.
    pub(super) compacted: Option<String>,
    /// Number of the last handshake command that was answered.
    pub(super) answered: u64,
    pub(super) about: About,
    pub(super) settings: Settings,
    pub(super) commands: Vec<CommandInfo>,
    pub(super) account: Option<AccountInfo>,
    /// The agent's id of the conversation.
    pub(super) native: Option<String>,
    /// The conversation was opened, and the agent still tells what was said before.
    pub(super) late_replay: bool,
    pub(super) tools: Vec<Tool>,
    /// Ids of tools that ended, oldest first.
    pub(super) ended: VecDeque<String>,
    /// The message that the next tool belongs to, by the subagent's tool call (empty: none).
    pub(super) callers: BTreeMap<String, MessageId>,
    /// The conversation that began it, by a subagent's (version 2).
    pub(super) subagents: BTreeMap<String, String>,
    pub(super) turn: Turn,
    /// How a turn ended whose prompt was not answered yet (version 2).
    pub(super) early_end: Option<Value>,
    /// Ids of messages that were told last, oldest first (version 2, which may tell them again).
    pub(super) told: VecDeque<String>,
    /// Turns that ended.
    pub(super) turns: u64,
    pub(super) meter: Meter,
    pub(super) title: Option<String>,
}

impl State {
    /// Remembers that a tool ended.
    pub(super) fn remember_ended(&mut self, tool_id: String) {
        if self.ended.len() >= ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(tool_id);
    }

    /// Remembers that a message was told whole.
    pub(super) fn remember_told(&mut self, native_ids: &[String]) {
        for id in native_ids {
            if self.told.len() >= TOLD {
                self.told.pop_front();
            }
            self.told.push_back(id.clone());
        }
    }
}
