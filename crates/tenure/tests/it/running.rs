//! `run`: what it prints, where it works, how it ends.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::home::{Home, prompt};

#[test]
fn a_turn_is_printed_whole_and_plain() {
    let home = Home::new();
    home.up();
    let script = r#"[{"think": "Let me see."}, {"text": "I will\nlook.", "chunks": 3},
        {"tool": "List files", "output": "a.txt"}, {"tool": "Build", "fail": true, "output": "no compiler"},
        {"tool": "Edit a.txt", "diff": {"path": "a.txt", "old": "one\n", "new": "two\n"}}, {"text": "Done."}]"#;
    let done = home.run_with(&["run", "-a", "scripted", "-"], &prompt(script));
    let out = done.expect(0);
    assert!(!out.contains('\u{1b}'), "{out:?}");
    for part in [
        "∴ Let me see.",
        "I will\nlook.",
        "✓ List files",
        "✗ Build",
        "- one",
        "+ two",
        "Done.",
        "✓ completed",
    ] {
        assert!(out.contains(part), "{part} is missing in:\n{out}");
    }
    assert!(done.err.contains("tenure attach ses_"), "{}", done.err);
}

#[test]
fn json_is_events_and_nothing_else() {
    let home = Home::new();
    home.up();
    let done = home.run_with(&["run", "-a", "scripted", "--json"], &prompt(r#"[{"text": "Hello"}]"#));
    let events: Vec<Value> = done.expect(0).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let seqs: Vec<u64> = events.iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert_eq!(events.last().unwrap()["type"], "turn.completed");
}

#[test]
fn deltas_come_as_json_while_a_message_is_written() {
    let home = Home::new();
    home.up();
    let script = prompt(r#"[{"text": "Hello "}, {"gate": "go"}, {"text": "you", "same_message": true}]"#);
    let mut run = home.start(&["run", "-a", "scripted", "--json", "--deltas", &script]);
    let delta = run.until("\"message.delta\"").pop().unwrap();
    assert!(delta.contains("\"text\":\"Hello \"") && !delta.contains("\"seq\""), "{delta}");
    home.open_gate("go");
    run.until("turn.completed");
    assert_eq!(run.wait().1.code(), Some(0));
}

#[test]
fn it_works_in_the_directory_that_was_named_with_the_environment_that_was_given() {
    let home = Home::new();
    home.up();
    std::fs::create_dir(home.work("below")).unwrap();
    let script = prompt(r#"["pwd", {"env": "COLOUR"}]"#);
    let done =
        home.run_with(&["run", "-a", "scripted", "-C", "below", "--env", "COLOUR=blue=ish", "-"], &script);
    let out = done.expect(0);
    // The value has reached the agent; it is shown by its name.
    assert!(out.contains("work/below") && out.contains("[COLOUR]"), "{out}");
}

#[test]
fn a_failed_turn_is_1_and_says_why() {
    let home = Home::new();
    home.up();
    let done = home.run_with(&["run", "-a", "scripted", "-"], &prompt(r#"[{"error": "the model is ill"}]"#));
    assert!(done.expect(1).contains("the model is ill"), "{done:?}");
    let crash = home.run_with(
        &["run", "-a", "scripted", "-"],
        &prompt(r#"[{"text": "a"}, {"exit": 7, "stderr": "boom"}]"#),
    );
    assert!(crash.expect(1).contains("✗ crashed") && crash.out.contains("boom"), "{crash:?}");
}

#[test]
fn an_agent_that_is_not_installed_is_named() {
    let home = Home::new();
    home.up();
    let done = home.run(&["run", "-a", "claude", "hi"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.err.contains("the prompt was not served: there is no program claude"), "{done:?}");
    let session = home.run(&["ls", "--json"]).json()["items"][0]["id"].as_str().unwrap().to_owned();
    assert!(home.run(&["show", &session]).expect(0).contains("failed"));
}

#[test]
fn an_unknown_agent_is_refused_and_none_is_chosen_silently() {
    let home = Home::new();
    home.up();
    let unknown = home.run(&["run", "-a", "nobody", "hi"]);
    assert!([1, 2, 3].contains(&unknown.code) && unknown.err.contains("nobody"), "{unknown:?}");
    let none = home.run(&["run", "hi"]);
    assert!(none.err.contains("-a"), "{none:?}");
    assert_eq!(none.code, 2, "{none:?}");
    std::fs::write(home.path("home").join("config.toml"), "default_agent = \"scripted\"\n").unwrap();
    assert!(home.run(&["run", "hello there"]).expect(0).contains("hello there"));
}

#[test]
fn ctrl_c_interrupts_the_turn() {
    let home = Home::new();
    home.up();
    let mut run =
        home.start(&["run", "-a", "scripted", &prompt(r#"[{"text": "begun\n"}, {"gate": "never"}]"#)]);
    run.until("begun");
    run.signal(Signal::INT);
    let (rest, status) = run.wait();
    assert_eq!(status.code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|l| l.contains("⊘ interrupted")), "{rest:?}");
}

#[test]
fn a_second_ctrl_c_leaves_it_running() {
    let home = Home::new();
    home.up();
    let script = prompt(r#"["ignore_cancel", {"text": "begun\n"}, {"gate": "go"}, {"text": "ended"}]"#);
    let mut run = home.start(&["run", "-a", "scripted", "--title", "stubborn", &script]);
    run.until("begun");
    run.signal(Signal::INT);
    home.wait_for("stubborn", "session.activity_changed");
    run.signal(Signal::INT);
    let (_, status) = run.wait();
    assert_eq!(status.code(), Some(130));
    home.open_gate("go");
    home.wait_for("stubborn", "turn.completed");
    assert!(home.run(&["show", "stubborn", "--transcript"]).expect(0).contains("ended"));
}

/// A command whose output is read as far as the test likes.
fn read_in_part(home: &Home, args: &[&str]) -> (Child, BufReader<ChildStdout>) {
    let mut child = home.command(args).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

fn until(out: &mut impl BufRead, text: &str) {
    assert!(out.lines().any(|line| line.unwrap().contains(text)), "ended before {text:?} came");
}

#[test]
fn an_output_that_nobody_reads_is_no_success_until_the_end_is_known() {
    let home = Home::new();
    home.up();
    let script = prompt(
        r#"[{"text": "begun\n"}, {"gate": "go"}, {"text": "more\n"}, {"gate": "end"}, {"error": "ill"}]"#,
    );
    let (mut child, mut seen) = read_in_part(&home, &["run", "-a", "scripted", "--title", "deaf", &script]);
    until(&mut seen, "begun");
    drop(seen);
    home.open_gate("go");
    assert_eq!(child.wait().unwrap().code(), Some(141));
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert!(said.contains("it goes on: tenure attach ses_"), "{said}");
    // The turn goes on without a reader.
    home.open_gate("end");
    assert_eq!(home.wait_for("deaf", "turn.completed")["data"]["outcome"], "failed");

    let (mut child, seen) = read_in_part(&home, &["send", "-w", "deaf", &prompt(r#"[{"text": "words"}]"#)]);
    drop(seen);
    let code = child.wait().unwrap().code();
    assert!(code == Some(141) || code == Some(0), "the end is known or it is not: {code:?}");
    let (mut child, seen) = read_in_part(&home, &["exec", "deaf", "--", "sh", "-c", "yes; exit 3"]);
    drop(seen);
    assert_eq!(child.wait().unwrap().code(), Some(141));
}

#[test]
fn a_directory_that_is_gone_is_called_so() {
    let home = Home::new();
    home.up();
    std::fs::create_dir(home.work("gone")).unwrap();
    let mut command = home.command(&["run", "-a", "scripted", "-"]);
    let mut child = command.current_dir(home.work("gone")).stdin(Stdio::piped()).spawn().unwrap();
    // The prompt is read first.
    std::fs::remove_dir(home.work("gone")).unwrap();
    child.stdin.take().unwrap().write_all(b"hello").unwrap();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.code() == Some(1) && said.contains("current directory"), "{said}");
    assert!(said.contains("-C DIR"), "{said}");
}

#[test]
fn an_agent_without_a_name_is_refused_in_words_of_the_command_line() {
    let home = Home::new();
    home.up();
    let done = home.run(&["run", "-a", "", "hi"]);
    assert!(done.code == 2 && done.err.contains("`tenure agents`"), "{done:?}");
}
