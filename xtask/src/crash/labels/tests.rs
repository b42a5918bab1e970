//! The table against the code: a point that is not in it would never be visited, and one that is no more would only be
//! found after a long wait.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
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
    for name in ["host", "log", "server", "workspace"] {
        labels(&root().join("crates").join(format!("tenure-{name}")).join("src"), &mut found);
    }
    let once: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(once.len(), found.len(), "a label stands at two points: {found:?}");
    let table: BTreeSet<&str> = ALL.iter().map(|label| label.name).collect();
    let by_who: BTreeSet<_> = ALL.iter().map(|label| (label.name, label.who)).collect();
    assert_eq!(by_who.len(), ALL.len(), "a label stands twice in the table");
    assert_eq!(once, table);
}

#[test]
fn a_label_that_is_not_passed_and_one_that_is_passed_idly_are_told_by_name() {
    let mut tally = Tally::default();
    for (n, label) in ALL.iter().enumerate() {
        let flight = Flight { turns: usize::from(n != 1), ..Flight::default() };
        tally.count(label, (n != 0).then_some(flight));
    }
    let mut report = Report::default();
    tally.print(&mut report).expect("printed");
    let details = report.details();
    assert_eq!(report.len(), 2, "{details}");
    let unpassed = format!("crash points that were never passed: {}: 1 times of 1", ALL[0].name);
    let idle = format!("crash points passed with nothing in flight only: {}", ALL[1].name);
    assert!(details.contains(&unpassed) && details.contains(&idle), "{details}");
}
