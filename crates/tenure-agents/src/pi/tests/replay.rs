//! Every recording, read whole: what is told, and what must hold for each of them.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::agent::{Codec, Signal};
use tenure_event::PartBody;

use super::{PiCodec, names, output, record_of, signals, told::told};

#[test]
fn what_each_recording_tells() {
    for name in names() {
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "snapshots" }, {
            insta::assert_snapshot!(format!("pi-{name}"), told(&signals(&name)));
        });
    }
}

#[test]
fn tools_start_once_and_end_once() {
    for name in names() {
        let mut codec = PiCodec::new(record_of(&name));
        let mut told: Vec<Signal> =
            output(&name).iter().flat_map(|(at, line)| codec.decode(*at, line)).collect();
        told.extend(codec.cut());
        assert!(codec.cut().is_empty(), "{name}: a second cut has nothing left");
        assert_eq!(codec.open_offset(), None);
        let (mut open, mut seen) = (BTreeSet::new(), BTreeSet::new());
        for signal in &told {
            match signal {
                Signal::ToolStarted(tool) => {
                    assert!(seen.insert(tool.tool_id.clone()), "{name}: {} started twice", tool.tool_id);
                    open.insert(tool.tool_id.clone());
                }
                Signal::ToolEnded(tool) => assert!(open.remove(&tool.start.tool_id), "{name}"),
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
        for signal in signals(&name) {
            match signal {
                Signal::Delta(delta) => {
                    let so_far = streamed.entry(delta.part_id).or_default();
                    assert_eq!(delta.offset, so_far.chars().count() as u64, "{name}: a gap");
                    so_far.push_str(&delta.text);
                }
                Signal::Message(message) => {
                    assert!(messages.insert(message.message_id.clone()), "{name}: told twice");
                    let assistant = message.role == tenure_event::Role::Assistant && !message.replayed;
                    for part in message.parts.into_iter().filter(|_| assistant) {
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
    assert!(compared > 20, "only {compared} parts were compared");
}

/// Each prompt of a recording ends once, and nothing else ends a turn.
#[test]
fn every_prompt_ends_once() {
    for name in names() {
        let text = std::fs::read_to_string(super::folder().join(format!("{name}.jsonl"))).unwrap();
        let sent = text.lines().filter(|line| {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            entry["dir"] == "in" && entry["msg"]["type"] == "prompt"
        });
        let told = signals(&name);
        let ends = super::ends(&told);
        let ns: BTreeSet<u64> = ends.iter().filter_map(|end| end.prompt_n).collect();
        assert_eq!((ns.len(), ends.len()), (ends.len(), sent.count()), "{name}");
    }
}
