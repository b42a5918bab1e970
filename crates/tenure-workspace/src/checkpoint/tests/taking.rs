//! What is recorded, and what is said of the rest.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::geteuid;

use super::{LATER, Place};
use crate::checkpoint::{Limits, RelPath, TakeError, What};

fn names(place: &mut Place) -> Vec<String> {
    let id = place.take();
    let tree = place.store.tree(&id).expect("a tree");
    tree.entries().iter().map(|e| e.path.to_string()).collect()
}

#[test]
fn ignore_rules_are_honoured_and_version_control_keeps_its_own() {
    let mut place = Place::new();
    for name in
        ["a.rs", "x.log", "target/out", "sub/.gitignore", "sub/y", "sub/z", ".git/HEAD", "nested/.git/HEAD"]
    {
        place.put(name, "");
    }
    place.put("nested/file", "");
    place.put(".gitignore", "*.log\ntarget/\n");
    place.put("sub/.gitignore", "z\n");
    fs::create_dir(place.path("empty")).expect("made");
    let expected = [".gitignore", "a.rs", "empty", "nested", "nested/file", "sub", "sub/.gitignore", "sub/y"];
    assert_eq!(names(&mut place), expected);
    // Without a repository around them rules count all the same.
    fs::remove_dir_all(place.path(".git")).expect("removed");
    assert_eq!(names(&mut place), expected);
}

#[test]
fn rules_of_the_repository_above_count_and_those_above_it_do_not() {
    let mut place = Place::new();
    let above = place.root.clone();
    fs::write(above.parent().expect("a parent").join(".gitignore"), "*\n").expect("written");
    place.put(".git/HEAD", "");
    place.put(".gitignore", "*.log\n");
    place.put("sub/a", "");
    place.put("sub/b.log", "");
    place.root = above.join("sub");
    assert_eq!(names(&mut place), ["a"]);
}

#[test]
fn links_are_kept_as_links_and_never_followed() {
    let mut place = Place::new();
    let outside = tempfile::tempdir().expect("a directory");
    fs::write(outside.path().join("secret"), "outside").expect("written");
    symlink(outside.path(), place.path("way-out")).expect("linked");
    symlink("nowhere", place.path("dead")).expect("linked");
    symlink(".", place.path("loop")).expect("linked");
    assert_eq!(names(&mut place), ["dead", "loop", "way-out"]);
}

#[test]
fn pipes_and_sockets_are_passed_by() {
    let mut place = Place::new();
    place.put("file", "");
    let dir = fs::File::open(&place.root).expect("opened");
    rustix::fs::mknodat(&dir, "pipe", rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).expect("a pipe");
    let _socket = std::os::unix::net::UnixListener::bind(place.path("sock")).expect("a socket");
    assert_eq!(names(&mut place), ["file"]);
}

#[test]
fn what_cannot_be_read_is_named_and_not_taken_for_gone() {
    if geteuid().is_root() {
        // Everything can be read; the walk itself is covered by the others.
        return;
    }
    let mut place = Place::new();
    place.put("shut/in", "1");
    place.put("locked", "1");
    let before = place.take();
    place.mode("shut", 0o000);
    place.mode("locked", 0o000);
    let taken = place.taken();
    let named: Vec<String> = taken.unknown.iter().map(|(path, _)| path.to_string()).collect();
    let plan = place.plan(before, &[(before, taken.tree)]);
    place.mode("shut", 0o755);
    assert_eq!(named, ["locked", "shut"]);
    assert!(plan.changes.is_empty(), "{plan:?}");
    assert!(plan.forced().changes.is_empty());
}

#[test]
fn unchanged_files_are_not_read_again() {
    let mut place = Place::new();
    for n in 0..20 {
        place.put(&format!("f{n}"), format!("{n}"));
    }
    assert_eq!(place.taken().read, 20);
    assert_eq!(place.taken().read, 0);
    place.reopen();
    assert_eq!(place.taken().read, 0, "a new daemon remembers");
    place.put("f3", "other");
    assert_eq!(place.taken().read, 1);
    fs::rename(place.path("f4"), place.path("renamed")).expect("renamed");
    let before = place.store.bytes();
    assert_eq!(place.taken().read, 1);
    assert_eq!(place.store.bytes(), before, "bytes that are known are not stored twice");
}

#[test]
fn what_changed_a_moment_ago_is_read_again() {
    let mut place = Place::new();
    place.put("fresh", "1");
    let now = i64::try_from(
        fs::metadata(place.path("fresh"))
            .and_then(|m| m.modified())
            .expect("a time")
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970")
            .as_nanos(),
    )
    .expect("fits");
    let mut read = || place.store.take(&place.root, None, now, &|| false).expect("taken").read;
    assert_eq!((read(), read()), (1, 1), "its times cannot be believed yet");
    assert_eq!(place.taken().read, 1);
    assert_eq!(place.taken().read, 0);
}

#[test]
fn too_much_is_refused_before_it_is_read() {
    let mut place = Place::new();
    for n in 0..5 {
        place.put(&format!("f{n}"), "12345");
    }
    let small = |files, bytes| Some(Limits { files, bytes });
    for limits in [small(4, 1000), small(100, 24)] {
        assert!(matches!(place.try_take(limits), Err(TakeError::TooLarge { .. })));
    }
    assert_eq!(place.store.bytes(), 0);
    assert!(place.try_take(small(5, 25)).is_ok());
}

#[test]
fn it_stops_when_it_is_told_to() {
    let mut place = Place::new();
    for n in 0..50 {
        place.put(&format!("f{n}"), "x");
    }
    let asked = AtomicU32::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) > 70;
    let taken = place.store.take(&place.root, None, LATER, &stop);
    assert!(matches!(taken, Err(TakeError::Stopped)));
    assert_eq!(place.taken().files, 50, "nothing is left in the way of the next");
}

#[test]
fn a_file_that_never_stops_growing_is_named() {
    let mut place = Place::new();
    let path = place.path("growing");
    fs::write(&path, vec![0_u8; 4 << 20]).expect("written");
    let ending = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (ended, (ready, began)) = (ending.clone(), std::sync::mpsc::sync_channel(1));
    let writer = std::thread::spawn(move || {
        use std::io::Write;
        let mut file = fs::OpenOptions::new().append(true).open(path).expect("opened");
        // Bounded, should the test fail before it ends it.
        for n in 0..2_000_000 {
            if ended.load(Ordering::Relaxed) {
                break;
            }
            file.write_all(b"more").expect("written");
            if n == 0 {
                ready.send(()).expect("heard");
            }
        }
    });
    began.recv().expect("it writes");
    let taken = place.taken();
    ending.store(true, Ordering::Relaxed);
    writer.join().expect("ended");
    let tree = place.store.tree(&taken.tree).expect("a tree");
    let path = RelPath::new(b"growing").expect("a path");
    match tree.get(&path) {
        Some(What::Unknown { why }) => assert!(why.contains("kept changing"), "{why}"),
        // The writer was not scheduled meanwhile: then it is one state that was.
        Some(What::File { size, .. }) => assert_eq!((size - (4 << 20)) % 4, 0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_directory_must_be_there() {
    let mut place = Place::new();
    place.root = place.path("nowhere");
    assert!(matches!(place.try_take(None), Err(TakeError::Root { .. })));
}
