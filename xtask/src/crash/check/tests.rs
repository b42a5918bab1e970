//! The oracle on a made-up session: clean as it is, and each thing that is spoilt is found by its name.

use std::fs;

use serde_json::{Value, json};

use super::*;
use crate::crash::told::{Answered, SentInput};

const PROMPT: &str = "[s0i1] please";

/// A run of one session with one process, one turn, one message, one ask.
struct Run {
    scratch: tempfile::TempDir,
    record: Vec<Value>,
    events: Vec<Value>,
    told: Told,
    kills: Kills,
    twist: fn(&mut Vec<Event>, &mut Side, &mut Seen),
}

impl Run {
    fn new() -> Self {
        let chunk = |text: &str| json!({"act": "sent", "what": "agent_message_chunk", "message_id": "m1", "text": text});
        let record = vec![
            json!({"act": "started", "parent": 6}),
            json!({"act": "received", "method": "session/prompt", "id": 1, "text": PROMPT}),
            json!({"act": "turn_started", "prompt_id": 1, "text": PROMPT}),
            chunk("one\n"),
            chunk("two\n"),
            json!({"act": "sent", "what": "session/request_permission", "id": 0, "tool_call_id": "c1"}),
            json!({"act": "answered", "id": 0, "outcome": "selected", "option_id": "allow_once"}),
            chunk("three\n"),
            json!({"act": "turn_ended", "prompt_id": 1}),
            json!({"act": "sent", "what": "response", "id": 1}),
            json!({"act": "exiting", "code": 0}),
        ];
        let said = |text: &str| json!({"role": "assistant", "native_ids": ["m1"], "parts": [{"type": "text", "text": text}]});
        let events = vec![
            json!(["input.admitted", {"input_id": "s0i1", "parts": [{"type": "text", "text": PROMPT}]}]),
            json!(["process.started", {"generation": 1, "pid": 7}]),
            json!(["turn.started", {"turn_id": "t1"}]),
            json!(["input.started", {"input_id": "s0i1", "turn_id": "t1", "how": "turn"}]),
            json!(["message.completed", said("one\ntwo\n")]),
            json!(["tool.started", {"tool_id": "c1"}]),
            json!(["ask.opened", {"id": "a1", "tool_id": "c1"}]),
            json!(["ask.resolved", {"ask_id": "a1", "decision": "allow"}]),
            json!(["message.completed", said("three\n")]),
            json!(["turn.completed", {"turn_id": "t1", "input_ids": ["s0i1"], "outcome": "completed"}]),
            json!(["process.exited", {"generation": 1}]),
        ];
        let mut told = Told::default();
        told.inputs.push(SentInput {
            id: "s0i1".into(),
            text: PROMPT.into(),
            delivery: "queue",
            receipt: Some(1),
            given_up: false,
            cancelled: false,
        });
        told.answers.push(Answered { ask_id: "a1".into(), decision: "allow" });
        told.sent_decisions.insert(("a1".into(), "allow"));
        let scratch = tempfile::tempdir().expect("a directory");
        Self { scratch, record, events, told, kills: Kills::default(), twist: |_, _, _| {} }
    }

    fn findings(self) -> String {
        let place = Place { scratch: self.scratch.path().to_owned(), binary: "none".into() };
        let lines = self.record.into_iter().enumerate().map(|(n, mut entry)| {
            entry["n"] = if entry["n"].is_null() { json!(n + 1) } else { entry["n"].take() };
            entry["pid"] = json!(7);
            entry["mono_ns"] = json!(n);
            entry.to_string() + "\n"
        });
        fs::write(place.record("s0"), lines.collect::<String>()).expect("written");
        let events = self.events.iter().enumerate().map(|(n, event)| {
            let seq = n as u64 + 1;
            let value =
                json!({"session_id": "s0", "seq": seq, "gseq": seq, "type": event[0], "data": event[1]});
            let kind = event[0].as_str().unwrap_or_default().to_owned();
            Event { seq, gseq: seq, kind, body: value.to_string(), value }
        });
        let mut events: Vec<Event> = events.collect();
        let bodies: Vec<String> = events.iter().map(|event| event.body.clone()).collect();
        let seen = || Seen {
            events: bodies.iter().enumerate().map(|(n, b)| (n as u64 + 1, b.clone().into())).collect(),
            ..Seen::default()
        };
        let mut side = Side { id: "s0".into(), told: self.told, seen: seen(), pages: bodies.clone() };
        let mut node = seen();
        (self.twist)(&mut events, &mut side, &mut node);
        let mut store = Store::default();
        store.sessions.insert("s0".into(), events);
        let mut report = Report::default();
        all(&place, &store, &[side], &node, &self.kills, &mut report);
        report.details()
    }
}

