//! Verbs that end things and bring them back, and what they hit.

use crate::home::Home;

#[test]
fn interrupt_ends_the_turn_and_nothing_is_hit_twice() {
    let home = Home::new();
    home.up();
    let session = home.session(r#"[{"gate": "never"}]"#, &[]);
    home.wait_for(&session, "turn.started");
    let reply = home.run(&["interrupt", &session, "--json"]).json();
    assert!(reply["hit"][0].as_str().unwrap().starts_with("turn:"), "{reply}");
    assert_eq!(reply["session"]["last_outcome"], "interrupted");
    let again = home.run(&["interrupt", &session]);
    assert!(again.expect(0).contains("nothing to do"), "{again:?}");
    assert_eq!(home.run(&["interrupt", "nothing"]).code, 3);
}

#[test]
fn a_suspended_session_wakes_with_an_input_and_a_closed_one_does_not() {
    let home = Home::new();
    home.up();
    let session = home.session(r#"[{"text": "a"}]"#, &[]);
    home.wait_for(&session, "turn.completed");
    home.run(&["suspend", &session]).expect(0);
    assert_eq!(home.run(&["show", &session, "--json"]).json()["lifecycle"], "suspended");
    assert!(home.run(&["send", "--wait", &session, "awake?"]).expect(0).contains("awake?"));
    home.run(&["close", &session]).expect(0);
    let refused = home.run(&["send", &session, "hi"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("resume"), "{refused:?}");
    home.run(&["resume", &session]).expect(0);
    home.run(&["send", "--wait", &session, "back?"]).expect(0);
    home.run(&["kill", &session]).expect(0);
    assert_eq!(home.run(&["show", &session, "--json"]).json()["lifecycle"], "closed");
    assert!(home.run(&["close", &session]).expect(0).contains("nothing to do"), "closing twice is no error");
}

#[test]
fn a_daemon_that_was_stopped_is_not_started_by_those_who_look_on() {
    let home = Home::new();
    home.up();
    let session = home.session(r#"[{"gate": "go"}, {"text": "late words"}]"#, &[]);
    let mut attach = home.start(&["attach", &session, "--json"]);
    attach.until("turn.started");
    home.run(&["down"]).expect(0);
    assert!(!home.path("home").join("daemon.json").exists());
    // Whoever needs the daemon starts it, and those who look on go on.
    home.open_gate("go");
    home.run(&["ls"]).expect(0);
    attach.until("late words");
}

#[test]
fn down_leaves_agents_at_work_unless_all_is_asked_for() {
    let home = Home::new();
    home.up();
    let session = home.session(r#"[{"gate": "go"}, {"text": "done alone"}]"#, &[]);
    home.wait_for(&session, "turn.started");
    let pid = home.run(&["show", &session, "--json"]).json()["process"]["pid"].as_u64().unwrap();
    assert!(home.run(&["down"]).expect(0).contains("1 session work on"));
    assert!(std::path::Path::new(&format!("/proc/{pid}")).exists());
    home.open_gate("go");
    home.wait_for(&session, "turn.completed");
    assert_eq!(home.run(&["show", &session, "--json"]).json()["process"]["pid"].as_u64(), Some(pid));
    assert!(home.run(&["down", "--all"]).expect(0).contains("1 session closed"));
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    assert!(!home.path("home").join("daemon.json").exists());
}

#[test]
fn a_verb_for_several_sessions_tries_all_of_them() {
    let home = Home::new();
    home.up();
    let one = home.session(r#"[{"text": "a"}]"#, &[]);
    let two = home.session(r#"[{"text": "b"}]"#, &[]);
    let closed = home.run(&["close", "nobody", &one, "nothing", &two]);
    assert_eq!(closed.code, 3, "{closed:?}");
    assert!(closed.err.contains("`nobody`") && closed.err.contains("`nothing`"), "{closed:?}");
    for id in [&one, &two] {
        assert!(closed.out.contains(id.as_str()), "{closed:?}");
        assert_eq!(home.run(&["show", id, "--json"]).json()["lifecycle"], "closed");
    }
}
