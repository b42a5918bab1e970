//! Folds over small logs.

use serde_json::{Value, json};
use tenure_event::{
    Ephemeral, EphemeralKind, Event, Gseq, Kind, Message, MessageDelta, MessageId, Outcome, Part, PartBody,
    Seq, SessionId, TextKind, Timestamp, TurnId,
};

use super::{
    AcpRows, EpochChoice, Flow, MessageFold, MessagePage, Position, TurnFold, fill_part, jsonl_row,
    markdown_message, turn_result,
};

// `(type, turn, data)` as they would stand in a log.
fn log(rows: &[(&str, &str, Value)]) -> Vec<Event> {
    let event = |(at, (name, turn, data)): (usize, &(&str, &str, Value))| Event {
        session_id: SessionId::parse("s").expect("an id"),
        seq: Seq(at as u64 + 1),
        gseq: Gseq(at as u64 + 1),
        ts: Timestamp::from_millis(1_795_139_670_306),
        turn_id: (!turn.is_empty()).then(|| TurnId::parse(turn).expect("an id")),
        kind: {
            let kind = Kind::read(name, &data.to_string());
            assert!(!matches!(kind, Kind::Unknown { .. }), "{name} {data}");
            kind
        },
    };
    rows.iter().enumerate().map(event).collect()
}

fn begin(turn: &'static str) -> (&'static str, &'static str, Value) {
    ("turn.started", turn, json!({"turn_id": turn, "origin": "input", "input_ids": ["i"]}))
}

fn end(turn: &'static str) -> (&'static str, &'static str, Value) {
    ("turn.completed", turn, json!({"turn_id": turn, "input_ids": ["i"], "outcome": "completed"}))
}

fn said(turn: &'static str, id: &str, role: &str, parts: Value) -> (&'static str, &'static str, Value) {
    ("message.completed", turn, json!({"message_id": id, "role": role, "parts": parts}))
}

fn words(id: &str, text: &str) -> Value {
    json!([{"id": format!("{id}.0"), "type": "text", "text": text}])
}

fn started(turn: &'static str, message: &str, tool: &str) -> (&'static str, &'static str, Value) {
    let data = json!({"tool_id": tool, "message_id": message, "tool": "Bash", "kind": "execute",
        "title": "ls", "state": "running", "input": {"command": "ls"}});
    ("tool.started", turn, data)
}

fn ended(turn: &'static str, message: &str, tool: &str, state: &str) -> (&'static str, &'static str, Value) {
    let data = json!({"tool_id": tool, "message_id": message, "tool": "Bash", "kind": "execute",
        "title": "ls -l", "state": state, "output": "a.txt"});
    ("tool.completed", turn, data)
}

fn fold(events: &[Event], start: Position, limit: usize) -> (MessagePage, usize) {
    let mut fold = MessageFold::new(start, EpochChoice::One(0), limit, usize::MAX);
    let mut read = 0;
    for event in events.iter().filter(|event| event.seq.0 > start.after) {
        read += 1;
        if fold.event(event, 100) == Flow::Done {
            break;
        }
    }
    (fold.finish(), read)
}

fn all(events: &[Event]) -> Vec<Message> {
    fold(events, Position::default(), usize::MAX).0.items
}

fn shape(messages: &[Message]) -> Vec<String> {
    let part = |part: &Part| match &part.body {
        PartBody::Text { text } => text.clone(),
        PartBody::Tool(tool) => {
            format!("{}:{}", tool.tool_id, json!(tool.state).as_str().unwrap_or_default())
        }
        other => format!("{other:?}"),
    };
    messages
        .iter()
        .map(|m| format!("{}[{}]", m.id, m.parts.iter().map(part).collect::<Vec<_>>().join(",")))
        .collect()
}

