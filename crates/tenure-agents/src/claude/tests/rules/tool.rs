//! Rules: calls, their changes to files, and what they tell of work to do.

use serde_json::{Value, json};
use tenure_core::agent::Signal;
use tenure_event::{TodoStatus, ToolKind, ToolState};

use super::{call, returned};
use crate::claude::tests::Fed;
use crate::claude::tools;
use crate::laws::start_record;

#[test]
fn how_a_call_ended() {
    let cases = [
        (json!({}), json!({}), false, ToolState::Completed),
        (json!({}), json!({}), true, ToolState::Failed),
        (json!({"permission_decision": {"decision": "reject"}}), json!({}), true, ToolState::Denied),
        (json!({"permission_decision": {"decision": "accept"}}), json!({}), false, ToolState::Completed),
        (json!({"non_execution_kind": "permission-rule"}), json!({}), true, ToolState::Denied),
        (json!({"non_execution_kind": "user-rejected"}), json!({}), true, ToolState::Cancelled),
        (json!({}), json!({"interrupted": true, "stdout": ""}), false, ToolState::Cancelled),
        (json!({}), json!("Error: x"), true, ToolState::Failed),
    ];
    for (meta, structure, is_error, expected) in cases {
        let mut fed = Fed::ready();
        fed.frame(call("m", "t", "Bash", &json!({"command": "x"})));
        let mut frame = returned("t", &json!("out"), is_error);
        let mut meta = meta.clone();
        meta["id"] = json!("t");
        frame["tool_result_meta"] = json!([meta]);
        frame["tool_use_result"] = structure;
        let told = fed.frame(frame.clone());
        let ended =
            told.iter().find_map(|signal| if let Signal::ToolEnded(end) = signal { Some(end) } else { None });
        assert_eq!(ended.unwrap().state, expected, "{frame}");
    }
}

#[test]
fn what_a_call_gave() {
    let image =
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}});
    let cases = [
        (json!("plain"), Some(json!("plain"))),
        (json!("<tool_use_error>No such file</tool_use_error>"), Some(json!("No such file"))),
        (json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), Some(json!("a\nb"))),
        (
            json!([{"type": "text", "text": "a"}, image]),
            Some(
                json!([{"type": "text", "text": "a"}, {"type": "image", "data": "AA", "mime_type": "image/png"}]),
            ),
        ),
        (json!(null), None),
        (json!([]), Some(json!(""))),
    ];
    for (content, expected) in cases {
        let block = json!({"content": content});
        assert_eq!(tools::output(&block), expected, "{content}");
    }
}

#[test]
fn a_result_of_an_unknown_call_is_late() {
    let told = Fed::ready().frame(returned("nobody", &json!("x"), false));
    assert!(matches!(&told[..], [Signal::Native { kind, .. }] if kind == "late"));
}

#[test]
fn lines_for_people() {
    let record = start_record();
    let cases = [
        ("Bash", json!({"command": "cargo test\n--all"}), "cargo test …", ToolKind::Execute),
        ("Read", json!({"file_path": "/home/dev/project/src/a.rs"}), "Read src/a.rs", ToolKind::Read),
        ("Edit", json!({"file_path": "/etc/hosts"}), "Edit /etc/hosts", ToolKind::Edit),
        ("Write", json!({"file_path": "/home/dev/projects/x"}), "Write /home/dev/projects/x", ToolKind::Edit),
        (
            "Grep",
            json!({"pattern": "fn main", "path": "/home/dev/project/src"}),
            "Grep fn main in src",
            ToolKind::Search,
        ),
        ("Glob", json!({"pattern": "**/*.rs"}), "Glob **/*.rs", ToolKind::Search),
        ("WebFetch", json!({"url": "https://x"}), "Fetch https://x", ToolKind::Fetch),
        ("Agent", json!({"description": "look around"}), "Task look around", ToolKind::Think),
        ("mcp__git__log", json!({}), "git: log", ToolKind::Other),
        ("ExitPlanMode", json!({}), "Plan ready", ToolKind::SwitchMode),
        ("Read", json!({"file_path": 5}), "Read", ToolKind::Read),
        ("Something", json!(null), "Something", ToolKind::Other),
    ];
    for (tool, input, title, kind) in cases {
        assert_eq!(tools::title(&record.cwd, tool, &input), title);
        assert_eq!(tools::kind(tool), kind, "{tool}");
    }
}

fn diffs_of(structure: &Value, tool: &str, input: &Value) -> Vec<(Option<String>, String)> {
    let diffs = crate::claude::diffs::diffs(tool, input, Some(structure));
    diffs.into_iter().map(|diff| (diff.old_text, diff.new_text)).collect()
}

