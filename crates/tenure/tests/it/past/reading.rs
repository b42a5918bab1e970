//! `show`, `logs` and `export` on conversations of the past.

use serde_json::Value;

use super::ground::{GATE, OLD, PUMP, named, with_a_past};

#[test]
fn one_is_shown_by_its_id_and_by_a_beginning_of_it_that_no_other_has() {
    let home = with_a_past();
    let card = home.run(&["show", &named(GATE)]);
    for (name, value) in [
        ("conversation", named(GATE).as_str()),
        ("title", "The leaking gate"),
        ("branch", "fix/gate"),
        ("model", "house-model-1"),
        ("first input", "Why does the gate leak?"),
    ] {
        let line = card.expect(0).lines().find(|line| line.starts_with(name));
        assert!(line.is_some_and(|line| line.ends_with(value)), "{name}: {card:?}");
    }
    assert_eq!(home.run(&["show", "claude/6f6c7379-1", "--json"]).json()["native_id"], PUMP);
    assert_eq!(home.run(&["show", "0a0a", "--json"]).json()["native_id"], OLD, "also what was put away");

    let several = home.run(&["show", "claude/6f6c"]);
    assert_eq!(several.expect(2), "");
    assert!(several.err.contains(PUMP) && several.err.contains(GATE), "{several:?}");
    assert_eq!(home.run(&["show", "codex/6f6c7379-1"]).code, 3, "no other agent's");
}

#[test]
fn what_was_said_is_printed_line_by_line_and_around_what_was_found() {
    let home = with_a_past();
    let logs = home.run(&["logs", &named(PUMP)]);
    let said = logs.expect(0);
    let places = ["Please mend the pump", "Edit", "the valve was stuck"].map(|text| said.find(text).unwrap());
    assert!(places.is_sorted(), "{said}");
    let rows: Vec<Value> = home
        .run(&["logs", &named(PUMP), "--json"])
        .expect(0)
        .lines()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect();
    assert_eq!(rows[0]["text"], "Please mend the pump");
    assert_eq!(rows[0]["role"], "user");

    let hit = home.run(&["search", "stuck", "--role", "assistant", "--json"]).json()["items"][0].clone();
    let around = home.run(&["logs", &named(PUMP), "--around", hit["message_id"].as_str().unwrap()]);
    assert!(around.expect(0).contains("the valve was stuck"), "{around:?}");
    assert_eq!(home.run(&["logs", &named(PUMP), "--around", "nobody"]).code, 3);
    let follow = home.run(&["logs", &named(PUMP), "--follow"]);
    assert_eq!(follow.expect(2), "");
    assert!(follow.err.contains("tenure adopt"), "{follow:?}");
}

#[test]
fn one_is_written_down_in_every_form_and_never_over_a_file() {
    let home = with_a_past();
    let markdown = home.run(&["export", &named(PUMP)]);
    assert!(markdown.expect(0).contains("## Assistant") && markdown.out.contains("the valve was stuck"));
    assert_eq!(home.run(&["show", &named(PUMP), "--transcript"]).expect(0), markdown.out);
    assert!(home.run(&["export", &named(PUMP), "--format", "html"]).expect(0).starts_with("<!doctype html>"));
    for format in ["jsonl", "acp"] {
        let text = home.run(&["export", &named(PUMP), "--format", format]);
        let rows: Vec<Value> = text.expect(0).lines().map(|row| serde_json::from_str(row).unwrap()).collect();
        assert!(rows.len() >= 2, "{format}: {rows:?}");
    }
    home.run(&["export", &named(PUMP), "-o", "pump.md"]).expect(0);
    assert_eq!(std::fs::read_to_string(home.work("pump.md")).unwrap(), markdown.out);
    let again = home.run(&["export", &named(GATE), "-o", "pump.md"]);
    assert_eq!(again.expect(1), "");
    assert!(again.err.contains("pump.md"), "{again:?}");
    assert_eq!(std::fs::read_to_string(home.work("pump.md")).unwrap(), markdown.out);
}