#[test]
fn a_tool_finds_its_message_whatever_comes_first() {
    let tool = |id: &str, state: &str| {
        json!({"id": format!("m.{id}"), "type": "tool", "tool_id": id, "tool": "Bash",
        "kind": "execute", "title": "ls", "state": state, "input": {}})
    };
    let text = json!({"id": "m.0", "type": "text", "text": "hm"});
    let cases = [
        // The message lists its call, as Claude's do.
        (
            vec![
                said("t", "m", "assistant", json!([text, tool("c", "pending")])),
                started("t", "m", "c"),
                ended("t", "m", "c", "completed"),
            ],
            "m[hm,c:completed]",
        ),
        // The call is known by its own events only.
        (
            vec![
                said("t", "m", "assistant", json!([text])),
                started("t", "m", "c"),
                ended("t", "m", "c", "denied"),
            ],
            "m[hm,c:denied]",
        ),
        // There is no message but the call.
        (vec![started("t", "m", "c")], "m[c:running]"),
        // The message ends after its call has begun.
        (
            vec![
                started("t", "m", "c"),
                said("t", "m", "assistant", json!([text, tool("c", "pending")])),
                ended("t", "m", "c", "failed"),
            ],
            "m[hm,c:failed]",
        ),
        (
            vec![
                started("t", "m", "c"),
                ended("t", "m", "c", "completed"),
                said("t", "m", "assistant", json!([text, tool("c", "pending")])),
            ],
            "m[hm,c:completed]",
        ),
        (
            vec![
                started("t", "m", "c"),
                ended("t", "m", "c", "completed"),
                said("t", "m", "assistant", json!([text])),
            ],
            "m[c:completed,hm]",
        ),
        // An end without a beginning belongs to a message that nobody saw.
        (vec![ended("t", "m", "c", "completed")], ""),
    ];
    for (rows, expected) in cases {
        assert_eq!(shape(&all(&log(&rows))).join(" "), expected);
    }
}

fn long_log() -> Vec<Event> {
    let mut rows = Vec::new();
    for turn in ["t1", "t2", "t3", "t4"] {
        rows.push(begin(turn));
        rows.push(said(turn, &format!("u{turn}"), "user", words("u", "do it")));
        rows.push(said(turn, &format!("a{turn}"), "assistant", words("a", "let me see")));
        rows.push(started(turn, &format!("a{turn}"), "c"));
        rows.push(started(turn, &format!("b{turn}"), "d"));
        rows.push(ended(turn, &format!("b{turn}"), "d", "completed"));
        rows.push(ended(turn, &format!("a{turn}"), "c", "completed"));
        rows.push(said(turn, &format!("b{turn}"), "assistant", words("b", "done")));
        rows.push(end(turn));
    }
    log(&rows)
}

#[test]
fn pages_of_every_size_equal_the_whole() {
    let events = long_log();
    let whole = all(&events);
    assert_eq!(whole.len(), 12);
    for limit in 1..=13 {
        let (mut seen, mut at) = (Vec::new(), Some(Position::default()));
        while let Some(start) = at {
            let (page, _) = fold(&events, start, limit);
            assert!(page.items.len() <= limit && (page.next.is_none() || page.items.len() == limit));
            seen.extend(page.items);
            at = page.next;
        }
        assert_eq!(seen, whole, "limit {limit}");
    }
}

#[test]
fn a_page_reads_no_further_than_its_tools_need() {
    let events = long_log();
    let (page, read) = fold(&events, Position::default(), 3);
    // The first turn, and the next one's first message, which shows that there is more.
    assert_eq!((page.items.len(), read), (3, 11));
    let (_, read) = fold(&events, page.next.expect("more"), 3);
    assert!(read <= 20, "{read}");
}

#[test]
fn epochs_are_apart() {
    let mut old = said("t", "old", "user", words("old", "before"));
    old.2["epoch"] = json!(0);
    let mut new = said("u", "new", "user", words("new", "after"));
    new.2["epoch"] = json!(1);
    let axes = serde_json::to_value(tenure_event::Axes::default()).expect("json");
    let mut cleared = axes;
    cleared["epoch"] = json!(1);
    let events = log(&[old, ("session.cleared", "", cleared), new, started("u", "tool", "c")]);
    let of = |wanted| {
        let mut fold = MessageFold::new(Position::default(), wanted, 10, usize::MAX);
        events.iter().for_each(|event| {
            fold.event(event, 0);
        });
        shape(&fold.finish().items)
    };
    assert_eq!(of(EpochChoice::One(0)), ["old[before]"]);
    assert_eq!(of(EpochChoice::One(1)), ["new[after]", "tool[c:running]"]);
    assert_eq!(of(EpochChoice::All).len(), 3);
}

