//! Every recording, read whole: what is told, and what must hold for each of them.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::agent::{Codec, Signal};
use tenure_event::PartBody;

use super::{ClaudeCodec, Way, names, recording, told::told};

#[test]
fn what_each_recording_tells() {
    for name in names() {
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "snapshots" }, {
            insta::assert_snapshot!(format!("claude-{name}"), told(&recording(&name).signals()));
        });
    }
}

#[test]
fn tools_start_once_and_end_once() {
    for name in names() {
        let mut recording = recording(&name);
        let lines = recording.output();
        let mut codec = ClaudeCodec::new(recording.record.clone());
        let mut signals: Vec<Signal> = lines.iter().flat_map(|(at, line)| codec.decode(*at, line)).collect();
        signals.extend(codec.cut());
        assert!(codec.cut().is_empty(), "{name}: a second cut has nothing left");
        assert_eq!(codec.open_offset(), None);
        recording.lines.clear();
        let mut open = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for signal in &signals {
            match signal {
                Signal::ToolStarted(tool) => {
                    assert!(seen.insert(tool.tool_id.clone()), "{name}: {} started twice", tool.tool_id);
                    open.insert(tool.tool_id.clone());
                }
                Signal::ToolEnded(tool) => {
                    assert!(open.remove(&tool.start.tool_id), "{name}: {} ended twice", tool.start.tool_id);
                }
                _ => {}
            }
        }
        assert!(open.is_empty(), "{name}: {open:?} never ended");
    }
}

#[test]
fn deltas_add_up_to_the_parts_of_whole_messages() {
    let mut compared = 0;
    for name in names() {
        let mut streamed: BTreeMap<String, String> = BTreeMap::new();
        let mut messages = BTreeSet::new();
        for signal in recording(&name).signals() {
            match signal {
                Signal::Delta(delta) => {
                    let so_far = streamed.entry(delta.part_id).or_default();
                    assert_eq!(delta.offset, so_far.chars().count() as u64, "{name}: a gap");
                    so_far.push_str(&delta.text);
                }
                Signal::Message(message) => {
                    assert!(messages.insert(message.message_id.clone()), "{name}: told twice");
                    for part in message.parts {
                        if let PartBody::Text { text } | PartBody::Thought { text } = part.body {
                            assert_eq!(streamed.get(&part.id), Some(&text), "{name}");
                            compared += 1;
                        }
                    }
                }
                _ => {}
            }
        }
    }
    assert!(compared > 60, "only {compared} parts were compared");
}

/// What a client of the recordings saw as a turn's end is one here, with the same inputs.
#[test]
fn every_result_ends_a_turn_and_nothing_else_does() {
    for name in names() {
        // The two exceptions: an input that never got a turn, a process that never was ready.
        if name == "30-interrupt-before-the-turn" || name == "33-resume-of-nothing" {
            continue;
        }
        let recording = recording(&name);
        let results: Vec<Option<Vec<String>>> = recording
            .lines
            .iter()
            .filter(|(way, message)| *way == Way::Out && message["type"] == "result")
            .map(|(_, message)| match message["user_message_uuids"].as_array() {
                Some(list) => Some(list.iter().map(|id| id.as_str().unwrap().to_owned()).collect()),
                None => Some(Vec::new()),
            })
            .collect();
        let ends: Vec<Option<Vec<String>>> = recording
            .signals()
            .into_iter()
            .filter_map(
                |signal| if let Signal::TurnEnded(end) = signal { Some(end.native_inputs) } else { None },
            )
            .collect();
        assert_eq!(ends, results, "{name}");
    }
}

#[test]
fn costs_of_turns_add_up_to_the_total() {
    for name in names() {
        let recording = recording(&name);
        let mut totals = recording.lines.iter().filter_map(|(_, message)| message["total_cost_usd"].as_f64());
        // A `/clear` begins a new total; a resumed conversation brings an old one along.
        let cleared = recording.lines.iter().any(|(_, message)| message["type"] == "conversation_reset");
        if cleared || matches!(recording.record.resume, tenure_core::agent::ResumeHow::Resume(_)) {
            continue;
        }
        let sum: f64 = recording
            .signals()
            .iter()
            .filter_map(|signal| if let Signal::TurnEnded(end) = signal { end.cost_usd } else { None })
            .sum();
        let total = totals.next_back().unwrap_or(0.0);
        assert!((sum - total).abs() < 1e-9, "{name}: {sum} is not {total}");
    }
}
