//! The table against the code: a point that is not in it would never be visited, and one that is no more would only be
//! found after a long wait.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::table::ALL;
use crate::process::root;

fn labels(dir: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).expect("a directory of the project").flatten() {
        let path = entry.path();
        if path.is_dir() {
            labels(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("source");
            let points = text.split("crash_point!(\"").skip(1);
            found.extend(points.filter_map(|rest| Some(rest.split_once("\");")?.0.to_owned())));
        }
    }
}

#[test]
fn the_table_has_every_point_of_the_code_once() {
    let mut found = Vec::new();
    for name in ["host", "log", "server"] {
        labels(&root().join("crates").join(format!("tenure-{name}")).join("src"), &mut found);
    }
    let once: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(once.len(), found.len(), "a label stands at two points: {found:?}");
    let table: BTreeSet<&str> = ALL.iter().map(|label| label.name).collect();
    let by_who: BTreeSet<_> = ALL.iter().map(|label| (label.name, label.who)).collect();
    assert_eq!(by_who.len(), ALL.len(), "a label stands twice in the table");
    assert_eq!(once, table);
}