#[test]
fn a_result_has_the_last_words_and_all_that_was_done() {
    let mut sub = said("t", "sub", "assistant", words("sub", "from below"));
    sub.2["parent_tool_id"] = json!("c");
    let events = log(&[
        begin("t"),
        said("t", "u", "user", words("u", "do it")),
        said("t", "a", "assistant", words("a", "first")),
        started("t", "a", "c"),
        sub,
        said("other", "x", "assistant", words("x", "elsewhere")),
        ended("t", "a", "c", "completed"),
        said("t", "b", "assistant", words("b", "last")),
        end("other"),
        end("t"),
        said("t", "late", "assistant", words("late", "too late")),
    ]);
    let mut fold = TurnFold::new(TurnId::parse("t").expect("an id"));
    let read = events.iter().position(|event| fold.event(event)).expect("an end");
    assert_eq!(read, 9);
    let (end, messages) = fold.finish().expect("a result");
    let result = turn_result(end, messages);
    assert_eq!((result.text.as_str(), result.outcome), ("last", Outcome::Completed));
    assert_eq!(result.message_id.map(|id| id.to_string()).as_deref(), Some("b"));
    let ids: Vec<_> = result.parts.iter().map(|part| part.id.as_str()).collect();
    assert_eq!(ids, ["a.0", "a.c", "b.0"]);
    let none = TurnFold::new(TurnId::parse("t").expect("an id"));
    assert!(none.finish().is_none());
}

#[test]
fn rows_for_programs_and_people() {
    let messages = all(&log(&[
        said("t", "u", "user", words("u", "run ```x```")),
        started("t", "a", "c"),
        ended("t", "a", "c", "completed"),
    ]));
    let row: Value = serde_json::from_str(&jsonl_row(&messages[0]).expect("a row")).expect("json");
    assert_eq!(
        (&row["role"], &row["content"], &row["seq"]),
        (&json!("user"), &json!("run ```x```"), &json!(1))
    );
    assert!(row.get("partial").is_none());
    assert_eq!(markdown_message(&messages[0]), "\n## User\n\nrun ```x```\n");
    let shown = markdown_message(&messages[1]);
    assert!(shown.contains("**ls -l** (completed)") && shown.contains("```\na.txt\n```"), "{shown}");
}

#[test]
fn a_fence_is_longer_than_what_it_holds() {
    let part = Part {
        id: "m.0".into(),
        body: PartBody::File { uri: "x".into(), mime_type: None, text: Some("a ````` b".into()), data: None },
        bytes: None,
        blob: None,
    };
    let mut message = all(&log(&[said("t", "u", "user", words("u", ""))])).remove(0);
    message.parts = vec![part];
    assert!(markdown_message(&message).contains("\n``````\na ````` b\n``````\n"));
}

#[test]
fn blobs_fill_what_they_were_cut_from() {
    let part = |body: Value| -> Part {
        let mut value = body;
        value["id"] = json!("m.0");
        value["blob"] = json!("h");
        value["bytes"] = json!(9);
        serde_json::from_value(value).expect("a part")
    };
    let tool = |output: Value| {
        json!({"type": "tool", "tool_id": "c", "tool": "t", "kind": "other", "title": "",
        "state": "completed", "output": output})
    };
    let cases = [
        (json!({"type": "text", "text": "who"}), "whole", json!({"text": "whole"})),
        (json!({"type": "image", "data": "", "mime_type": "image/png"}), "aGk=", json!({"data": "aGk="})),
        (json!({"type": "file", "uri": "f", "text": "who"}), "whole", json!({"text": "whole"})),
        (json!({"type": "file", "uri": "f", "data": ""}), "aGk=", json!({"data": "aGk="})),
        (tool(json!("[1")), "[1, 2]", json!({"output": "[1, 2]"})),
        (tool(Value::Null), "[1, 2]", json!({"output": [1, 2]})),
    ];
    for (body, blob, expected) in cases {
        let mut part = part(body);
        fill_part(&mut part, blob.as_bytes());
        let filled = serde_json::to_value(&part).expect("json");
        for (field, value) in expected.as_object().expect("fields") {
            assert_eq!(&filled[field], value, "{filled}");
        }
        assert_eq!((part.blob, part.bytes), (None, None));
    }
}

