//! Lines that the program would never write: nothing panics, nothing is fatal.

use proptest::prelude::*;
use serde_json::{Value, json};
use tenure_core::agent::Signal;

use super::restart::{runner, same_when_restarted};
use super::{Fed, Subject, start_record, with_offsets};

/// What is put in the place of a value, or done to the bytes of its line.
#[derive(Debug, Clone)]
enum Odd {
    Value(Value),
    Flip,
    Twice,
}

fn odd() -> impl Strategy<Value = Odd> {
    let value = prop_oneof![
        Just(Value::Null),
        Just(json!(true)),
        Just(json!(-1)),
        Just(json!(u64::MAX)),
        Just(json!(1e300)),
        Just(json!("")),
        Just(json!([])),
        Just(json!({})),
        Just(json!([null, {"type": "tool_use", "id": "x"}, {"type": "toolCall"}, 7])),
        Just(json!({"type": "text", "text": 5})),
        Just(json!({"role": "assistant", "content": "x"})),
        Just(json!("x".repeat(100_000))),
        "\\PC{0,20}".prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
    ];
    prop_oneof![12 => value.prop_map(Odd::Value), 1 => Just(Odd::Flip), 1 => Just(Odd::Twice)]
}

/// The values below a value, itself included.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(size).sum::<usize>(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

/// Replaces the value that `left` counts down to; true once it is done.
fn replace(value: &mut Value, left: &mut usize, with: &Value) -> bool {
    if *left == 0 {
        *value = with.clone();
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(list) => list.iter_mut().any(|item| replace(item, left, with)),
        Value::Object(map) => map.values_mut().any(|item| replace(item, left, with)),
        _ => false,
    }
}

fn break_line(line: &mut Vec<u8>, place: prop::sample::Index, odd: &Odd) {
    match odd {
        Odd::Value(with) => {
            let Ok(mut value) = serde_json::from_slice::<Value>(line) else { return };
            let mut left = place.index(size(&value));
            replace(&mut value, &mut left, with);
            *line = value.to_string().into_bytes();
        }
        Odd::Flip => {
            let at = place.index(line.len());
            line[at] ^= 0x15;
        }
        Odd::Twice => line.extend_from_within(..),
    }
}

/// Values of recordings replaced by others, bytes flipped, lines run together; with a restart.
pub(crate) fn broken_recordings_are_read<C: Subject>() {
    let streams = C::streams();
    let index = any::<prop::sample::Index>;
    let breaks = prop::collection::vec((index(), index(), odd()), 1..30);
    runner(160)
        .run(&(index(), breaks, index()), |(which, breaks, stop)| {
            let stream = &streams[which.index(streams.len())];
            let mut lines: Vec<Vec<u8>> = stream.lines.iter().map(|(_, line)| line.clone()).collect();
            for (line, place, odd) in &breaks {
                break_line(line.get_mut(&mut lines), *place, odd);
            }
            let lines = with_offsets(lines);
            same_when_restarted(C::begin(stream.record.clone()), &lines, stop.index(lines.len()))
        })
        .unwrap();
}

pub(crate) fn any_bytes_are_read<C: Subject>() {
    let line = prop::collection::vec(any::<u8>(), 0..200);
    runner(160)
        .run(&prop::collection::vec(line, 0..20), |lines| {
            let mut fed = Fed::<C>::new(start_record());
            for line in &lines {
                for signal in fed.line(line) {
                    let native = matches!(signal, Signal::Native { .. });
                    prop_assert!(native, "{signal:?}");
                }
            }
            Ok(())
        })
        .unwrap();
}

/// A saved memory of another kind, or of another version, is left alone.
pub(crate) fn strange_memory_is_not_taken<C: Subject>() {
    for saved in [
        json!(null),
        json!([]),
        json!({}),
        json!("x"),
        json!({"memory": 5}),
        json!({"memory": {"upto": "x", "seen": "x"}, "open": []}),
        json!({"state": {"phase": "x", "tools": ["x"]}, "open": "x"}),
    ] {
        let mut codec = C::begin(start_record());
        codec.restore(&saved);
        assert_eq!(codec.open_offset(), None);
        codec.decode(0, b"{}");
    }
}
