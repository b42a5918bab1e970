//! Subagents: conversations beside the session's own, told of by the one that began them. What they say is not the session's;
//! what they ask a person is, with the way that leads to them.

use serde_json::Value;

use crate::acp::AcpCodec;
use crate::json::{str_at, string_at};

/// Subagents that are remembered.
const MAX: usize = 256;
/// Longest way to one.
const DEEP: usize = 16;

impl AcpCodec {
    /// `subagent_update`: who began which.
    pub(in crate::acp) fn subagent_told(&mut self, params: &Value, update: &Value) {
        let ids = string_at(update, &["sessionId"]).zip(string_at(params, &["sessionId"]));
        let Some((child, parent)) = ids.filter(|(child, parent)| child.len().max(parent.len()) <= 1000)
        else {
            return;
        };
        let known = &mut self.state.subagents;
        if known.len() >= MAX && !known.contains_key(&child) {
            known.pop_first();
        }
        known.insert(child, parent);
    }

    /// The subagents that lead to the one that asks, outermost first; none for the session itself.
    pub(in crate::acp) fn way(&self, params: &Value) -> Vec<String> {
        let mut way = Vec::new();
        let mut at = str_at(params, &["sessionId"]);
        while let Some(id) =
            at.filter(|id| way.len() < DEEP && self.conversation().is_some_and(|ours| ours != *id))
        {
            way.push(id.to_owned());
            at = self.state.subagents.get(id).map(String::as_str);
        }
        way.reverse();
        way
    }
}
