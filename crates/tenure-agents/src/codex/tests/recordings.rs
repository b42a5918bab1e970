//! Every recording, read whole: what is told, and what must hold for each of them.

use std::collections::BTreeSet;

use tenure_core::agent::Signal;

use super::{names, recording};
use crate::laws::show::Show;

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
