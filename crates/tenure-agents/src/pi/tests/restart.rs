//! A restart at any line leads to the same state, and so to the same signals.

use proptest::prelude::*;
use tenure_core::agent::Codec;

use super::{PiCodec, names, output, record_of, start_record, with_offsets};

/// Saves after `done` lines, restores into a new codec, and reads again what it asks for.
pub(super) fn restarted(codec: &PiCodec, lines: &[(u64, Vec<u8>)], done: usize) -> PiCodec {
    let mut again = PiCodec::new(codec.record.clone());
    again.restore(&codec.save());
    assert_eq!(again.open_offset(), codec.open_offset(), "where to read from is known before reading");
    if let Some(open) = again.open_offset() {
        for (offset, line) in &lines[..done] {
            if *offset >= open {
                assert!(again.decode(*offset, line).is_empty(), "a line read again tells nothing");
            }
        }
    }
    again
}

/// The whole state is compared, and decoding is a function of it: the rest is the same too.
#[test]
fn a_restart_after_any_line_of_any_recording_changes_nothing() {
    for name in names() {
        let lines = output(&name);
        let mut codec = PiCodec::new(record_of(&name));
        for (done, (offset, line)) in lines.iter().enumerate() {
            codec.decode(*offset, line);
            let again = restarted(&codec, &lines, done + 1);
            assert_eq!(again.open_text(), codec.open_text(), "{name}: text after line {done}");
            assert!(again == codec, "{name}: the state after line {done} differs");
        }
    }
}

#[test]
fn restarting_again_and_again_tells_the_same() {
    for name in names() {
        let lines = output(&name);
        let mut codec = PiCodec::new(record_of(&name));
        let mut told = Vec::new();
        for (done, (offset, line)) in lines.iter().enumerate() {
            told.extend(codec.decode(*offset, line));
            codec = restarted(&codec, &lines, done + 1);
        }
        assert_eq!(told, super::signals(&name), "{name}");
    }
}

fn deck() -> Vec<Vec<u8>> {
    names().iter().flat_map(|name| output(name)).map(|(_, line)| line).collect()
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
        let mut codec = PiCodec::new(start_record());
        for (offset, line) in &lines[..=stop] {
            codec.decode(*offset, line);
        }
        let mut again = restarted(&codec, &lines, stop + 1);
        prop_assert!(again == codec);
        for (offset, line) in &lines[stop + 1..] {
            prop_assert_eq!(again.decode(*offset, line), codec.decode(*offset, line));
        }
        prop_assert_eq!(again.cut(), codec.cut());
    }
}

thread_local! {
    static DECK: std::rc::Rc<Vec<Vec<u8>>> = std::rc::Rc::new(deck());
}
