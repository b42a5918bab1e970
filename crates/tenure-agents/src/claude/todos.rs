//! The list of things to do, kept whole from the tools that each tell a part of it.

use serde_json::Value;
use tenure_event::{Todo, TodoStatus};

use super::field;

const TODOS_MAX: usize = 1000;
const CONTENT_MAX: usize = 2000;

/// Applies a tool's good result to the list. Whether it changed.
pub(super) fn apply(todos: &mut Vec<Todo>, tool: &str, input: &Value, result: Option<&Value>) -> bool {
    let before = todos.clone();
    match tool {
        "TodoWrite" => {
            let new = result.map_or(&[][..], |result| field::items(result, "newTodos"));
            let list = if new.is_empty() { field::items(input, "todos") } else { new };
            *todos = list.iter().enumerate().filter_map(|(at, todo)| read(todo, Some(at + 1))).collect();
        }
        "TaskCreate" => {
            if let Some(task) = result.and_then(|result| result.get("task")).and_then(|task| read(task, None))
            {
                put(todos, task);
            }
        }
        "TaskUpdate" => update(todos, input, result),
        "TaskList" => {
            if let Some(Value::Array(tasks)) = result.and_then(|result| result.get("tasks")) {
                *todos = tasks.iter().filter_map(|task| read(task, None)).collect();
            }
        }
        "TaskGet" => {
            if let Some(task) = result.and_then(|result| result.get("task")).and_then(|task| read(task, None))
            {
                put(todos, task);
            }
        }
        _ => {}
    }
    todos.truncate(TODOS_MAX);
    *todos != before
}

fn status(word: &str) -> Option<TodoStatus> {
    Some(match word {
        "pending" => TodoStatus::Pending,
        "in_progress" => TodoStatus::InProgress,
        "completed" => TodoStatus::Completed,
        "cancelled" => TodoStatus::Cancelled,
        _ => return None,
    })
}

fn read(value: &Value, number: Option<usize>) -> Option<Todo> {
    let id = field::id(value, "id").map(str::to_owned).or_else(|| number.map(|n| n.to_string()))?;
    let content = field::text(value, "subject").or_else(|| field::text(value, "content"))?;
    Some(Todo {
        id,
        content: field::clip(content, CONTENT_MAX),
        status: field::text(value, "status").and_then(status).unwrap_or(TodoStatus::Pending),
        priority: field::id(value, "priority").map(str::to_owned),
    })
}

fn put(todos: &mut Vec<Todo>, todo: Todo) {
    match todos.iter_mut().find(|known| known.id == todo.id) {
        Some(known) => *known = todo,
        None => todos.push(todo),
    }
}

/// An item that was never seen (made before this process) is entered under its number.
fn update(todos: &mut Vec<Todo>, input: &Value, result: Option<&Value>) {
    if result.is_some_and(|result| result.get("success") == Some(&Value::Bool(false))) {
        return;
    }
    let Some(id) =
        result.and_then(|result| field::id(result, "taskId")).or_else(|| field::id(input, "taskId"))
    else {
        return;
    };
    let told =
        result.and_then(|result| result.get("statusChange")).and_then(|change| field::text(change, "to"));
    let word = told.or_else(|| field::text(input, "status"));
    if word == Some("deleted") {
        todos.retain(|todo| todo.id != id);
        return;
    }
    if !todos.iter().any(|todo| todo.id == id) {
        let content = format!("Task {id}");
        todos.push(Todo { id: id.to_owned(), content, status: TodoStatus::Pending, priority: None });
    }
    if let Some(todo) = todos.iter_mut().find(|todo| todo.id == id) {
        if let Some(status) = word.and_then(status) {
            todo.status = status;
        }
        if let Some(subject) = field::text(input, "subject").filter(|subject| !subject.is_empty()) {
            todo.content = field::clip(subject, CONTENT_MAX);
        }
    }
}
