//! Steps between formats, tried with steps that no release has.

use super::*;

const ADDED: &str = "ALTER TABLE projects ADD COLUMN colour TEXT;";

#[test]
fn an_older_store_is_copied_then_changed() {
    let dir = tempfile::tempdir().expect("scratch");
    let path = dir.path().join("tenure.db");
    drop(open(&path).expect("made"));
    let steps: Vec<_> = STEPS.iter().copied().chain([ADDED]).collect();
    let db = open_with(&path, &steps).expect("changed");
    db.execute("UPDATE projects SET colour = 'red'", []).expect("the column is there");
    drop(db);
    let kept = dir.path().join(format!("tenure.db.format-{FORMAT}"));
    assert_eq!(fs::metadata(&kept).expect("kept").permissions().mode() & 0o777, 0o600);
    let before = Connection::open(kept).expect("opens");
    let format: u32 = before.query_row("PRAGMA user_version", [], |r| r.get(0)).expect("read");
    assert_eq!(format, FORMAT);
    assert!(
        matches!(open(&path), Err(LogError::Newer { found, known }) if found == FORMAT + 1 && known == FORMAT)
    );
}

#[test]
fn a_step_that_fails_changes_nothing() {
    let dir = tempfile::tempdir().expect("scratch");
    let path = dir.path().join("tenure.db");
    drop(open(&path).expect("made"));
    let steps: Vec<_> = STEPS.iter().copied().chain(["CREATE TABLE half (x); SELECT nonsense;"]).collect();
    open_with(&path, &steps).expect_err("refused");
    let db = open(&path).expect("still format of before");
    let halves: u32 = db
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'half'", [], |r| r.get(0))
        .expect("read");
    assert_eq!(halves, 0);
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let dir = tempfile::tempdir().expect("scratch");
    let path = dir.path().join("tenure.db");
    Connection::open(&path).and_then(|db| db.execute_batch("CREATE TABLE mine (x)")).expect("made");
    assert!(matches!(open(&path), Err(LogError::Corrupt(_))));
    std::fs::write(&path, vec![b'#'; 8192]).expect("written");
    assert!(matches!(open(&path), Err(LogError::Corrupt(_))));
}

#[test]
fn the_file_is_private_and_shrinks() {
    let dir = tempfile::tempdir().expect("scratch");
    let path = dir.path().join("tenure.db");
    let db = open(&path).expect("made");
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    let vacuum: u32 = db.query_row("PRAGMA auto_vacuum", [], |r| r.get(0)).expect("read");
    assert_eq!(vacuum, 2);
}
