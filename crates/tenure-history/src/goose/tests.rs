//! A database as goose lays it out.

use std::fs;
use std::ops::ControlFlow;

use rusqlite::Connection;
use serde_json::{Value, json};
use tenure_event::{PartBody, ToolState};

use super::GooseReader;
use crate::{Found, Item, Mark, Reader, Want, scan};

struct Ground {
    dir: tempfile::TempDir,
    writer: Connection,
}

impl Ground {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sessions")).unwrap();
        let writer = Connection::open(dir.path().join("sessions/sessions.db")).unwrap();
        writer
            .execute_batch(
                "CREATE TABLE sessions (id TEXT PRIMARY KEY, name TEXT, description TEXT, session_type TEXT, working_dir TEXT,
                     created_at TIMESTAMP, updated_at TIMESTAMP, accumulated_total_tokens INTEGER, accumulated_input_tokens INTEGER,
                     accumulated_output_tokens INTEGER, model_config_json TEXT, archived_at TIMESTAMP);
                 CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT, session_id TEXT, role TEXT,
                     content_json TEXT, created_timestamp INTEGER, metadata_json TEXT);
                 INSERT INTO sessions VALUES ('20261120_1', 'A name', '', 'user', '/w', '2026-11-20 10:29:12', '2026-11-20 10:29:13',
                     12, 10, 2, '{\"model_name\":\"m\"}', NULL);",
            )
            .unwrap();
        Self { dir, writer }
    }

    fn say(&self, id: &str, role: &str, content: &Value) {
        let insert = "INSERT INTO messages (message_id, session_id, role, content_json, created_timestamp, metadata_json) \
             VALUES (?1, '20261120_1', ?2, ?3, 1795170552, '{\"userVisible\":true}')";
        self.writer.execute(insert, [id, role, &content.to_string()]).unwrap();
    }

    fn reader(&self) -> GooseReader {
        GooseReader::new(vec![self.dir.path().to_owned()])
    }

    fn found(&self) -> Found {
        scan(&self.reader()).0.remove(0)
    }

    fn read(&self, mark: Option<&Mark>) -> (Vec<Item>, Mark) {
        let mut items = Vec::new();
        let mut each = |item| {
            items.push(item);
            ControlFlow::Continue(())
        };
        let mark = self.reader().read(&self.found(), mark, &mut each).unwrap();
        (items, mark)
    }
}

#[test]
fn rows_become_messages_with_their_calls_as_they_ended() {
    let ground = Ground::new();
    ground.say("m1", "user", &json!([{"type": "text", "text": "do it"}]));
    let call =
        json!({"status": "success", "value": {"name": "developer__shell", "arguments": {"command": "ls"}}});
    ground.say("m2", "assistant", &json!([{"type": "toolRequest", "id": "c1", "toolCall": call}]));
    let gave = json!({"status": "success", "value": {"content": [{"type": "text", "text": "out"}], "isError": true}});
    ground.say("m3", "user", &json!([{"type": "toolResponse", "id": "c1", "toolResult": gave}]));
    let messages = ground.reader().messages(&ground.found(), &Want::default()).unwrap();
    assert_eq!(messages.total, 2);
    let PartBody::Tool(tool) = &messages.items[1].parts[0].body else { panic!("{messages:?}") };
    assert_eq!(
        (tool.title.as_str(), tool.state, &tool.output),
        ("ls", ToolState::Failed, &Some(json!("out")))
    );
    let entry = ground.reader().describe(&ground.found()).unwrap().unwrap();
    assert_eq!((entry.title.as_deref(), entry.first_input.as_deref()), (Some("A name"), Some("do it")));
}

#[test]
fn new_rows_are_read_on_and_rewritten_ones_again() {
    let ground = Ground::new();
    ground.say("m1", "user", &json!([{"type": "text", "text": "one"}]));
    let (items, mark) = ground.read(None);
    assert!(
        matches!(&items[..], [Item::Message(_), Item::Used(used)] if used.key == "session:20261120_1"),
        "{items:?}"
    );
    ground.say("m2", "assistant", &json!([{"type": "text", "text": "two"}]));
    let (items, mark) = ground.read(Some(&mark));
    assert!(
        matches!(&items[..], [Item::Message(said), Item::Used(_)] if said.message.text == "two"),
        "{items:?}"
    );
    ground.writer.execute("DELETE FROM messages WHERE message_id = 'm1'", []).unwrap();
    let (items, _) = ground.read(Some(&mark));
    assert!(matches!(&items[..], [Item::Reset, Item::Message(_), Item::Used(_)]), "{items:?}");
}

#[test]
fn a_broken_row_costs_itself() {
    let ground = Ground::new();
    ground.say("m1", "user", &json!({"no": "list"}));
    ground.say("m2", "user", &json!([{"type": "text", "text": "said"}]));
    let (items, _) = ground.read(None);
    assert!(matches!(&items[..], [Item::Warning(_), Item::Message(_), Item::Used(_)]), "{items:?}");
}
