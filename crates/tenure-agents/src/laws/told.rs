//! What every stream tells, whatever its program does.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::agent::Signal;
use tenure_event::{PartBody, Role};

use super::{Stream, Subject};

pub(crate) fn tools_start_once_and_end_once<C: Subject>() {
    for Stream { name, record, lines } in C::streams() {
        let mut codec = C::begin(record);
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

/// Pieces of text follow one another without a gap, and make the parts of whole messages.
pub(crate) fn deltas_add_up<C: Subject>() {
    let mut compared = 0;
    for stream in C::streams() {
        let name = &stream.name;
        let mut streamed: BTreeMap<String, String> = BTreeMap::new();
        let mut messages = BTreeSet::new();
        for signal in stream.signals::<C>() {
            match signal {
                Signal::Delta(delta) => {
                    let so_far = streamed.entry(delta.part_id).or_default();
                    assert_eq!(delta.offset, so_far.chars().count() as u64, "{name}: a gap");
                    so_far.push_str(&delta.text);
                }
                Signal::Message(message) => {
                    assert!(messages.insert(message.message_id.clone()), "{name}: told twice");
                    let live = message.role == Role::Assistant && !message.replayed;
                    for part in message.parts.into_iter().filter(|_| live) {
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
    assert!(compared >= C::STREAMED, "only {compared} parts were compared");
}

/// The program's own lines are understood, and its answers are to what was asked.
pub(crate) fn nothing_is_malformed<C: Subject>() {
    for stream in C::streams() {
        for signal in stream.signals::<C>() {
            if let Signal::Native { kind, value, .. } = signal {
                let excused = kind == "late" && value.as_ref().is_some_and(C::comes_late);
                assert!(
                    excused || !matches!(&*kind, "malformed" | "late"),
                    "{}: {kind} {value:?}",
                    stream.name
                );
            }
        }
    }
}
