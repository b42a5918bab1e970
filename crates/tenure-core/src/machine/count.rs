//! What a session has done, counted as it happens. Each thing is counted where its event is made, so once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tenure_event::{Kind, MessageOrigin, Role};

/// Tools that are counted by name.
const NAMES: usize = 256;

/// Counts since the session was created.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Whole messages.
    pub messages: u64,
    /// Turns that ended.
    pub turns: u64,
    /// Messages of the agent.
    pub steps: u64,
    /// Tool calls that ended.
    pub tool_calls: u64,
    /// The same by tool.
    pub tool_usage: BTreeMap<String, u64>,
}

impl Counts {
    pub(super) fn note(&mut self, kind: &Kind) {
        match kind {
            Kind::MessageCompleted(message) if message.origin != Some(MessageOrigin::Native) => {
                self.messages += 1;
                self.steps += u64::from(message.role == Role::Assistant);
            }
            Kind::TurnCompleted(_) => self.turns += 1,
            Kind::ToolCompleted(tool) => {
                self.tool_calls += 1;
                let known = self.tool_usage.len() < NAMES || self.tool_usage.contains_key(&tool.tool);
                let name = if known { tool.tool.as_str() } else { "other" };
                *self.tool_usage.entry(name.to_owned()).or_default() += 1;
            }
            _ => {}
        }
    }
}