fn delta(offset: u64, text: &str) -> Ephemeral {
    Ephemeral {
        session_id: SessionId::parse("s").expect("an id"),
        after: Seq(1),
        ts: Timestamp::from_millis(0),
        turn_id: None,
        kind: EphemeralKind::MessageDelta(MessageDelta {
            message_id: MessageId::parse("m").expect("an id"),
            part_id: "m.0".into(),
            kind: TextKind::Text,
            offset,
            text: text.into(),
            parent_tool_id: None,
        }),
    }
}

fn chunk(row: &str) -> String {
    let row: Value = serde_json::from_str(row).expect("json");
    row["params"]["update"]["content"]["text"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn acp_chunks_add_up_to_the_message_once() {
    let whole = "grüße aus der ferne";
    // Deltas as they came, and what a program that knows ACP has been told before the whole message.
    let cases: [(&[(u64, &str)], &str); 6] = [
        (&[], ""),
        (&[(0, "grüße"), (5, " aus")], "grüße aus"),
        (&[(0, "grüße"), (9, " der")], "grüße"),
        (&[(0, "grüße"), (0, "grüße aus"), (9, " der")], "grüße aus der"),
        (&[(5, " aus")], ""),
        (&[(0, whole)], whole),
    ];
    for (deltas, before) in cases {
        let mut rows = AcpRows::new();
        let live: String = deltas
            .iter()
            .filter_map(|(at, text)| rows.ephemeral(&delta(*at, text)))
            .map(|row| chunk(&row))
            .collect();
        assert_eq!(live, before);
        let event = log(&[said("t", "m", "assistant", words("m", whole))]).remove(0);
        let rest: String = rows.event(&event).iter().map(|row| chunk(row)).collect();
        assert_eq!(live + &rest, whole);
    }
}

#[test]
fn acp_words_for_what_acp_knows() {
    let events = log(&[
        started("t", "m", "c"),
        ended("t", "m", "c", "denied"),
        (
            "todos.updated",
            "t",
            json!({"todos": [
            {"id": "1", "content": "a", "status": "in_progress", "priority": "high"},
            {"id": "2", "content": "b", "status": "cancelled"}]}),
        ),
        ("config.changed", "", json!({"mode": "plan", "by": "client"})),
        ("config.changed", "", json!({"model": "x", "by": "client"})),
        ("usage.updated", "t", json!({"context": {"used": 5, "max": 10}, "cost_usd": 0.5})),
        begin("t"),
    ]);
    let mut rows = AcpRows::new();
    let updates: Vec<Value> = events
        .iter()
        .flat_map(|event| rows.event(event))
        .map(|row| serde_json::from_str::<Value>(&row).expect("json")["params"]["update"].clone())
        .collect();
    let kinds: Vec<_> = updates.iter().map(|u| u["sessionUpdate"].as_str().unwrap_or_default()).collect();
    assert_eq!(kinds, ["tool_call", "tool_call_update", "plan", "current_mode_update", "usage_update"]);
    assert_eq!(updates[0]["status"], "in_progress");
    assert_eq!(
        (&updates[1]["status"], &updates[1]["_meta"]),
        (&json!("failed"), &json!({"tenure": {"state": "denied"}}))
    );
    assert_eq!(updates[2]["entries"], json!([{"content": "a", "priority": "high", "status": "in_progress"}]));
    assert_eq!(updates[4]["cost"], json!({"amount": 0.5, "currency": "USD"}));
}
