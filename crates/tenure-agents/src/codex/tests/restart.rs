//! A restart at any line leads to the same state, and so to the same signals.

use proptest::prelude::*;
use tenure_core::agent::Codec;

use super::{CodexCodec, names, record, recording, with_offsets};

/// Saves after `done` lines, restores into a new codec, and reads again what it asks for.
pub(super) fn restarted(codec: &CodexCodec, lines: &[(u64, Vec<u8>)], done: usize) -> CodexCodec {
    let mut again = CodexCodec::new(codec.record.clone());
    again.restore(&codec.save());
    assert_eq!(again.open_offset(), codec.open_offset(), "where to read from is known before reading");
    if let Some(open) = again.open_offset() {
        for (offset, line) in lines[..done].iter().filter(|(offset, _)| *offset >= open) {
            assert!(again.decode(*offset, line).is_empty(), "a line read again tells nothing");
        }
    }
    again
}

fn same(a: &CodexCodec, b: &CodexCodec) -> bool {
    a.save() == b.save() && a.open_text() == b.open_text()
}

#[test]
fn a_restart_after_any_line_of_any_recording_changes_nothing() {
    for name in names() {
        let recording = recording(&name);
        let lines = recording.output();
        let mut codec = CodexCodec::new(recording.record.clone());
        for (done, (offset, line)) in lines.iter().enumerate() {
            codec.decode(*offset, line);
            assert!(same(&restarted(&codec, &lines, done + 1), &codec), "{name}: after line {done}");
        }
    }
}

#[test]
fn restarting_often_tells_the_same() {
    for name in names() {
        let recording = recording(&name);
        let lines = recording.output();
        let whole = recording.signals();
        let mut codec = CodexCodec::new(recording.record.clone());
        let mut told = Vec::new();
        for (done, (offset, line)) in lines.iter().enumerate() {
            told.extend(codec.decode(*offset, line));
            if done % 3 == 0 {
                codec = restarted(&codec, &lines, done + 1);
            }
        }
        assert_eq!(told, whole, "{name}");
    }
}

thread_local! {
    /// All lines of all recordings, to be dealt in any order.
    static DECK: std::rc::Rc<Vec<Vec<u8>>> = std::rc::Rc::new(
        names().iter().flat_map(|name| recording(name).output()).map(|(_, line)| line).collect(),
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    /// Also for what no program would write: lines of all recordings in any order.
    #[test]
    fn a_restart_changes_nothing_whatever_was_read(
        picks in prop::collection::vec((any::<prop::sample::Index>(), 1_usize..12), 1..30),
        stop in any::<prop::sample::Index>(),
    ) {
        let deck = DECK.with(Clone::clone);
        let dealt = picks.iter().flat_map(|(from, run)| {
            let from = from.index(deck.len());
            deck[from..(from + run).min(deck.len())].to_vec()
        });
        let lines = with_offsets(dealt);
        let stop = stop.index(lines.len());
        let mut codec = CodexCodec::new(record());
        for (offset, line) in &lines[..=stop] {
            codec.decode(*offset, line);
        }
        let mut again = restarted(&codec, &lines, stop + 1);
        prop_assert!(same(&again, &codec));
        for (offset, line) in &lines[stop + 1..] {
            prop_assert_eq!(again.decode(*offset, line), codec.decode(*offset, line));
        }
        prop_assert_eq!(again.cut(), codec.cut());
    }
}
