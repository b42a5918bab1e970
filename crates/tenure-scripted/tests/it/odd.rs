//! Lines that no client wants to see are really written, byte for byte.

use serde_json::{Value, json};

use crate::driver::Scratch;

#[test]
fn raw_lines_are_written_as_they_are() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    agent.prompt(
        &session,
        json!([{"raw": "{not json"}, {"raw": ""}, {"raw_hex": "ff fe 00 41"}, {"raw": "two\nlines"}]),
    );
    assert_eq!(agent.line().unwrap(), b"{not json\n");
    assert_eq!(agent.line().unwrap(), b"\n");
    assert_eq!(agent.line().unwrap(), b"\xff\xfe\x00A\n");
    assert_eq!(agent.line().unwrap(), b"two\n");
    assert_eq!(agent.line().unwrap(), b"lines\n");
    assert_eq!(agent.message()["result"]["stopReason"], "end_turn");
    for hex in ["f", "zz"] {
        assert_eq!(agent.turn(&session, json!([{"raw_hex": hex}])).answer["error"]["code"], -32602);
    }
}

#[test]
fn a_huge_line_has_exactly_its_length() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let bytes = 3_000_001;
    agent.prompt(
        &session,
        json!([{"huge": bytes}, {"huge": bytes, "valid_json": true}, {"huge": 1, "valid_json": true}]),
    );
    let line = agent.line().unwrap();
    assert_eq!(line.len(), bytes + 1);
    assert!(line[..bytes].iter().all(|b| *b == b'x'));
    let line = agent.line().unwrap();
    assert_eq!(line.len(), bytes + 1);
    let message: Value = serde_json::from_slice(&line).unwrap();
    assert!(message["params"]["update"]["content"]["text"].as_str().unwrap().starts_with("xxx"));
    assert_eq!(agent.message()["params"]["update"]["content"]["text"], "");
    assert_eq!(agent.message()["result"]["stopReason"], "end_turn");
}

#[test]
fn a_deep_line_nests_as_deep_as_it_says() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    agent.prompt(&session, json!([{"deep": 20}, {"deep": 100_000}]));
    let mut inner = agent.message()["params"]["update"]["_meta"].clone();
    let mut levels = 1;
    while let Some(next) = inner.get(0).cloned() {
        inner = next;
        levels += 1;
    }
    assert_eq!(levels, 20);
    let line = agent.line().unwrap();
    assert_eq!(line.iter().filter(|b| **b == b'[').count(), 100_000);
    let count = |wanted: u8| line.iter().filter(|b| **b == wanted).count();
    assert_eq!((count(b'['), count(b'{')), (count(b']'), count(b'}')));
}

#[test]
fn ids_can_be_of_any_type() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let turned = agent.turn(&session, json!(["odd_ids", {"text": "on"}]));
    let ids: Vec<_> = turned.before[..8].iter().map(|m| m.get("id").cloned()).collect();
    let expected = [json!(null), json!(true), json!(1.5), json!(-7), json!(""), json!([1]), json!({"a": 1})];
    assert_eq!(ids[..7], expected.map(Some));
    assert_eq!(ids[7], None);
    assert_eq!(turned.said(), "on");
}
