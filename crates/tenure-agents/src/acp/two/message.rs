//! Messages that are told whole: instead of chunks, or again after them.

use serde_json::{Value, json};
use tenure_core::agent::Decoded;

use crate::acp::AcpCodec;
use crate::acp::message::parent;
use crate::json::{list_at, str_at};
use crate::rpc::native;

/// Whether an update tells a whole message.
pub(in crate::acp) fn is_whole(word: &str) -> bool {
    matches!(word, "user_message" | "agent_message" | "agent_thought")
}

/// A message that is told whole, as the chunks that it is made of.
pub(in crate::acp) fn whole_as_chunks(update: &Value) -> Vec<Value> {
    let word = str_at(update, &["sessionUpdate"]).unwrap_or_default();
    let chunk = |block: &Value| {
        let mut chunk = json!({"sessionUpdate": format!("{word}_chunk"), "content": block});
        for member in ["messageId", "_meta"] {
            if let Some(value) = update.get(member) {
                chunk[member] = value.clone();
            }
        }
        chunk
    };
    list_at(update, &["content"]).iter().map(chunk).collect()
}

impl AcpCodec {
    /// A message is told whole. Of one that is open, its content takes the place of what was gathered; one that was
    /// told to its end stays as it was told.
    pub(in crate::acp) fn whole_message(&mut self, offset: u64, update: &Value, out: &mut Decoded) {
        let chunks = whole_as_chunks(update);
        if chunks.is_empty() {
            return;
        }
        if self.was_told(update) {
            return out.push(native("told_again", update.clone()));
        }
        self.begin_again(update);
        let mut last = None;
        for chunk in &chunks {
            last = self.piece(offset, chunk, out).or(last);
        }
        if let Some(at) = last.filter(|at| self.open[*at].is_full()) {
            self.close(at, false, out);
        }
    }

    /// Whether the message of an update was told to its end.
    pub(in crate::acp) fn was_told(&self, update: &Value) -> bool {
        str_at(update, &["messageId"]).is_some_and(|id| self.state.told.iter().any(|told| told == id))
    }

    /// Forgets what was gathered of the message that an update tells whole. In a conversation that is told again
    /// a message is told once, and its tools stand beside it.
    pub(in crate::acp) fn begin_again(&mut self, update: &Value) {
        let Some(at) = self.position(parent(update).as_deref()) else { return };
        let (id, meta) = (str_at(update, &["messageId"]), &self.open[at].meta);
        if !meta.replayed && id.is_some() && meta.native_ids.first().map(String::as_str) == id {
            self.open[at].begin_again();
        }
    }
}
