//! Many lines: counted, and with their marks.

use serde_json::json;
use tenure_scripted::{BenchMark, monotonic_ns};

use crate::driver::{Agent, Scratch};

/// With and without a record, which take different ways to stdout.
fn both(check: impl Fn(&Scratch, Agent)) {
    let scratch = Scratch::new();
    check(&scratch, scratch.start(&[]));
    let scratch = Scratch::new();
    check(&scratch, scratch.start_with(&[], &[]));
}

#[test]
fn a_flood_is_complete_and_in_order() {
    both(|_, mut agent| {
        let session = agent.open();
        let turned = agent.turn(&session, json!([{"flood": 5000, "bytes": 40}]));
        let chunks = turned.chunks("agent_message_chunk");
        assert_eq!(chunks.len(), 5000);
        for (i, chunk) in chunks.iter().enumerate() {
            assert_eq!(chunk.len(), 40);
            assert!(chunk.starts_with(&format!("line {:06} x", i + 1)) && chunk.ends_with('\n'), "{chunk}");
        }
        let first = &turned.updates()[0]["messageId"];
        assert!(first.is_string() && turned.updates().iter().all(|u| u["messageId"] == *first));
    });
}

#[test]
fn numbers_go_from_one_to_the_other() {
    both(|_, mut agent| {
        let session = agent.open();
        let turned = agent.turn(
            &session,
            json!([{"numbered": {"from": 3, "to": 5, "delay_us": 100}}, {"numbered": 1}, {"numbered": {"from": 5, "to": 4}}, {"flood": 2, "per_second": 1000}]),
        );
        assert_eq!(
            turned.chunks("agent_message_chunk"),
            [
                "line 000003\n",
                "line 000004\n",
                "line 000005\n",
                "line 000001\n",
                "line 000001\n",
                "line 000002\n"
            ]
        );
    });
}

#[test]
fn bench_updates_come_as_told_with_rising_marks() {
    both(|_, mut agent| {
        let session = agent.open();
        for (kind, kinds) in [
            ("tool", ["tool_call", "tool_call_update", "tool_call"]),
            ("plan", ["plan"; 3]),
            ("text", ["agent_message_chunk"; 3]),
        ] {
            let before = monotonic_ns();
            let turned = agent.turn(
                &session,
                json!([{"bench": {"events": 3, "kind": kind, "bytes": 400, "rate_per_second": 500}}]),
            );
            let after = monotonic_ns();
            assert_eq!(turned.kinds(), kinds);
            let mut last = before;
            for (i, message) in turned.before.iter().enumerate() {
                let line = message.to_string();
                assert_eq!(line.len(), 400);
                let mark = BenchMark::find(&line).unwrap();
                assert_eq!(mark.index, i as u64);
                assert!((last..=after).contains(&mark.sent_ns));
                last = mark.sent_ns;
            }
        }
        let turned = agent.turn(&session, json!([{"bench": 4}]));
        let ids: Vec<_> = turned.updates().iter().map(|u| u["toolCallId"].clone()).collect();
        assert!(ids[0] == ids[1] && ids[2] == ids[3] && ids[0] != ids[2]);
    });
}

#[test]
fn a_rate_must_be_one() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    for step in [json!({"flood": 1, "per_second": 0}), json!({"bench": 1, "rate_per_second": -1})] {
        assert_eq!(agent.turn(&session, json!([step])).answer["error"]["code"], -32602);
    }
}
