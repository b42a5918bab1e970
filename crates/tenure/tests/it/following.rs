//! `logs`, `attach` and `send`: looking on, coming back, writing more.

use rustix::process::Signal;

use crate::home::{Home, prompt};

#[test]
fn logs_are_the_whole_log_in_words_or_as_stored() {
    let home = Home::new();
    home.up();
    let session = home.session(r#"[{"text": "Hello\nyou"}]"#, &["--title", "greeting"]);
    home.wait_for(&session, "turn.completed");
    let words = home.run(&["logs", "greeting"]);
    for part in
        ["session.created", "scripted in", "message.completed", "│ you", "turn.completed", "completed"]
    {
        assert!(words.expect(0).contains(part), "{part}: {}", words.out);
    }
    let stored = home.run(&["logs", "greeting", "--json"]);
    assert!(stored.expect(0).lines().enumerate().all(|(i, l)| l.contains(&format!("\"seq\":{},", i + 1))));
    let some = home.run(&["logs", "greeting", "--json", "--types", "turn.*", "--after", "2"]);
    assert_eq!(some.expect(0).lines().count(), 2, "{some:?}");
    assert!(home.run(&["logs", "greeting", "--raw"]).expect(0).contains("session/update"));
}

#[test]
fn attach_shows_the_end_of_what_was_and_goes_on() {
    let home = Home::new();
    home.up();
    let session =
        home.session(r#"[{"text": "first words\n"}, {"gate": "go"}, {"text": "last words\n"}]"#, &[]);
    home.wait_for(&session, "turn.started");
    let mut attach = home.start(&["attach", &session]);
    attach.until("first words");
    home.open_gate("go");
    attach.until("last words");
    attach.until("✓ completed");
    attach.signal(Signal::INT);
    let (_, status) = attach.wait();
    assert_eq!(status.code(), Some(0), "leaving is no failure");
    assert_eq!(home.run(&["show", &session, "--json"]).json()["lifecycle"], "live", "the session goes on");
    let whole = home.start(&["attach", "--from", "1", "--json", &session]).event();
    assert_eq!(whole["type"], "session.created");
}

#[test]
fn inputs_wait_in_a_queue_and_each_gets_its_turn() {
    let home = Home::new();
    home.up();
    let session = home.session(r#"[{"gate": "go"}, {"text": "one"}]"#, &[]);
    home.wait_for(&session, "turn.started");
    let receipt = home.run(&["send", &session, "two", "--id", "second", "--json"]).json();
    assert_eq!((receipt["input_id"].as_str(), receipt["position"].as_u64()), (Some("second"), Some(0)));
    let again = home.run(&["send", &session, "two", "--id", "second", "--json"]).json();
    assert_eq!(again["seq"], receipt["seq"], "the same id is the same input");
    let show = home.run(&["show", &session, "--json"]).json();
    assert_eq!(show["queue"].as_array().unwrap().len(), 1, "{show}");
    let third = home.start(&["send", "--wait", &session, &prompt(r#"[{"text": "three"}]"#)]);
    home.open_gate("go");
    let (lines, status) = third.wait();
    assert_eq!(status.code(), Some(0), "{lines:?}");
    assert!(lines.iter().any(|l| l == "three"), "{lines:?}");
    let transcript = home.run(&["show", &session, "--transcript", "jsonl"]);
    let said: Vec<&str> =
        ["one", "two", "three"].into_iter().filter(|w| transcript.out.contains(w)).collect();
    assert_eq!(said, ["one", "two", "three"]);
}

#[test]
fn send_reads_a_pipe_and_interrupts_when_told() {
    let home = Home::new();
    home.up();
    let session = home.session(r#"[{"gate": "never"}]"#, &[]);
    home.wait_for(&session, "turn.started");
    let sent =
        home.run_with(&["send", "--interrupt", "--wait", &session], &prompt(r#"[{"text": "instead"}]"#));
    assert!(sent.expect(0).contains("instead"));
    let first = home.wait_for(&session, "turn.completed");
    assert_eq!(first["data"]["outcome"], "interrupted");
}
