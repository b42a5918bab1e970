//! The daemon is killed, and nobody who looks on loses anything.

use serde_json::Value;

use crate::home::{Home, prompt};

#[test]
fn logs_go_on_through_a_kill_without_a_gap_or_a_repeat() {
    let home = Home::new();
    home.up();
    let script = r#"[{"text": "before"}, {"tool": "Look"}, {"gate": "go"}, {"text": "after"}, {"tool": "Look again"}]"#;
    let session = home.session(script, &[]);
    let mut logs = home.start(&["logs", "-f", "--json", &session]);
    let mut lines = logs.until("tool.completed");
    let before = home.daemon_pid();
    home.kill_daemon();
    home.open_gate("go");
    lines.extend(logs.until("turn.completed"));
    logs.end();
    let seqs: Vec<u64> =
        lines.iter().map(|l| serde_json::from_str::<Value>(l).unwrap()["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert_ne!(home.daemon_pid(), before, "the follower brought the daemon back");
    let stored = home.run(&["logs", "--json", &session]);
    let same: Vec<&str> = stored.out.lines().take(lines.len()).collect();
    assert_eq!(lines, same, "what was streamed is what is stored, byte for byte");
    assert_eq!(
        lines.iter().filter(|l| l.contains("process.started")).count(),
        1,
        "one agent process all along"
    );
}

#[test]
fn run_survives_a_kill_and_prints_the_whole_turn() {
    let home = Home::new();
    home.up();
    let script = prompt(r#"[{"text": "one "}, {"tool": "Look"}, {"gate": "go"}, {"text": "two\n"}]"#);
    let mut run = home.start(&["run", "-a", "scripted", &script]);
    let mut lines = run.until("✓ Look");
    home.kill_daemon();
    home.open_gate("go");
    let (rest, status) = run.wait();
    assert_eq!(status.code(), Some(0), "{rest:?}");
    lines.extend(rest);
    let text: Vec<&str> =
        lines.iter().map(String::as_str).filter(|l| !l.is_empty() && !l.contains("completed")).collect();
    assert_eq!(text.len(), 3, "{lines:?}");
    assert!(text[0].starts_with("one") && text[1].starts_with("✓ Look") && text[2] == "two", "{lines:?}");
}

#[test]
fn an_ask_that_was_open_at_the_kill_is_still_answerable() {
    let home = Home::new();
    home.up();
    let session = home.session(r#"[{"write": "a.txt", "text": "x", "ask": true}]"#, &[]);
    let ask = home.wait_for(&session, "ask.opened")["data"]["id"].as_str().unwrap().to_owned();
    home.kill_daemon();
    home.run(&["allow", &ask]).expect(0);
    home.wait_for(&session, "turn.completed");
    assert_eq!(std::fs::read_to_string(home.work("a.txt")).unwrap(), "x");
    let opened = home.run(&["logs", "--json", "--types", "ask.opened", &session]);
    assert_eq!(opened.expect(0).lines().count(), 1, "nothing is asked twice");
}

#[test]
fn the_demo_holds() {
    let home = Home::new();
    let done = home.run(&["demo", "--json"]);
    let last = done.expect(0).lines().last().unwrap();
    let proof: Value = serde_json::from_str(last).unwrap();
    assert_eq!(proof["holds"], true, "{proof}");
    assert!(!home.path("home").exists(), "the demo has a home of its own");
}
