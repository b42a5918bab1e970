//! A database as OpenCode lays it out, with a writer that has not put its log into it yet.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};
use tenure_event::{PartBody, ToolState};

use super::OpenCodeReader;
use crate::{Found, Item, Mark, Reader, Want, WarningKind, list, scan};

fn database(dir: &Path) -> Connection {
    let writer = Connection::open(dir.join("opencode.db")).unwrap();
    writer
        .execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;
             CREATE TABLE session (id text PRIMARY KEY, parent_id text, directory text, title text, version text, revert text,
                 model text, time_created integer, time_updated integer, time_archived integer);
             CREATE TABLE message (id text PRIMARY KEY, session_id text, time_created integer, time_updated integer, data text);
             CREATE TABLE part (id text PRIMARY KEY, message_id text, session_id text, time_created integer, time_updated integer, data text);
             INSERT INTO session VALUES ('s1', NULL, '/w', 'A title', '1', NULL, '{\"id\":\"m\"}', 1795170505133, 1795170505133, NULL);",
        )
        .unwrap();
    writer
}

fn message(writer: &Connection, id: &str, data: &Value, parts: &[Value]) {
    let insert = "INSERT INTO message VALUES (?1, 's1', 1795170505276, 1795170505276, ?2)";
    writer.execute(insert, [id, &data.to_string()]).unwrap();
    for (index, part) in parts.iter().enumerate() {
        let insert = "INSERT INTO part VALUES (?1, ?2, 's1', 1795170505276, 1795170505276, ?3)";
        writer.execute(insert, [&format!("{id}-{index}"), id, &part.to_string()]).unwrap();
    }
}

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

fn read(reader: &OpenCodeReader, found: &Found, mark: Option<&Mark>) -> (Vec<Item>, Mark) {
    let mut items = Vec::new();
    let mark = reader
        .read(found, mark, &mut |item| {
            items.push(item);
            ControlFlow::Continue(())
        })
        .unwrap();
    (items, mark)
}

#[test]
fn what_stands_in_the_log_alone_is_read_and_nothing_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let writer = database(dir.path());
    message(&writer, "m1", &json!({"role": "user"}), &[json!({"type": "text", "text": "do it"})]);
    let tool = json!({"type": "tool", "tool": "bash", "callID": "c1", "state": {
        "status": "error", "input": {"command": "ls"}, "error": "The user rejected permission to use this specific tool call."}});
    let said = json!({"role": "assistant", "modelID": "m", "tokens": {"input": 5, "output": 2}, "time": {"created": 1795170505309_i64}});
    message(&writer, "m2", &said, &[json!({"type": "step-start"}), tool]);
    let before = files(dir.path());
    let reader = OpenCodeReader::new(vec![dir.path().to_owned()]);
    let entry = &list(&[&reader]).items[0];
    assert_eq!((entry.title.as_deref(), entry.cwd.as_deref()), (Some("A title"), Some("/w")));
    assert_eq!(entry.first_input.as_deref(), Some("do it"));
    let found = scan(&reader).0.remove(0);
    let messages = reader.messages(&found, &Want::default()).unwrap();
    let PartBody::Tool(tool) = &messages.items[1].parts[0].body else { panic!("{messages:?}") };
    assert_eq!((tool.state, tool.title.as_str()), (ToolState::Denied, "ls"));
    let (items, mark) = read(&reader, &found, None);
    assert_eq!(items.len(), 3);
    assert!(read(&reader, &found, Some(&mark)).0.is_empty());
    assert_eq!(files(dir.path()), before, "no lock, no file and no byte is left behind");
    message(&writer, "m3", &json!({"role": "user"}), &[json!({"type": "text", "text": "more"})]);
    let grown = scan(&reader).0.remove(0);
    assert_ne!(grown.stamp, found.stamp);
    let (items, _) = read(&reader, &grown, Some(&mark));
    assert!(matches!(items[0], Item::Reset) && items.len() == 5, "{items:?}");
}

#[test]
fn what_was_taken_back_is_not_on_the_branch() {
    let dir = tempfile::tempdir().unwrap();
    let writer = database(dir.path());
    for id in ["m1", "m2", "m3"] {
        message(&writer, id, &json!({"role": "user"}), &[json!({"type": "text", "text": id})]);
    }
    writer.execute("UPDATE session SET revert = '{\"messageID\":\"m2\"}'", []).unwrap();
    let reader = OpenCodeReader::new(vec![dir.path().to_owned()]);
    let found = scan(&reader).0.remove(0);
    assert_eq!(reader.messages(&found, &Want::default()).unwrap().total, 1);
}

#[test]
fn a_file_that_is_no_database_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("opencode.db"), "not a database at all, but long enough to be looked at")
        .unwrap();
    let listing = list(&[&OpenCodeReader::new(vec![dir.path().to_owned(), dir.path().join("none")])]);
    assert!(listing.items.is_empty());
    assert_eq!(listing.warnings.len(), 1);
    assert_eq!(listing.warnings[0].kind, WarningKind::Layout);
}
