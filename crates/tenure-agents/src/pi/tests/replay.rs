//! Every recording, read whole: what is told, and what must hold for each of them.

use std::collections::BTreeSet;

use super::{names, signals, told::told};
use crate::laws::recorded_lines;

#[test]
fn what_each_recording_tells() {
    for name in names() {
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "snapshots" }, {
            insta::assert_snapshot!(format!("pi-{name}"), told(&signals(&name)));
        });
    }
}

/// Each prompt of a recording ends once, and nothing else ends a turn.
#[test]
fn every_prompt_ends_once() {
    for name in names() {
        let sent = recorded_lines("pi", &name)
            .into_iter()
            .filter(|entry| entry["dir"] == "in" && entry["msg"]["type"] == "prompt");
        let told = signals(&name);
        let ends = super::ends(&told);
        let ns: BTreeSet<u64> = ends.iter().filter_map(|end| end.prompt_n).collect();
        assert_eq!((ns.len(), ends.len()), (ends.len(), sent.count()), "{name}");
    }
}
