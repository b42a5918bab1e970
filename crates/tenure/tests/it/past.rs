//! Conversations that other programs left: the verbs that list, read, find and count them, and naming one of them among many.

mod finding;
mod ground;
mod listing;
mod reading;

use std::path::Path;
use std::time::{Duration, SystemTime};

use tenure_corpus::Talk;

use crate::home::Home;

/// More than one answer of the daemon has.
const MANY: usize = 1_010;
/// The id of the oldest begins as none of the others does.
const OLDEST: &str = "77777777-0000-4000-8000-000000000000";

/// A past of Claude Code with so many conversations, all read.
fn with_a_past(home: &Home) {
    let root = home.path("user").join(".claude");
    let put = |id: &str, title: &str| Talk::new(id, Path::new("/w")).asks(title).write(&root).unwrap();
    for n in 1..MANY {
        put(&format!("00000000-0000-4000-8000-{n:012}"), "one of many");
    }
    let oldest = put(OLDEST, "before all others");
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    std::fs::File::options().append(true).open(oldest).unwrap().set_modified(long_ago).unwrap();
    home.up();
    home.settle();
}

#[test]
fn a_short_id_names_a_conversation_and_n_shows_it_however_many_are_newer() {
    let home = Home::new();
    with_a_past(&home);
    let short = format!("claude/{}", &OLDEST[..17]);
    assert!(home.run(&["show", &short]).expect(0).contains("before all others"));
    assert!(home.run(&["export", &short]).expect(0).contains("before all others"));
    assert!(home.run(&["logs", &short]).expect(0).contains("before all others"));
    assert_eq!(home.run(&["show", "claude/0000"]).code, 2, "that may be any of them");
    assert_eq!(home.run(&["show", "claude/8888"]).code, 3);

    let usual = home.run(&["history"]);
    assert!(usual.err.contains("the newest 50; -n N shows more"), "{usual:?}");
    let more = home.run(&["history", "-n", "1005", "--json"]).json();
    assert_eq!(more["items"].as_array().unwrap().len(), 1005);
    assert!(more["next"].is_string());
    let all = home.run(&["history", "-n", "5000"]);
    assert!(all.expect(0).contains("before all others") && !all.err.contains("-n N"), "{}", all.err);
    let found = home.run(&["search", "-n", "1005", "many"]);
    assert!(found.err.contains("the first 1000; that is the most that is shown at once"), "{}", found.err);
}
