//! `search`, `usage` and `adopt`.

use serde_json::{Value, json};

use super::ground::{GATE, OLD, PUMP, named, with_a_past};
use crate::home::Done;

/// The conversations of the hits, those of hits that follow each other once.
fn found(done: &Done) -> Vec<String> {
    let items = done.json()["items"].as_array().unwrap().clone();
    let mut ids: Vec<String> =
        items.iter().map(|item| item["conversation"]["native_id"].as_str().unwrap().to_owned()).collect();
    ids.dedup();
    ids
}

#[test]
fn words_are_found_and_narrowed_by_every_filter() {
    let home = with_a_past();
    let done = home.run(&["search", "valve"]);
    let text = done.expect(0);
    let (gate, pump) = (text.find("valve is worn").unwrap(), text.find("valve was stuck").unwrap());
    assert!(gate < pump, "newest first: {text}");
    assert!(text.contains("The leaking gate") && text.contains("assistant:"), "{text}");

    for (args, expected) in [
        (&["valve"][..], &[GATE, PUMP][..]),
        (&["-n", "1", "valve"], &[GATE]),
        (&["valve", "-C", "pump"], &[PUMP]),
        (&["valve", "--since", "2026-11-03"], &[GATE]),
        (&["valve", "--until", "2026-11-03"], &[PUMP]),
        (&["valve", "-a", "codex"], &[]),
        (&["valve was"], &[PUMP]),
        (&["--", "valve", "-worn"], &[PUMP]),
        (&["leak*", "--role", "user"], &[GATE]),
        (&["--tool", "Edit"], &[PUMP]),
        (&["--file", "src/valve.rs"], &[PUMP]),
        (&["--file", "src/gate.rs"], &[]),
        (&["--role", "tool", "updated"], &[PUMP]),
    ] {
        let done = home.run(&[&["search", "--json"], args].concat());
        assert_eq!(found(&done), expected, "{args:?}");
        assert_eq!(done.code, i32::from(expected.is_empty()), "{args:?}");
    }
    assert_eq!(home.run(&["search", "gate OR pump"]).code, 1, "what others take for an operator is a word");
    let ranked = home.run(&["search", "--json", "--rank", "--role", "assistant", "--", "valve"]).json();
    assert_eq!(ranked["items"].as_array().unwrap().len(), 3, "{ranked}");
}

#[test]
fn tokens_are_counted_by_day_model_project_agent_and_conversation() {
    let home = with_a_past();
    let table = home.run(&["usage", "--by", "model"]);
    let text = table.expect(0);
    assert!(text.starts_with("MODEL ") && text.contains("claude-sonnet-4-5"), "{text}");
    let row = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(row("house-model-1").ends_with("unknown"), "{text}");
    assert!(text.contains("price not known: house-model-1") && text.contains("prices of "), "{text}");

    let keys = |by: &str, more: &[&str]| {
        let reply = home.run(&[&["usage", "--json", "--by", by], more].concat()).json();
        let items = reply["items"].as_array().unwrap().clone();
        let key = |item: &Value| (item["key"].as_str().unwrap().to_owned(), item["calls"].as_u64().unwrap());
        items.iter().map(key).collect::<Vec<_>>()
    };
    let row = |key: &str, calls: u64| (key.to_owned(), calls);
    assert_eq!(keys("day", &[]), [row("2026-11-01", 2), row("2026-11-06", 1)]);
    assert_eq!(keys("agent", &[]), [row("claude", 3)]);
    let mut sessions = keys("session", &[]);
    sessions.sort();
    assert_eq!(sessions, [row(&named(GATE), 1), row(&named(PUMP), 2)]);
    assert_eq!(keys("project", &[]).len(), 2);
    assert_eq!(keys("agent", &["--model", "house-model-1"]), [row("claude", 1)]);
    assert_eq!(keys("model", &["-C", "gate"]), [row("house-model-1", 1)]);
    assert_eq!(keys("day", &["--until", "2026-11-03"]), [row("2026-11-01", 2)]);
}

#[test]
fn one_is_adopted_and_shows_what_was_said_before() {
    let home = with_a_past();
    let refused = home.run(&["adopt", &named(PUMP)]);
    refused.expect(1);
    assert!(refused.err.contains("there is no program claude"), "its agent is waited for: {refused:?}");
    let adopted = home.run(&["adopt", &named(GATE), "--title", "On with the gate", "--detach"]);
    let session = adopted.expect(0).trim();
    assert!(adopted.err.contains("tenure send"), "{adopted:?}");
    let card = home.run(&["show", session, "--json"]).json();
    assert_eq!((&card["title"], &card["cwd"]), (&json!("On with the gate"), &json!(home.work("gate"))));
    assert!(home.run(&["show", session, "--transcript"]).expect(0).contains("its valve is worn"));

    for (name, code, said) in
        [(format!("claude/{}", &PUMP[..6]), 2, PUMP), ("claude/7777".to_owned(), 3, "tenure history")]
    {
        let refused = home.run(&["adopt", &name]);
        assert_eq!(refused.expect(code), "", "{name}");
        assert!(refused.err.contains(said), "{name}: {refused:?}");
    }
    let elsewhere = home.run(&["adopt", &named(OLD), "-C", "nowhere"]);
    assert!(elsewhere.code != 0 && elsewhere.err.contains("nowhere"), "{elsewhere:?}");
}
