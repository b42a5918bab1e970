//! Tool calls: invented ones, and two that really touch files of the session's directory.

use std::fs;
use std::io::Read as _;

use serde_json::{Value, json};

use super::asks::Verdict;
use super::{Ending, Flow, Player};
use crate::record::Act;
use crate::script::steps::{Diff, Read, Tool, Write};

/// So much of a file is shown.
const LONGEST_READ: u64 = 64 * 1024;

impl Player<'_> {
    pub(super) fn tool(&mut self, tool: &Tool) -> Flow {
        let id = tool.id.clone().unwrap_or_else(|| self.agent.item_id("call"));
        let mut call = json!({
            "toolCallId": id, "title": tool.title, "kind": tool.kind.as_deref().unwrap_or("other"),
            "status": "pending", "rawInput": tool.input,
        });
        if let Some(name) = &tool.name {
            call["name"] = json!(name);
        }
        if !tool.no_tool_call {
            self.tool_call(&call)?;
        }
        if tool.delay_ms > 0 {
            self.agent.update(self.session, &tool_update(&id, "in_progress"));
            if let Err(cancelled) = self.pause(tool.delay_ms) {
                self.tool_failed(&id, "cancelled")?;
                return Err(cancelled);
            }
        }
        if tool.unfinished {
            return Ok(());
        }
        let mut update = if tool.no_tool_call { call } else { json!({"toolCallId": id}) };
        update["status"] = json!(if tool.fail { "failed" } else { "completed" });
        self.fill_content(&mut update, tool.output.as_deref(), tool.diff.as_ref());
        self.tool_call_update(&update)
    }

    /// A tool call that reads a file of the session's directory.
    pub(super) fn read(&mut self, read: &Read) -> Flow {
        let path = self.session.path(&read.path);
        let id = self.agent.item_id("call");
        self.tool_call(&json!({
            "toolCallId": id, "title": format!("Read {}", read.path), "kind": "read", "status": "pending",
            "locations": [{"path": path}], "rawInput": {"path": path},
        }))?;
        let mut bytes = Vec::new();
        let outcome = fs::File::open(&path).and_then(|file| file.take(LONGEST_READ).read_to_end(&mut bytes));
        match outcome {
            Ok(_) => {
                let mut update = json!({"toolCallId": id, "status": "completed"});
                self.fill_content(&mut update, Some(&String::from_utf8_lossy(&bytes)), None);
                self.tool_call_update(&update)
            }
            Err(error) => self.tool_failed(&id, &error.to_string()),
        }
    }

    /// A tool call that writes a file of the session's directory, after asking if the script says so.
    pub(super) fn write(&mut self, write: &Write) -> Flow {
        let path = self.session.path(&write.path);
        let old = fs::read_to_string(&path).ok();
        let diff = Diff { path: write.path.clone(), old: old.clone(), new: write.text.clone() };
        let id = self.agent.item_id("call");
        let verb = if old.is_some() { "Edit" } else { "Write" };
        let call = json!({
            "toolCallId": id, "title": format!("{verb} {}", write.path), "kind": "edit", "status": "pending",
            "locations": [{"path": path}], "rawInput": {"path": path, "content": write.text},
            "content": [self.diff(&diff)],
        });
        self.tool_call(&call)?;
        if write.ask {
            let verdict = match self.permission(&call, None, None, false) {
                Ok(verdict) => verdict,
                Err(ending) => {
                    self.tool_failed(&id, "cancelled")?;
                    return Err(ending);
                }
            };
            if !matches!(verdict, Verdict::Allowed(_)) {
                self.tool_failed(&id, &verdict.words())?;
                self.obey_reject(&verdict)?;
                return self.steps(&write.on_reject);
            }
        }
        self.write_file(&id, write, &diff)?;
        self.steps(&write.on_allow)
    }

    fn write_file(&mut self, id: &str, write: &Write, diff: &Diff) -> Flow {
        let path = self.session.path(&write.path);
        let dir = path.parent().map_or(Ok(()), fs::create_dir_all);
        match dir.and_then(|()| fs::write(&path, &write.text)) {
            Ok(()) => {
                let (path, bytes) = (path.to_string_lossy().into_owned(), write.text.len());
                self.agent.record.write(|| Act::FileWritten { path, bytes });
                let mut update = json!({"toolCallId": id, "status": "completed"});
                self.fill_content(&mut update, None, Some(diff));
                self.tool_call_update(&update)
            }
            Err(error) => self.tool_failed(id, &error.to_string()),
        }
    }

    /// The first sight of a tool call.
    pub(super) fn tool_call(&self, call: &Value) -> Flow {
        self.show(&named("tool_call", call))
    }

    pub(super) fn tool_call_update(&self, fields: &Value) -> Flow {
        self.show(&named("tool_call_update", fields))
    }

    pub(super) fn tool_failed(&self, id: &str, why: &str) -> Flow {
        let mut update = json!({"toolCallId": id, "status": "failed"});
        update["content"] = json!([text_content(why)]);
        update["rawOutput"] = json!({"error": why});
        self.tool_call_update(&update)
    }

    fn fill_content(&self, update: &mut Value, output: Option<&str>, diff: Option<&Diff>) {
        let mut content = Vec::new();
        if let Some(output) = output {
            content.push(text_content(output));
            update["rawOutput"] = json!({"output": output});
        }
        content.extend(diff.map(|diff| self.diff(diff)));
        if !content.is_empty() {
            update["content"] = json!(content);
        }
    }

    pub(super) fn diff(&self, diff: &Diff) -> Value {
        json!({"type": "diff", "path": self.session.path(&diff.path), "oldText": diff.old, "newText": diff.new})
    }
}

impl Verdict {
    /// How an ask ended, in the words of the transcript.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Allowed(option) => format!("allowed ({option})"),
            Self::Rejected(option) => format!("denied ({option})"),
            Self::Cancelled => "cancelled".to_owned(),
            Self::Withdrawn => "withdrawn".to_owned(),
            Self::Failed(why) => format!("failed: {why}"),
        }
    }
}

impl Player<'_> {
    /// Some agents end their turn on a reject.
    pub(super) fn obey_reject(&self, verdict: &Verdict) -> Flow {
        match verdict {
            Verdict::Rejected(_) if self.conduct.cancelled_on_reject => Err(Ending::Stop("cancelled".into())),
            Verdict::Rejected(_) if self.conduct.end_on_reject => Err(Ending::Stop("end_turn".into())),
            _ => Ok(()),
        }
    }
}

fn tool_update(id: &str, status: &str) -> Value {
    json!({"sessionUpdate": "tool_call_update", "toolCallId": id, "status": status})
}

fn text_content(text: &str) -> Value {
    json!({"type": "content", "content": {"type": "text", "text": text}})
}

/// The update's name, then its fields.
fn named(kind: &str, fields: &Value) -> Value {
    let mut update = json!({"sessionUpdate": kind});
    if let (Some(update), Some(fields)) = (update.as_object_mut(), fields.as_object()) {
        update.extend(fields.clone());
    }
    update
}