/// What is found, and what spoils a run so.
type Spoilt = (&'static str, fn(&mut Run));

/// Numbers and bytes.
const NUMBERS: &[Spoilt] = &[
    ("gaps or repeats in seq", |run| run.twist = |events, _, _| events[3].seq = 9),
    ("gseq out of order or repeated", |run| run.twist = |events, _, _| events[3].gseq = 2),
    ("envelopes that differ from their row", |run| {
        run.twist = |events, _, _| events[3].value["seq"] = json!(5);
    }),
    ("pages that differ from the store", |run| run.twist = |_, side, _| side.pages[2].push(' ')),
    ("followers that saw something else than the store", |run| {
        run.twist = |_, side, _| drop(side.seen.events.pop());
    }),
    ("followers that saw something else than the store", |run| {
        run.twist = |_, _, node| node.events.swap(1, 2);
    }),
];

#[test]
fn a_run_in_order_is_clean() {
    assert_eq!(Run::new().findings(), "");
}

#[test]
fn whatever_is_spoilt_is_found() {
    let cases: &[Spoilt] = &[
        ("events lost", |run| run.events[8][1]["parts"][0]["text"] = json!("")),
        ("events repeated", |run| run.events[8][1]["parts"][0]["text"] = json!("three\nthree\n")),
        ("events out of order", |run| run.events[4][1]["parts"][0]["text"] = json!("two\none\n")),
        ("events that no agent caused", |run| run.events[8][1]["parts"][0]["text"] = json!("three\nfour\n")),
        ("messages whose text differs", |run| run.events[4][1]["parts"][0]["text"] = json!("one\ntwo")),
        ("acknowledged inputs missing", |run| run.told.inputs[0].receipt = Some(2)),
        ("inputs without an end", |run| run.events[9][1]["input_ids"] = json!([])),
        ("inputs with two ends", |run| {
            run.events.push(json!(["input.cancelled", {"input_id": "s0i1"}]));
        }),
        ("inputs that an agent got twice", |run| {
            let again = run.record[2].clone();
            run.record.insert(3, again);
        }),
        ("inputs served that no agent got", |run| {
            run.record.drain(1..3);
        }),
        ("inputs whose text changed", |run| run.told.inputs[0].text = "[s0i1] other".into()),
        ("turns without completion", |run| {
            run.events.remove(9);
        }),
        ("turns completed twice", |run| {
            let again = run.events[9].clone();
            run.events.insert(10, again);
        }),
        ("asks lost", |run| {
            run.events.drain(6..8);
        }),
        ("asks without an end", |run| {
            run.events.remove(7);
        }),
        ("asks with two ends", |run| {
            run.events.insert(8, json!(["ask.withdrawn", {"ask_id": "a1"}]));
        }),
        ("requests answered twice at the agent", |run| {
            let again = run.record[6].clone();
            run.record.insert(7, again);
        }),
        ("answers that the agent never got", |run| {
            run.record.remove(6);
            run.kills.alive.insert(7);
        }),
        ("answers that differ from what was decided", |run| {
            run.record[6]["option_id"] = json!("reject_once");
        }),
        ("other acknowledged replies missing", |run| run.told.titles.push("mine".into())),
        ("sessions with two agents at once", |run| {
            run.events.insert(2, json!(["process.started", {"generation": 2, "pid": 8}]));
        }),
        ("processes that the log does not tell rightly", |run| {
            run.events.remove(10);
        }),
        ("faults of the agents' record", |run| run.record.push(json!({"n": 99}))),
    ];
    for (words, spoil) in cases.iter().chain(NUMBERS) {
        let mut run = Run::new();
        spoil(&mut run);
        let found = run.findings();
        assert!(found.contains(words), "{words} was not found: {found:?}");
    }
}