#[test]
fn diffs_are_whole_where_small_and_places_where_large() {
    let some = |text: &str| Some(text.to_owned());
    let edit = |original: &str, all: bool| {
        json!({"filePath": "/f", "oldString": "a", "newString": "b", "originalFile": original,
        "replaceAll": all, "structuredPatch": [{"lines": [" x", "-a", "+b", "\\ No newline at end of file"]}]})
    };
    assert_eq!(diffs_of(&edit("a a", false), "Edit", &json!({})), [(some("a a"), "b a".to_owned())]);
    assert_eq!(diffs_of(&edit("a a", true), "Edit", &json!({})), [(some("a a"), "b b".to_owned())]);
    let place = [(some("x\na\n"), "x\nb\n".to_owned())];
    assert_eq!(diffs_of(&edit("nothing of it", false), "Edit", &json!({})), place);
    assert_eq!(diffs_of(&edit(&"a".repeat(40_000), false), "Edit", &json!({})), place);
    let write = json!({"filePath": "/f", "type": "update", "content": "new", "originalFile": "old", "structuredPatch": []});
    assert_eq!(diffs_of(&write, "Write", &json!({})), [(some("old"), "new".to_owned())]);
    assert!(diffs_of(&write, "Bash", &json!({})).is_empty());
    let input = json!({"file_path": "/f", "old_string": "a", "new_string": "b"});
    assert_eq!(diffs_of(&json!("text"), "Edit", &input), [(some("a"), "b".to_owned())], "a subagent's");
}

#[test]
fn todos_are_told_whole() {
    let mut fed = Fed::ready();
    let mut step =
        |id: &str, tool: &str, input: Value, structure: Value| -> Option<Vec<(String, String, TodoStatus)>> {
            fed.frame(call(&format!("m-{id}"), id, tool, &input));
            let mut frame = returned(id, &json!("ok"), false);
            frame["tool_use_result"] = structure;
            fed.frame(frame).into_iter().find_map(|signal| match signal {
                Signal::Todos(todos) => {
                    Some(todos.into_iter().map(|todo| (todo.id, todo.content, todo.status)).collect())
                }
                _ => None,
            })
        };
    let todo = |id: &str, content: &str, status| (id.to_owned(), content.to_owned(), status);
    let told = step("1", "TaskCreate", json!({}), json!({"task": {"id": "1", "subject": "one"}}));
    assert_eq!(told, Some(vec![todo("1", "one", TodoStatus::Pending)]));
    let told = step(
        "2",
        "TaskUpdate",
        json!({"taskId": "7", "status": "completed"}),
        json!({"success": true, "taskId": "7"}),
    );
    assert_eq!(told.unwrap()[1], todo("7", "Task 7", TodoStatus::Completed), "made before this process");
    assert_eq!(
        step("3", "TaskUpdate", json!({"taskId": "7", "status": "completed"}), json!({})),
        None,
        "no change"
    );
    assert_eq!(step("4", "TaskUpdate", json!({"taskId": "1"}), json!({"success": false})), None);
    let told = step("5", "TaskUpdate", json!({"taskId": "1", "status": "deleted"}), json!({"taskId": "1"}));
    assert_eq!(told.unwrap().len(), 1);
    let list = json!({"tasks": [{"id": "9", "subject": "nine", "status": "in_progress"}]});
    assert_eq!(step("6", "TaskList", json!({}), list), Some(vec![todo("9", "nine", TodoStatus::InProgress)]));
    let written =
        json!({"todos": [{"content": "x", "status": "pending"}, {"content": "y", "status": "completed"}]});
    let told = step("7", "TodoWrite", written, json!(null)).unwrap();
    assert_eq!(told, [todo("1", "x", TodoStatus::Pending), todo("2", "y", TodoStatus::Completed)]);
}

#[test]
fn tasks_in_the_foreground_are_not_ended_by_the_list_of_the_others() {
    let mut fed = Fed::ready();
    let started = |id: &str, background: bool| json!({"type": "system", "subtype": "task_started", "task_id": id, "is_backgrounded": background});
    let list = |ids: &[&str]| {
        json!({"type": "system", "subtype": "background_tasks_changed",
        "tasks": ids.iter().map(|id| json!({"task_id": id})).collect::<Vec<_>>()})
    };
    let running = |signals: Vec<Signal>| match &signals[..] {
        [Signal::Task(tenure_core::agent::TaskSignal::Running(ids))] => ids.clone(),
        other => panic!("{other:?}"),
    };
    fed.frames([started("fore", false), started("back", true)]);
    assert_eq!(running(fed.frame(list(&["back"]))), ["back", "fore"]);
    assert_eq!(running(fed.frame(list(&[]))), ["fore"]);
    assert_eq!(running(fed.frame(list(&["fore"]))), ["fore"], "it was sent to the background");
    assert!(running(fed.frame(list(&[]))).is_empty());
}
