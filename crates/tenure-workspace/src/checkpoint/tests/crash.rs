//! A change that was broken off at any point is finished by doing it again.

use std::fs;
use std::os::unix::fs::symlink;

use super::{Journal, Picture, Place, TreeId};
use crate::checkpoint::What;

/// Two states with every kind of change between them.
fn two_states() -> (Place, TreeId, Picture, TreeId) {
    let mut place = Place::new();
    place.put("changed", "one\r\n");
    place.put("deleted", "one");
    place.put("dir-to-file/in", "one");
    place.put("file-to-dir", "one");
    place.put("file-to-link", "one");
    place.put("mode", "one");
    place.mode("mode", 0o755);
    fs::create_dir(place.path("empty")).expect("made");
    place.mode("empty", 0o710);
    let (one, picture) = (place.take(), place.picture());
    place.put("changed", "two");
    fs::remove_file(place.path("deleted")).expect("removed");
    fs::remove_dir_all(place.path("dir-to-file")).expect("removed");
    place.put("dir-to-file", "two");
    fs::remove_file(place.path("file-to-dir")).expect("removed");
    place.put("file-to-dir/in/deep", "two");
    fs::remove_file(place.path("file-to-link")).expect("removed");
    symlink("changed", place.path("file-to-link")).expect("linked");
    place.mode("mode", 0o600);
    fs::remove_dir(place.path("empty")).expect("removed");
    place.put("new/in/deep", "two");
    let two = place.take();
    (place, one, picture, two)
}

/// Undoes and halves single steps as a kill may have left them, then finishes.
#[test]
fn a_change_broken_off_anywhere_is_finished_by_doing_it_again() {
    let (mut place, one, picture, two) = two_states();
    let plan = place.plan(one, &[]).forced();
    let whole = place.journal(one, &plan);
    assert!(whole.paths.len() > 8);
    for n in 0..=whole.paths.len() {
        let mut part = Journal { paths: whole.paths[..n].to_vec(), ..whole.clone() };
        place.store.carry_out(&place.root, &mut part, false).expect("a part");
        // The half of a file, as a kill in the middle of a write leaves it.
        place.put(&format!(".tenure-{}-0", whole.id), "hal");
        place.reopen();
        let mut again = whole.clone();
        let done = place.store.carry_out(&place.root, &mut again, true).expect("done");
        assert_eq!(done.missed, [], "broken off after {n}");
        assert_eq!(place.picture(), picture, "broken off after {n}");
        assert_eq!(place.store.result_of(&again, &done).expect("a tree"), one);
        assert_eq!(place.force(two), Vec::<String>::new());
    }
}

#[test]
fn what_is_gone_or_made_halfway_is_finished() {
    let (mut place, one, picture, _) = two_states();
    let plan = place.plan(one, &[]).forced();
    let mut journal = place.journal(one, &plan);
    fs::remove_file(place.path("dir-to-file")).expect("removed");
    fs::create_dir(place.path("dir-to-file")).expect("made");
    place.mode("dir-to-file", 0o700);
    fs::remove_dir_all(place.path("file-to-dir")).expect("removed");
    fs::remove_file(place.path("file-to-link")).expect("removed");
    let done = place.store.carry_out(&place.root, &mut journal, true).expect("done");
    assert_eq!(done.missed, []);
    assert_eq!(place.picture(), picture);
}

#[test]
fn what_was_done_is_told_again_and_not_done_again() {
    let (mut place, one, _, _) = two_states();
    let plan = place.plan(one, &[]).forced();
    let mut journal = place.journal(one, &plan);
    let done = place.store.carry_out(&place.root, &mut journal, false).expect("done");
    place.put("changed", "by a person");
    place.reopen();
    let mut again = place.store.journal(&journal.id).expect("read").expect("there");
    assert_eq!(place.store.carry_out(&place.root, &mut again, true).expect("told"), done);
    assert_eq!(place.text("changed").as_deref(), Some("by a person"));
}

#[test]
fn what_somebody_changed_in_the_last_moment_is_left() {
    let (mut place, one, _, _) = two_states();
    let plan = place.plan(one, &[]).forced();
    let mut journal = place.journal(one, &plan);
    place.put("changed", "by a person");
    place.put("new/in/ours", "not recorded");
    let done = place.store.carry_out(&place.root, &mut journal, false).expect("done");
    let missed: Vec<String> = done.missed.iter().map(|m| m.path.to_string()).collect();
    assert_eq!(missed, ["changed", "new/in", "new"]);
    assert_eq!(place.text("changed").as_deref(), Some("by a person"));
    assert_eq!(place.text("new/in/ours").as_deref(), Some("not recorded"));
    assert!(!place.path("new/in/deep").exists());
}

#[test]
fn nothing_is_written_through_a_link_that_leads_out() {
    let mut place = Place::new();
    place.put("dir/file", "one");
    let one = place.take();
    place.put("dir/file", "two");
    let plan = place.plan(one, &[]).forced();
    let mut journal = place.journal(one, &plan);
    let outside = tempfile::tempdir().expect("a directory");
    fs::write(outside.path().join("file"), "two").expect("written");
    fs::remove_dir_all(place.path("dir")).expect("removed");
    symlink(outside.path(), place.path("dir")).expect("linked");
    let done = place.store.carry_out(&place.root, &mut journal, true).expect("done");
    assert_eq!(done.missed.len(), 1);
    assert_eq!(fs::read_to_string(outside.path().join("file")).expect("read"), "two");
}

#[test]
fn a_file_comes_back_into_a_directory_that_may_not_be_written() {
    let mut place = Place::new();
    place.put("dir/file", "one");
    place.mode("dir", 0o555);
    let (one, picture) = (place.take(), place.picture());
    place.mode("dir", 0o755);
    place.put("dir/file", "two");
    place.mode("dir", 0o555);
    assert_eq!(place.force(one), Vec::<String>::new());
    assert_eq!(place.picture(), picture);
    // So that the scratch directory can be removed.
    place.mode("dir", 0o755);
    let tree = place.store.tree(&one).expect("a tree");
    assert!(matches!(tree.entries()[0].what, What::Dir { mode: 0o555 }));
}
