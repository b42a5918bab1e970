//! Asks: denied, allowed, answered from another terminal.

use serde_json::Value;

use crate::home::{Home, prompt};

const WRITE: &str =
    r#"[{"write": "a.txt", "text": "written", "ask": true, "on_reject": [{"text": "so be it"}]}]"#;

fn open_ask(home: &Home) -> String {
    let asks = home.run(&["asks", "--json"]).json();
    asks["items"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn without_a_terminal_an_ask_is_denied_at_once_and_the_exit_code_says_so() {
    let home = Home::new();
    home.up();
    let done = home.run_with(&["run", "-a", "scripted", "-"], &prompt(WRITE));
    assert!(done.expect(5).contains("→ denied") && done.out.contains("so be it"), "{done:?}");
    assert!(!home.work("a.txt").exists());
}

#[test]
fn a_policy_answers_by_itself() {
    let home = Home::new();
    home.up();
    let allowed = home.run_with(&["run", "-a", "scripted", "--allow", "-"], &prompt(WRITE));
    assert!(allowed.expect(0).contains("→ allowed by policy"), "{allowed:?}");
    assert_eq!(std::fs::read_to_string(home.work("a.txt")).unwrap(), "written");
    assert!(
        home.run_with(&["run", "-a", "scripted", "--deny", "-"], &prompt(WRITE))
            .expect(5)
            .contains("→ denied by policy")
    );
}

#[test]
fn an_ask_is_answered_from_another_terminal_and_only_once() {
    let home = Home::new();
    home.up();
    let mut run = home.start(&["run", "-a", "scripted", "--wait-asks", &prompt(WRITE)]);
    let told = run.until("answer with").pop().unwrap();
    let ask = open_ask(&home);
    assert!(told.contains(&format!("tenure allow {ask}")), "{told}");
    assert!(home.run(&["asks"]).expect(0).contains(&ask));
    // A unique prefix will do, with or without the kind.
    let short = &ask["ask_".len()..ask.len() - 6];
    assert!(home.run(&["allow", short]).expect(0).starts_with("allowed: "));
    let (rest, status) = run.wait();
    assert_eq!(status.code(), Some(0), "{rest:?}");
    assert_eq!(std::fs::read_to_string(home.work("a.txt")).unwrap(), "written");
    let again = home.run(&["deny", &ask]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.err.contains("answered already"), "{again:?}");
    assert_eq!(home.run(&["allow", "ask_nothing"]).code, 3);
    assert_eq!(home.run(&["asks", "--json"]).json()["items"].as_array().unwrap().len(), 0);
}

#[test]
fn a_denial_says_why_and_the_turn_goes_on() {
    let home = Home::new();
    home.up();
    let session = home.session(WRITE, &[]);
    home.wait_for(&session, "ask.opened");
    let answered: Value = home.run(&["deny", &open_ask(&home), "--json"]).json();
    assert_eq!(answered["decision"], "deny");
    home.wait_for(&session, "turn.completed");
    assert!(home.run(&["show", &session, "--transcript"]).expect(0).contains("so be it"));
    let resolved = home.wait_for(&session, "ask.resolved");
    assert_eq!(resolved["data"]["by"], "client");
}

#[test]
fn an_ask_that_was_opened_now_is_told_so() {
    let home = Home::new();
    home.up();
    let session = home.session(WRITE, &[]);
    home.wait_for(&session, "ask.opened");
    let listed = home.run(&["asks", &session]);
    assert!(listed.expect(0).contains(&session) && !listed.out.contains("now ago"), "{listed:?}");
    home.run(&["kill", &session]).expect(0);
}
