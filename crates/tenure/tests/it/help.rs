//! Help texts, and what needs no daemon.

use crate::home::Home;

const VERBS: &[&str] = &[
    "run",
    "ls",
    "show",
    "attach",
    "send",
    "logs",
    "asks",
    "allow",
    "deny",
    "interrupt",
    "suspend",
    "resume",
    "close",
    "kill",
    "rm",
    "commands",
    "compact",
    "clear",
    "config",
    "mcp",
    "tasks",
    "todos",
    "metrics",
    "checkpoint",
    "rewind",
    "fork",
    "exec",
    "cp",
    "worktree",
    "ps",
    "agents",
    "up",
    "down",
    "token",
    "doctor",
    "demo",
    "completions",
];

#[test]
fn the_help_names_every_verb() {
    let home = Home::new();
    insta::assert_snapshot!(home.run(&["--help"]).expect(0));
}

#[test]
fn every_verb_explains_itself() {
    let home = Home::new();
    let text: String =
        VERBS.iter().map(|verb| format!("{}\n----\n", home.run(&[verb, "--help"]).expect(0))).collect();
    insta::assert_snapshot!(text);
}

#[test]
fn bad_usage_is_2_and_says_what_is_wrong() {
    let home = Home::new();
    for (args, says) in [
        (&["fly"][..], "unrecognized subcommand"),
        (&[], "Usage: tenure"),
        (&["run"], "the prompt is empty"),
        (&["run", "  "], "the prompt is empty"),
        (&["run", "--env", "NAME", "-a", "x", "--url", "http://127.0.0.1:1", "hi"], "no daemon answers"),
        (&["run", "--allow", "--deny", "hi"], "cannot be used with"),
        (&["ls", "--token", "x"], "--url"),
        (&["show"], "<SESSION>"),
        (&["token", "add", "me", "--scope", "all"], "possible values"),
        (&["allow", "a", "--input", "{"], "--input is not JSON"),
        (&["up", "--listen", "here"], "invalid value"),
        (&["down", "--url", "http://127.0.0.1:1"], "not with --url"),
    ] {
        let done = home.run(args);
        let unreachable = says == "no daemon answers";
        assert_eq!(done.code, if unreachable { 4 } else { 2 }, "{args:?}: {done:?}");
        assert!(done.err.contains(says), "{args:?}: {done:?}");
        assert_eq!(done.out, "", "{args:?}");
    }
    assert!(!home.path("home").exists(), "nothing of this starts a daemon");
}

#[test]
fn a_daemon_elsewhere_that_does_not_answer_is_4() {
    let home = Home::new();
    for verb in ["ls", "asks", "agents", "ps"] {
        let done = home.run(&[verb, "--url", "http://127.0.0.1:1", "--json"]);
        assert_eq!((done.code, done.out.as_str()), (4, ""), "{done:?}");
        assert!(done.err.contains("no daemon answers at http://127.0.0.1:1"), "{done:?}");
    }
}

#[test]
fn nothing_to_stop_is_no_error() {
    let done = Home::new().run(&["down"]);
    assert_eq!((done.code, done.out.as_str()), (0, ""));
    assert!(done.err.contains("no daemon runs in"), "{done:?}");
}

#[test]
fn completions_know_the_verbs() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = home.run(&["completions", shell]);
        assert!(script.expect(0).contains("interrupt"), "{shell}");
    }
}
