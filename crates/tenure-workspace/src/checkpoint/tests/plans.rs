//! What a way back touches, and what it leaves alone.

use super::Place;
use crate::checkpoint::{Plan, Reason};

fn told(plan: &Plan) -> (Vec<String>, Vec<(String, Reason)>) {
    let changes = plan.changes.iter().map(|c| c.path.to_string()).collect();
    (changes, plan.conflicts.iter().map(|c| (c.change.path.to_string(), c.reason)).collect())
}

fn conflicts(of: &[(&str, Reason)]) -> Vec<(String, Reason)> {
    of.iter().map(|(path, reason)| ((*path).to_owned(), *reason)).collect()
}

#[test]
fn only_what_the_turn_did_is_undone() {
    let mut place = Place::new();
    place.put("kept", "1");
    place.put("changed", "1");
    place.put("gone", "1");
    let before = place.take();
    place.put("changed", "2");
    place.put("made/by/turn", "2");
    std::fs::remove_file(place.path("gone")).expect("removed");
    let after = place.take();
    place.put("by-person", "3");
    let plan = place.plan(before, &[(before, after)]);
    let ours = ["changed", "gone", "made", "made/by", "made/by/turn"].map(str::to_owned).to_vec();
    assert_eq!(told(&plan), (ours, conflicts(&[("by-person", Reason::NotOurs)])));

    let mut journal = place.journal(before, &plan);
    let done = place.store.carry_out(&place.root, &mut journal, false).expect("done");
    assert_eq!(done.missed, []);
    assert_eq!(place.text("changed").as_deref(), Some("1"));
    assert_eq!(place.text("gone").as_deref(), Some("1"));
    assert_eq!(place.text("by-person").as_deref(), Some("3"), "a person's file is left");
    assert!(!place.path("made").exists());
}

#[test]
fn what_a_person_changed_after_the_turn_or_between_turns_is_a_conflict() {
    let mut place = Place::new();
    for name in ["since", "between", "both", "fine", "first"] {
        place.put(name, "0");
    }
    let start = place.take();
    place.put("first", "person"); // Before the first turn that is gone back over.
    let before_one = place.take();
    for name in ["since", "between", "both", "fine", "first"] {
        place.put(name, "turn 1");
    }
    let after_one = place.take();
    place.put("between", "person"); // Not touched by the second turn: its own state is the last of a turn's.
    place.put("both", "person"); // Changed on by the second turn.
    let before_two = place.take();
    place.put("both", "person and turn 2");
    place.put("fine", "turn 2");
    let after_two = place.take();
    place.put("since", "person");
    let plan = place.plan(start, &[(before_one, after_one), (before_two, after_two)]);
    let left = conflicts(&[
        ("between", Reason::Since),
        ("both", Reason::Between),
        ("first", Reason::Between),
        ("since", Reason::Since),
    ]);
    assert_eq!(told(&plan), (vec!["fine".to_owned()], left));
    let all = plan.forced();
    assert_eq!((all.changes.len(), all.conflicts.len()), (5, 0));
}

#[test]
fn what_another_session_changed_in_that_time_is_a_conflict() {
    let mut place = Place::new();
    let before = place.take();
    place.put("mine", "1");
    place.put("ours", "1");
    let after = place.take();
    let theirs = {
        place.put("ours", "2");
        let base = place.take();
        place.put("ours", "1");
        (base, place.take())
    };
    let plan = place.plan_beside(before, &[(before, after)], &[theirs]);
    assert_eq!(told(&plan), (vec!["mine".to_owned()], conflicts(&[("ours", Reason::OtherSession)])));
}

#[test]
fn what_a_rule_hid_before_is_not_taken_for_new() {
    let mut place = Place::new();
    place.put(".gitignore", "cache/\n*.log\n!keep.log\n");
    place.put("cache/big", "months of work");
    place.put("sub/x.log", "log");
    let before = place.take();
    place.put(".gitignore", "");
    place.put("made", "by the turn");
    place.put("keep.log", "made as well");
    let after = place.take();
    let plan = place.plan(before, &[(before, after)]);
    let hidden = ["cache", "cache/big", "sub/x.log"].map(|name| (name, Reason::WasIgnored));
    let ours = [".gitignore", "keep.log", "made"].map(str::to_owned).to_vec();
    let (changes, conflicts_now) = told(&plan);
    assert_eq!(changes, ours);
    assert!(conflicts_now.iter().all(|c| conflicts(&hidden).contains(c)), "{conflicts_now:?}");
    assert!(conflicts_now.iter().any(|(path, _)| path == "cache/big"));
}

#[test]
fn a_way_back_is_itself_a_span_so_later_turns_can_be_gone_back_over_it() {
    let mut place = Place::new();
    place.put("f", "0");
    let zero = place.take();
    place.put("f", "1");
    let one = place.take();
    place.put("f", "2");
    let two = place.take();
    place.force(one); // Back over the second turn.
    let back = place.take();
    assert_eq!(back, one);
    place.put("f", "3");
    let three = place.take();
    let plan = place.plan(zero, &[(zero, one), (one, two), (two, back), (back, three)]);
    assert_eq!(told(&plan), (vec!["f".to_owned()], Vec::new()));
}

#[test]
fn a_span_whose_trees_are_gone_makes_nothing_ours() {
    let mut place = Place::new();
    let before = place.take();
    place.put("f", "1");
    let after = place.take();
    place.put("g", "1");
    let later = place.take();
    let keep = std::collections::HashSet::from([before, later]);
    place.store.sweep(&keep, &std::collections::HashSet::new()).expect("swept");
    place.reopen();
    let plan = place.plan(before, &[(before, after), (after, later)]);
    assert_eq!(told(&plan), (Vec::new(), conflicts(&[("f", Reason::NotOurs), ("g", Reason::NotOurs)])));
}
