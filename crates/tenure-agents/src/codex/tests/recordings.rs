//! Every recording, read whole: what is told, and what must hold for each of them.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::agent::{Codec, Signal};
use tenure_event::PartBody;

use super::{CodexCodec, names, recording};
use crate::acp::tests::show::Show;

fn told(signals: &[Signal]) -> String {
    let mut show = Show::default();
    for signal in signals {
        show.signal(signal);
    }
    show.flush();
    show.text
}

#[test]
fn what_each_recording_tells() {
    for name in names() {
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "snapshots" }, {
            insta::assert_snapshot!(format!("codex-{name}"), told(&recording(&name).signals()));
        });
    }
}

#[test]
fn tools_start_once_and_end_once() {
    for name in names() {
        let recording = recording(&name);
        let mut codec = CodexCodec::new(recording.record.clone());
        let lines = recording.output();
        let mut signals: Vec<Signal> = lines.iter().flat_map(|(at, line)| codec.decode(*at, line)).collect();
        signals.extend(codec.cut());
        assert!(codec.cut().is_empty(), "{name}: a second cut has nothing left");
        assert_eq!(codec.open_offset(), None);
        let (mut open, mut seen) = (BTreeSet::new(), BTreeSet::new());
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
                    for part in message.parts.into_iter().filter(|_| !message.replayed) {
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
    assert!(compared >= 25, "only {compared} parts were compared");
}

/// Each turn that the program completed is one end here, of the prompt that it answered.
#[test]
fn every_completed_turn_ends_once() {
    for name in names() {
        let recording = recording(&name);
        let signals = recording.signals();
        let thread =
            signals.iter().find_map(|s| if let Signal::NativeId(id) = s { Some(id.clone()) } else { None });
        let of_it = |line: &&serde_json::Value| line["params"]["threadId"].as_str() == thread.as_deref();
        let completed =
            recording.lines.iter().filter(|line| line["method"] == "turn/completed").filter(of_it).count();
        let ends: Vec<_> = signals
            .into_iter()
            .filter_map(|signal| if let Signal::TurnEnded(end) = signal { Some(end.prompt_n) } else { None })
            .collect();
        assert_eq!(ends.len(), completed, "{name}");
        let named: BTreeSet<u64> = ends.iter().copied().flatten().collect();
        assert_eq!(named.len(), ends.iter().flatten().count(), "{name}: a prompt ended twice");
    }
}

#[test]
fn nothing_in_a_recording_is_malformed_or_late() {
    for name in names() {
        for signal in recording(&name).signals() {
            if let Signal::Native { kind, value, .. } = signal {
                assert!(kind != "malformed", "{name}: {kind} {value:?}");
                // The client of the recordings reads the past, and opens threads, when it pleases.
                let answer = value.as_ref().is_some_and(|value| value.get("id").is_some());
                assert!(kind != "late" || answer, "{name}: {kind} {value:?}");
            }
        }
    }
}
