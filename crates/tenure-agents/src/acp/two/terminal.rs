//! Terminals of the agent's own, which show what a tool's command writes; and content of a tool that comes in pieces.
//!
//! A terminal is known by the tool call that shows it. What is told of one that no call shows yet is kept as the line
//! that it is; the programs name the call first.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tenure_core::agent::{Decoded, Signal};

use crate::acp::AcpCodec;
use crate::acp::content::plain_text;
use crate::acp::tool::Tool;
use crate::json::{at, str_at};
use crate::rpc::native;

/// What is told of a terminal: bytes that follow, or all of them.
pub(in crate::acp) enum Output {
    More(Vec<u8>),
    All(Vec<u8>),
}

/// The output that an update of a terminal has.
pub(in crate::acp) fn of_terminal(update: &Value) -> Option<Output> {
    let decode = |path: &[&str]| STANDARD.decode(str_at(update, path)?).ok();
    decode(&["data"]).map(Output::More).or_else(|| decode(&["output", "data"]).map(Output::All))
}

/// The text of one more piece of a tool's content.
pub(in crate::acp) fn content_text(update: &Value) -> Option<String> {
    let is_piece = str_at(update, &["sessionUpdate"]) == Some("tool_call_content_chunk");
    at(update, &["content", "content"]).filter(|_| is_piece).and_then(plain_text)
}

impl AcpCodec {
    /// `terminal_update` or `terminal_output_chunk`.
    pub(in crate::acp) fn terminal_changed(&mut self, offset: u64, value: Value, out: &mut Decoded) {
        let update = at(&value, &["params", "update"]).unwrap_or(&Value::Null);
        let output = of_terminal(update);
        let exit = at(update, &["exitStatus", "exitCode"]).and_then(Value::as_i64);
        if self.replays() {
            return self.fold_terminal(update, output);
        }
        let id = str_at(update, &["terminalId"]).unwrap_or_default();
        let Some(tool) = self.state.tools.iter_mut().find(|tool| tool.shows(id)) else {
            // Its command and directory alone are the call's, too.
            if output.is_some() {
                out.push(native("terminal_update", value));
            }
            return;
        };
        tool.exited(exit);
        let more = output.and_then(|output| take(tool, offset, output));
        if tool.told && more.is_some() {
            out.push(Signal::ToolProgressed { tool_id: tool.id.clone(), title: None, output: more });
        }
    }

    /// `tool_call_content_chunk`: one more piece of what a tool gave.
    pub(in crate::acp) fn tool_content(&mut self, offset: u64, value: Value, out: &mut Decoded) {
        let update = at(&value, &["params", "update"]).unwrap_or(&Value::Null);
        let id = str_at(update, &["toolCallId"]).unwrap_or_default();
        let text = content_text(update);
        let tool = self.state.tools.iter_mut().find(|tool| tool.id == id);
        let (Some(tool), Some(text)) = (tool, text) else {
            return out.push(native("tool_call_content_chunk", value));
        };
        let output = tool.add(offset, text.as_bytes());
        if tool.told && output.is_some() {
            out.push(Signal::ToolProgressed { tool_id: tool.id.clone(), title: None, output });
        }
    }

    /// What a terminal wrote in a conversation that is told again.
    pub(in crate::acp) fn fold_terminal(&mut self, update: &Value, output: Option<Output>) {
        let Some(Output::All(bytes)) = output else { return };
        let id = str_at(update, &["terminalId"]).unwrap_or_default();
        let part = self.open.iter_mut().find_map(|open| open.tool(id));
        if let Some(part) = part.filter(|part| part.output.is_none()) {
            part.output = Some(String::from_utf8_lossy(&bytes).into());
        }
    }
}

/// Takes what a terminal wrote into the call that shows it; gives what is new in it.
pub(in crate::acp) fn take(tool: &mut Tool, offset: u64, output: Output) -> Option<String> {
    match output {
        Output::More(bytes) => tool.add(offset, &bytes),
        Output::All(bytes) => tool.replace(offset, &bytes),
    }
}
