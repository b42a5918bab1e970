//! Each kind of leftover is found by its place, and what may stay is not.

use std::fs;

use super::*;

fn life(id: &str, keeps: bool) -> Life {
    Life { id: id.to_owned(), created: true, destroyed: true, keeps, scratch: None }
}

fn made(scratch: &Path, file: &str, text: &str) {
    let path = scratch.join("home").join(file);
    fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    fs::write(path, text).expect("written");
}

#[test]
fn what_is_left_is_found_and_what_may_stay_is_not() {
    let scratch = tempfile::tempdir().expect("a directory");
    let place = Place { scratch: scratch.path().to_owned(), binary: "none".into() };
    let lives = Lives { all: vec![life("churn0-1", false), life("churn0-2", true)], odd: Vec::new() };
    made(scratch.path(), "sessions/s0/private.json", "{}");
    made(scratch.path(), "sessions/churn0-2/blobs/a", "text");
    assert_eq!(left(&place, &lives), Vec::<String>::new());

    let cases = [
        ("sessions/churn0-1/private.json", "{}", "the directory of churn0-1"),
        ("sessions/churn0-2/private.json", "{}", "whose transcript was kept"),
        ("sessions/churn-nobody/x", "", "the directory of churn-nobody"),
        ("workspaces/w1/file", "", "the workspace w1"),
        ("tenure.db", &format!("\0{CANARY}churn0-1\0"), "a secret in"),
    ];
    for (file, text, words) in cases {
        made(scratch.path(), file, text);
        let found = left(&place, &lives).join("\n");
        assert!(found.contains(words), "{words} was not found: {found:?}");
    }
}
