//! Session files written by hand, in scratch directories.

use std::fs;
use std::ops::ControlFlow;

use serde_json::{Value, json};
use tenure_event::{PartBody, ToolState};

use super::PiReader;
use crate::{Branch, Found, Item, Reader, Want, scan};

struct Ground {
    dir: tempfile::TempDir,
}

impl Ground {
    fn new(lines: &[Value]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("sessions/--w--");
        fs::create_dir_all(&folder).unwrap();
        let head = json!({"type": "session", "version": 3, "id": "s1", "timestamp": "2026-11-20T10:19:38.960Z", "cwd": "/w"});
        let text: String = std::iter::once(&head).chain(lines).map(|line| format!("{line}\n")).collect();
        fs::write(folder.join("2026-11-20T10-19-38-960Z_s1.jsonl"), text).unwrap();
        Self { dir }
    }

    fn reader(&self) -> PiReader {
        PiReader::new(vec![self.dir.path().to_owned()])
    }

    fn found(&self) -> Found {
        scan(&self.reader()).0.into_iter().next().unwrap()
    }

    fn texts(&self, branch: Branch) -> Vec<String> {
        let want = Want { branch, ..Want::default() };
        let messages = self.reader().messages(&self.found(), &want).unwrap();
        messages.items.into_iter().map(|message| message.text).collect()
    }
}

fn entry(kind: &str, id: &str, parent: Option<&str>, more: Value) -> Value {
    let mut entry =
        json!({"type": kind, "id": id, "parentId": parent, "timestamp": "2026-11-20T10:19:39.143Z"});
    entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    entry
}

fn user(id: &str, parent: Option<&str>, text: &str) -> Value {
    entry(
        "message",
        id,
        parent,
        json!({"message": {"role": "user", "content": [{"type": "text", "text": text}]}}),
    )
}

fn model(id: &str, parent: &str, blocks: Value) -> Value {
    let usage = json!({"input": 100, "output": 10, "cost": {"total": 0.5, "totalFromProvider": true}});
    let message = json!({"role": "assistant", "content": blocks, "model": "m", "usage": usage, "responseId": format!("r-{id}")});
    entry("message", id, Some(parent), json!({ "message": message }))
}

fn says(id: &str, parent: &str, text: &str) -> Value {
    model(id, parent, json!([{"type": "text", "text": text}]))
}

#[test]
fn the_branch_is_that_of_the_last_entry() {
    let ground = Ground::new(&[
        user("u1", None, "first"),
        says("a1", "u1", "one"),
        user("u2", Some("a1"), "left"),
        user("u3", Some("a1"), "right"),
    ]);
    assert_eq!(ground.texts(Branch::Current), ["first", "one", "right"]);
    assert_eq!(ground.texts(Branch::All).len(), 4);
}

#[test]
fn what_a_compaction_summed_up_is_not_on_it() {
    let ground = Ground::new(&[
        user("u1", None, "first"),
        says("a1", "u1", "one"),
        user("u2", Some("a1"), "second"),
        entry("compaction", "c1", Some("u2"), json!({"summary": "sum", "firstKeptEntryId": "u2"})),
        user("u3", Some("c1"), "third"),
    ]);
    assert_eq!(ground.texts(Branch::Current), ["second", "third"]);
}

#[test]
fn calls_tokens_and_names_are_read() {
    let call = json!([{"type": "toolCall", "id": "t1", "name": "bash", "arguments": {"command": "ls"}}]);
    let result = json!({"role": "toolResult", "toolCallId": "t1", "content": [{"type": "text", "text": "out"}], "isError": true});
    let ground = Ground::new(&[
        user("u1", None, "do it"),
        model("a1", "u1", call),
        entry("message", "r1", Some("a1"), json!({ "message": result })),
        entry("session_info", "i1", Some("r1"), json!({"name": "A name"})),
    ]);
    let messages = ground.reader().messages(&ground.found(), &Want::default()).unwrap();
    let PartBody::Tool(tool) = &messages.items[1].parts[0].body else { panic!() };
    assert_eq!((tool.title.as_str(), tool.state), ("ls", ToolState::Failed));
    assert_eq!(messages.items[1].native_ids, ["a1", "r-a1", "r1"]);
    let entry = ground.reader().describe(&ground.found()).unwrap().unwrap();
    assert_eq!((entry.title.as_deref(), entry.first_input.as_deref()), (Some("A name"), Some("do it")));
    let mut used = Vec::new();
    let mut each = |item| {
        if let Item::Used(counted) = item {
            used.push((counted.key, counted.usage.cost_usd));
        }
        ControlFlow::Continue(())
    };
    ground.reader().read(&ground.found(), None, &mut each).unwrap();
    assert_eq!(used, [("r-a1".to_owned(), Some(0.5))]);
}

#[test]
fn the_oldest_files_are_no_trees() {
    let old = |role: &str, text: &str| json!({"type": "message", "timestamp": "2026-11-20T10:19:39.143Z", "message": {"role": role, "content": text}});
    let ground = Ground::new(&[old("user", "first"), old("assistant", "one")]);
    assert_eq!(ground.texts(Branch::Current), ["first", "one"]);
}

#[test]
fn what_a_path_belongs_to_is_what_a_scan_finds() {
    let ground = Ground::new(&[user("u1", None, "first")]);
    let found = ground.found();
    assert_eq!(ground.reader().at(&found.path).as_ref(), Some(&found));
    // One with a name of a person's own goes by what is in it.
    let named = found.path.with_file_name("kept.jsonl");
    fs::rename(&found.path, &named).unwrap();
    assert_eq!(ground.reader().at(&found.path), None);
    let kept = ground.found();
    assert_eq!((kept.native_id.as_str(), &kept.path), ("s1", &named));
    assert_eq!(ground.reader().at(&named), Some(kept));
    for other in ["notes.txt", "empty.jsonl", "deep/deeper/2026_x.jsonl"] {
        let path = found.path.with_file_name(other);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        assert_eq!(ground.reader().at(&path), None, "{other}");
    }
    assert_eq!(scan(&ground.reader()).0.len(), 1);
}
