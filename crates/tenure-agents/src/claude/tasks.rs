//! Tasks: background commands and subagents. The list of running ones that the program
//! sends holds only those in the background; the others are added from memory.

use serde_json::Value;
use tenure_core::agent::{Signal, TaskSignal};
use tenure_event::{TaskOutput, TaskStarted, TaskStatus};

use super::{
    field,
    memory::{Memory, TASKS_MAX, Task},
};

/// Longest path that is taken for one, in bytes.
const PATH_MAX: usize = 4096;

/// Reads `task_started`.
pub(super) fn started(memory: &mut Memory, frame: &Value) -> Option<Signal> {
    let task_id = field::id(frame, "task_id")?;
    let tool_id = field::id(frame, "tool_use_id").map(str::to_owned);
    let background = field::flag(frame, "is_backgrounded");
    memory.tasks.retain(|task| task.task_id != task_id);
    if memory.tasks.len() >= TASKS_MAX {
        memory.tasks.remove(0);
    }
    let within = tool_id.as_deref().and_then(|tool_id| memory.subagent_of(tool_id));
    memory.tasks.push(Task {
        task_id: task_id.to_owned(),
        tool_id: tool_id.clone(),
        background,
        output_file: None,
        within,
    });
    let kind = match field::id(frame, "task_type") {
        Some("local_bash") => "shell",
        Some("local_agent") => "agent",
        Some(other) => other,
        None => "task",
    };
    Some(Signal::Task(TaskSignal::Started(TaskStarted {
        task_id: task_id.to_owned(),
        kind: kind.to_owned(),
        title: field::one_line(field::text(frame, "description").unwrap_or(task_id)),
        tool_id,
        background,
    })))
}

/// Reads `task_progress`.
pub(super) fn progressed(frame: &Value) -> Option<Signal> {
    let task_id = field::id(frame, "task_id")?.to_owned();
    let title = field::text(frame, "description").map(field::one_line);
    Some(Signal::Task(TaskSignal::Progressed { task_id, title }))
}

/// Reads `task_updated`. Its end is told by the notification that follows, with more.
pub(super) fn updated(memory: &mut Memory, frame: &Value) {
    let background =
        frame.get("patch").and_then(|patch| patch.get("is_backgrounded")).and_then(Value::as_bool);
    if let (Some(id), Some(background)) = (field::id(frame, "task_id"), background)
        && let Some(task) = memory.tasks.iter_mut().find(|task| task.task_id == id)
    {
        task.background = background;
    }
}

/// Reads `task_notification`; the tool call under which the task worked comes with it.
pub(super) fn ended(memory: &mut Memory, frame: &Value) -> Option<(Signal, Option<String>)> {
    let task_id = field::id(frame, "task_id")?;
    let known =
        memory.tasks.iter().position(|task| task.task_id == task_id).map(|at| memory.tasks.remove(at));
    // One that ran in the foreground has an empty name here: its call has the output.
    let told = field::text(frame, "output_file").and_then(|path| own_file(task_id, path));
    let (tool_id, file) = known.map_or((None, None), |task| (task.tool_id, task.output_file));
    let tool_id = tool_id.or_else(|| field::id(frame, "tool_use_id").map(str::to_owned));
    let output = told.or(file).map(|path| TaskOutput::File { path });
    let status = match field::text(frame, "status") {
        Some("completed") => TaskStatus::Completed,
        Some("stopped" | "killed" | "cancelled") => TaskStatus::Stopped,
        _ => TaskStatus::Failed,
    };
    let summary =
        field::text(frame, "summary").filter(|text| !text.is_empty()).map(|text| field::clip(text, 4000));
    Some((Signal::Task(TaskSignal::Ended { task_id: task_id.to_owned(), status, summary, output }), tool_id))
}

/// Reads the result of a call. One that sent its command to the background says in words where the output goes.
pub(super) fn sent_to_background(memory: &mut Memory, output: Option<&Value>) {
    let Some(text) = output.and_then(Value::as_str).filter(|text| text.contains("/tasks/")) else { return };
    for task in memory.tasks.iter_mut().filter(|task| task.output_file.is_none()) {
        let end = format!("/tasks/{}.output", task.task_id);
        let Some(at) = text.find(&end) else { continue };
        let start = text[..at].rfind(": ").map_or(0, |colon| colon + 2);
        task.output_file = own_file(&task.task_id, &text[start..at + end.len()]);
    }
}

/// A path, if it is one where the program keeps what this task writes.
fn own_file(task_id: &str, path: &str) -> Option<String> {
    let own = path.starts_with('/') && path.ends_with(&format!("/tasks/{task_id}.output"));
    (own && path.len() <= PATH_MAX && !path.contains("/../")).then(|| path.to_owned())
}

/// Reads `background_tasks_changed`.
pub(super) fn running(memory: &mut Memory, frame: &Value) -> Signal {
    let listed: Vec<&str> = field::items(frame, "tasks")
        .iter()
        .filter_map(|task| field::id(task, "task_id"))
        .take(TASKS_MAX)
        .collect();
    memory.tasks.retain_mut(|task| {
        let in_background = listed.contains(&task.task_id.as_str());
        // One that was sent to the background later is told here first.
        let stays = in_background || !task.background;
        task.background = in_background;
        stays
    });
    let mut ids: Vec<String> = listed.into_iter().map(str::to_owned).collect();
    for task in memory.tasks.iter().filter(|task| !task.background) {
        ids.push(task.task_id.clone());
    }
    Signal::Task(TaskSignal::Running(ids))
}
