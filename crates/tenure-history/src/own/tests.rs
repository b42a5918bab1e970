//! A log of one session, in memory.

use std::ops::ControlFlow;
use std::path::PathBuf;

use serde_json::{Value, json};
use tenure_event::{Event, PartBody, Seq, SessionId, Timestamp, ToolState};

use super::{OwnLog, OwnReader};
use crate::{Conversation, Found, Item, Reader, Stamp, Want, list, scan};

struct Log(Vec<Event>);

impl Log {
    fn new(events: &[(&str, Value)]) -> Self {
        let event = |(at, (kind, data)): (usize, &(&str, Value))| {
            let event = json!({
                "session_id": "s1", "seq": at + 1, "gseq": at + 1, "ts": "2026-11-20T01:00:00.000Z", "type": kind, "data": data,
            });
            Event::parse(&event.to_string()).unwrap()
        };
        Self(events.iter().enumerate().map(event).collect())
    }

    fn found(&self) -> Found {
        let size = self.0.len() as u64;
        Found {
            agent: "tenure".to_owned(),
            native_id: "s1".to_owned(),
            path: self.path(),
            parts: Vec::new(),
            size_bytes: size,
            modified: Timestamp::from_millis(1_795_139_670_306),
            name: None,
            stamp: Stamp { size, ..Stamp::default() },
        }
    }
}

impl OwnLog for Log {
    fn path(&self) -> PathBuf {
        "/home/tenure.db".into()
    }

    fn sessions(&self, each: &mut dyn FnMut(Found, Conversation)) -> Result<(), String> {
        let found = self.found();
        let entry = Conversation::of(&found);
        each(found, entry);
        Ok(())
    }

    fn session(&self, id: &SessionId) -> Result<Option<Conversation>, String> {
        Ok((id.as_str() == "s1").then(|| Conversation::of(&self.found())))
    }

    fn events(&self, _: &SessionId, after: Seq, each: &mut dyn FnMut(Event) -> bool) -> Result<(), String> {
        self.0.iter().filter(|event| event.seq > after).cloned().all(each);
        Ok(())
    }
}

#[test]
fn events_are_read_as_messages_once_and_on_from_a_mark() {
    let tool = json!({"id": "m1.0", "type": "tool", "tool_id": "t1", "tool": "Bash", "kind": "execute", "title": "ls", "state": "running"});
    let ended = json!({"tool_id": "t1", "message_id": "m1", "tool": "Bash", "kind": "execute", "title": "ls", "state": "completed", "output": "out"});
    let before = json!({"message_id": "m0", "role": "user", "parts": [], "origin": "native"});
    let reader = OwnReader::new(Log::new(&[
        ("message.completed", before),
        ("tool.completed", ended),
        ("message.completed", json!({"message_id": "m1", "role": "assistant", "parts": [tool]})),
        (
            "message.completed",
            json!({"message_id": "m2", "role": "user", "parts": [{"id": "m2.0", "type": "text", "text": "on"}]}),
        ),
    ]));
    assert_eq!(list(&[&reader]).items.len(), 1);
    let found = scan(&reader).0.remove(0);
    let messages = reader.messages(&found, &Want::default()).unwrap();
    assert_eq!(messages.total, 2, "what was said before the session is the agent's");
    let PartBody::Tool(tool) = &messages.items[0].parts[0].body else { panic!("{messages:?}") };
    assert_eq!((tool.state, &tool.output), (ToolState::Completed, &Some(json!("out"))), "its end came first");
    let mut count = 0;
    let mut each = |item| {
        count += usize::from(matches!(item, Item::Message(_)));
        if count == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mark = reader.read(&found, None, &mut each).unwrap();
    let mut rest = Vec::new();
    let mut each = |item| {
        rest.push(item);
        ControlFlow::Continue(())
    };
    reader.read(&found, Some(&mark), &mut each).unwrap();
    assert!(matches!(&rest[..], [Item::Message(said)] if said.message.text == "on"), "{rest:?}");
}
