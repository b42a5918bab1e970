//! Commands that outlive their turn. Codex lets a command run on when its model goes on
//! without it, and when a turn is interrupted; which ones, it tells only when asked.

use serde_json::{Value, json};
use tenure_core::agent::{AgentError, Decoded, Signal, TaskSignal};
use tenure_event::{TaskOutput, TaskStarted, TaskStatus};

use super::CodexCodec;
use super::handshake::own;
use super::id::Asked;
use super::memory::TASKS_MAX;
use super::shell::unwrapped;
use super::turn::id_of;
use crate::field::one_line;
use crate::json::{list_at, str_at};

/// Asks which commands run in the background.
pub(super) fn ask(thread: &str) -> Signal {
    own(Asked::Terminals, "thread/backgroundTerminals/list", &json!({ "threadId": thread }))
}

/// What was remembered of a command's output.
pub(super) fn cut_output(text: &str, truncated: bool) -> TaskOutput {
    TaskOutput::Text { text: text.to_owned(), truncated }
}

impl CodexCodec {
    /// The commands that run in the background.
    pub(super) fn terminals(&mut self, outcome: Result<&Value, AgentError>, out: &mut Decoded) {
        let Ok(answer) = outcome else { return };
        let mut running = Vec::new();
        for told in list_at(answer, &["data"]).iter().take(TASKS_MAX) {
            let (Some(item), Some(process)) = (id_of(told, &["itemId"]), id_of(told, &["processId"])) else {
                continue;
            };
            running.push(item.to_owned());
            if self.memory.tasks.iter().any(|(known, _)| known == item) {
                continue;
            }
            // Within a turn that goes on, it is a call like any other.
            if self.memory.calls.iter().any(|call| call.id == item) {
                continue;
            }
            self.memory.tasks.push((item.to_owned(), process.to_owned()));
            out.push(Signal::Task(TaskSignal::Started(TaskStarted {
                task_id: item.to_owned(),
                kind: "shell".to_owned(),
                title: one_line(&unwrapped(str_at(told, &["command"]).unwrap_or("a command"))),
                tool_id: Some(item.to_owned()),
                background: true,
            })));
        }
        let gone: Vec<String> = self
            .memory
            .tasks
            .iter()
            .map(|(item, _)| item.clone())
            .filter(|item| !running.contains(item))
            .collect();
        self.memory.tasks.retain(|(item, _)| running.contains(item));
        for task_id in gone {
            let status = TaskStatus::Completed;
            let output = self.memory.written.get(&task_id).map(|(text, cut)| cut_output(text, *cut));
            out.push(Signal::Task(TaskSignal::Ended { task_id, status, summary: None, output }));
        }
        self.memory.forget_written();
        while self.memory.tasks.len() > TASKS_MAX {
            self.memory.tasks.remove(0);
        }
    }

    /// The process of a background command.
    pub(super) fn process_of(&self, task: &str) -> Option<&str> {
        self.memory.tasks.iter().find(|(item, _)| item == task).map(|(_, process)| process.as_str())
    }
}
