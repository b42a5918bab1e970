//! A restart at any line leads to the same state, and so to the same signals.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tenure_core::agent::Signal;

use super::{Subject, start_record, with_offsets};

/// Saves after `done` lines, restores into a new codec, and reads again what it asks for.
pub(crate) fn restarted<C: Subject>(codec: &C, lines: &[(u64, Vec<u8>)], done: usize) -> C {
    let saved = codec.save();
    let mut again = C::begin(codec.record().clone());
    again.restore(&saved.value().expect("there is a memory"));
    assert_eq!(again.open_offset(), codec.open_offset(), "where to read from is known before reading");
    if let Some(open) = again.open_offset() {
        for (offset, line) in lines[..done].iter().filter(|(offset, _)| *offset >= open) {
            assert!(again.decode(*offset, line).is_empty(), "a line read again tells nothing");
        }
    }
    assert_eq!(again.save(), saved, "what is read again changes nothing that is saved");
    again
}

/// The whole state is compared, and decoding is a function of it: the rest is the same too.
pub(crate) fn same_after_every_line<C: Subject>() {
    for stream in C::streams() {
        let mut codec = C::begin(stream.record.clone());
        for (done, (offset, line)) in stream.lines.iter().enumerate() {
            codec.decode(*offset, line);
            let again = restarted(&codec, &stream.lines, done + 1);
            assert_eq!(again.open_text(), codec.open_text(), "{}: text after line {done}", stream.name);
            assert!(again.same(&codec), "{}: the state after line {done} differs", stream.name);
        }
    }
}

pub(crate) fn restarting_often_tells_the_same<C: Subject>() {
    for stream in C::streams() {
        for every in [1, 3] {
            let mut codec = C::begin(stream.record.clone());
            let mut told = Vec::new();
            for (done, (offset, line)) in stream.lines.iter().enumerate() {
                told.extend(codec.decode(*offset, line));
                if done % every == 0 {
                    codec = restarted(&codec, &stream.lines, done + 1);
                }
            }
            assert_eq!(told, stream.signals::<C>(), "{}", stream.name);
        }
    }
}

/// Also for what no program would write: lines of all recordings in any order.
pub(crate) fn same_whatever_is_dealt<C: Subject>() {
    let deck: Vec<Vec<u8>> =
        C::streams().into_iter().flat_map(|stream| stream.lines).map(|(_, line)| line).collect();
    let picks = prop::collection::vec((any::<prop::sample::Index>(), 1_usize..12), 1..30);
    let rounds = Cell::new(0_u32);
    runner(160)
        .run(&(picks, any::<prop::sample::Index>()), |(picks, stop)| {
            let dealt = picks.iter().flat_map(|(from, run)| {
                let from = from.index(deck.len());
                deck[from..(from + run).min(deck.len())].to_vec()
            });
            let lines = with_offsets(dealt);
            same_when_restarted(C::begin(start_record()), &lines, stop.index(lines.len()))?;
            rounds.set(rounds.get() + 1);
            Ok(())
        })
        .unwrap();
    assert!(rounds.get() >= 160);
}

/// One restart after the line at `stop`: all that follows is told alike.
pub(crate) fn same_when_restarted<C: Subject>(
    mut codec: C,
    lines: &[(u64, Vec<u8>)],
    stop: usize,
) -> Result<(), TestCaseError> {
    for (offset, line) in &lines[..=stop] {
        for signal in codec.decode(*offset, line) {
            if let Signal::Send(command) = signal {
                // A command may have no words; that is said, and is no panic.
                let _ = codec.encode(9, &command, &Default::default());
            }
        }
    }
    let mut again = restarted(&codec, lines, stop + 1);
    prop_assert!(again.same(&codec));
    for (offset, line) in &lines[stop + 1..] {
        prop_assert_eq!(again.decode(*offset, line), codec.decode(*offset, line));
    }
    prop_assert_eq!(again.open_text(), codec.open_text());
    prop_assert_eq!(again.cut(), codec.cut());
    prop_assert!(codec.open_offset().is_none(), "nothing is open after a cut");
    Ok(())
}

pub(super) fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}
