//! `history` and `projects`.

use serde_json::{Value, json};

use super::ground::{GATE, OLD, PUMP, with_a_past};
use crate::home::{Done, Home};

fn ids(done: &Done) -> Vec<String> {
    let items = done.json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["native_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_home_without_a_past_says_so_and_every_verb_ends_well() {
    let home = Home::new();
    home.up();
    home.settle();
    for (args, said, code) in [
        (&["history"][..], "no conversations", 0),
        (&["search", "anything"], "nothing was found", 1),
        (&["usage"], "nothing was used", 0),
        (&["projects"], "no projects yet", 0),
    ] {
        let done = home.run(args);
        assert_eq!(done.expect(code), "", "{args:?}");
        assert!(done.err.contains(said), "{args:?}: {done:?}");
        let json = home.run(&[args, &["--json"]].concat());
        assert_eq!(json.json()["items"], json!([]), "{args:?}");
        assert_eq!((json.code, json.err.as_str()), (code, ""), "{args:?}");
    }
    for verb in ["show", "logs", "export", "adopt"] {
        let done = home.run(&[verb, "claude/6f6c"]);
        assert_eq!(done.expect(3), "", "{verb}");
        assert!(done.err.contains("claude/6f6c") && done.err.contains("tenure history"), "{verb}: {done:?}");
    }
}

#[test]
fn conversations_are_listed_in_a_table_and_narrowed_by_every_filter() {
    let home = with_a_past();
    let done = home.run(&["history"]);
    let lines: Vec<&str> = done.expect(0).lines().collect();
    let [head, first, second] = lines.as_slice() else { panic!("{done:?}") };
    assert!(head.starts_with("CONVERSATION ") && head.contains("BRANCH"), "{head}");
    assert!(first.contains("The leaking gate") && first.contains("fix/gate"), "newest first: {first}");
    assert!(second.contains("Please mend the pump") && second.contains("main"), "{second}");
    let name = second.split_whitespace().next().unwrap();
    assert!(home.run(&["show", name]).expect(0).contains(PUMP), "what is listed can be named");
    assert_eq!(done.err, "", "all is read and shown");

    let pump = home.work("pump");
    let pump = pump.to_str().unwrap();
    for (args, expected) in [
        (&[][..], &[GATE, PUMP][..]),
        (&["--all"], &[GATE, PUMP, OLD]),
        (&["--branch", "main"], &[PUMP]),
        (&["-q", "LEAKING"], &[GATE]),
        (&["-q", "mend the"], &[PUMP]),
        (&["-a", "codex"], &[]),
        (&["--since", "2026-11-03"], &[GATE]),
        (&["--until", "2026-11-03"], &[PUMP]),
        (&["--since", "2026-11-01T09:00:00Z", "--until", "2026-11-02"], &[PUMP]),
        (&["-C", "pump"], &[PUMP]),
        (&["-C", "pump", "--no-worktrees", "--all"], &[PUMP, OLD]),
        (&[pump], &[PUMP]),
        (&["-n", "1"], &[GATE]),
    ] {
        let done = home.run(&[&["history", "--json"], args].concat());
        assert_eq!(ids(&done), expected, "{args:?}");
    }
    let one = home.run(&["history", "-n", "1"]);
    assert!(one.expect(0).contains("gate") && one.err.contains("-n N shows more"), "{one:?}");
}

#[test]
fn what_cannot_be_a_filter_is_told_by_its_name() {
    let home = with_a_past();
    for (args, code, said) in [
        (&["history", "--since", "yesterday"][..], 2, "2026-11-20"),
        (&["history", "nowhere"], 3, "tenure projects"),
        (&["history", "-n", "0"], 2, "--limit"),
        (&["history", "--no-worktrees"], 2, "--dir"),
        (&["search", "--role", "robot", "x"], 2, "assistant"),
        (&["search"], 2, "words"),
        (&["usage", "--by", "colour"], 2, "session"),
    ] {
        let done = home.run(args);
        assert_eq!(done.expect(code), "", "{args:?}");
        assert!(done.err.contains(said), "{args:?}: {done:?}");
    }
}

#[test]
fn the_index_tells_how_far_it_is_and_is_made_anew_when_asked() {
    let home = with_a_past();
    assert_eq!(home.run(&["history", "--index"]).expect(0), "up to date: 3 of 3 conversations are read\n");
    home.run(&["history", "--rebuild"]).expect(0);
    home.settle();
    assert_eq!(home.run(&["history", "--index", "--json"]).json()["read"], 3);
    assert_eq!(home.run(&["search", "valve", "--json"]).json()["items"].as_array().unwrap().len(), 3);
}

#[test]
fn projects_are_listed_the_latest_first_with_what_was_said_in_them() {
    let home = with_a_past();
    let done = home.run(&["projects"]);
    let lines: Vec<&str> = done.expect(0).lines().collect();
    let [head, gate, pump] = lines.as_slice() else { panic!("{done:?}") };
    assert!(head.starts_with("PROJECT ") && head.contains("CONVERSATIONS"), "{head}");
    assert!(gate.contains("work/gate") && gate.contains("claude"), "{gate}");
    assert!(pump.contains("work/pump") && pump.contains(" 2 "), "what was put away counts: {pump}");
    let json = home.run(&["projects", "--json"]).json();
    let pump: Vec<&Value> = json["items"].as_array().unwrap().iter().collect();
    let pump = pump.iter().find(|item| item["path"] == json!(home.work("pump"))).unwrap();
    let id = pump["id"].as_str().unwrap();
    assert_eq!(ids(&home.run(&["history", id, "--json"])), [PUMP]);
}
