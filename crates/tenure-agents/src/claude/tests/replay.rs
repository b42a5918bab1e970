//! Every recording, read whole: what is told, and what must hold for each of them.

use tenure_core::agent::Signal;

use super::{Way, names, recording, told::told};

#[test]
fn what_each_recording_tells() {
    for name in names() {
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "snapshots" }, {
            insta::assert_snapshot!(format!("claude-{name}"), told(&recording(&name).signals()));
        });
    }
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
