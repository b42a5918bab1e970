//! Any tree, any edits: recorded, changed, brought back, and not a bit is other than it was.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use proptest::prelude::*;

use super::Place;

/// One edit of a directory. What cannot be done where it falls is not done.
#[derive(Debug, Clone)]
enum Edit {
    Write(Vec<u8>, Vec<u8>, u32),
    Dir(Vec<u8>, u32),
    Link(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
    Rename(Vec<u8>, Vec<u8>),
    Mode(Vec<u8>, u32),
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => prop::sample::select(vec![&b"a"[..], b"b", b"a-b", b"a.b", b"A", b".hidden", b"with space", b"new\nline"])
            .prop_map(<[u8]>::to_vec),
        1 => Just(b"not\xff\xfetext".to_vec()),
        1 => Just("ünïcode-…".as_bytes().to_vec()),
    ]
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(name(), 1..4).prop_map(|parts| parts.join(&b'/'))
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        Just(b"one\r\ntwo\r\nthree".to_vec()),
        Just(b"$Id$ text\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..300),
        // Longer than what is held in memory at once.
        any::<u8>().prop_map(|b| vec![b; (1 << 20) + 1000]),
    ]
}

fn mode() -> impl Strategy<Value = u32> {
    prop::sample::select(vec![0o600, 0o644, 0o755, 0o400, 0o777, 0o711])
}

fn dir_mode() -> impl Strategy<Value = u32> {
    prop::sample::select(vec![0o700, 0o755, 0o777, 0o1777, 0o2755])
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        5 => (path(), content(), mode()).prop_map(|(p, c, m)| Edit::Write(p, c, m)),
        2 => (path(), dir_mode()).prop_map(|(p, m)| Edit::Dir(p, m)),
        1 => (path(), path()).prop_map(|(p, t)| Edit::Link(p, t)),
        2 => path().prop_map(Edit::Remove),
        2 => (path(), path()).prop_map(|(a, b)| Edit::Rename(a, b)),
        1 => (path(), mode()).prop_map(|(p, m)| Edit::Mode(p, m)),
    ]
}

fn make(place: &Place, edits: &[Edit]) {
    let at = |name: &[u8]| -> PathBuf { place.root.join(OsStr::from_bytes(name)) };
    let set = |path: &PathBuf, mode| {
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode));
    };
    for edit in edits {
        match edit {
            Edit::Write(name, bytes, mode) => {
                let path = at(name);
                let _ = fs::create_dir_all(path.parent().expect("a parent"));
                if !path.is_symlink() && fs::write(&path, bytes).is_ok() {
                    set(&path, *mode);
                }
            }
            Edit::Dir(name, mode) => {
                let path = at(name);
                if fs::create_dir_all(&path).is_ok() && !path.is_symlink() {
                    set(&path, *mode);
                }
            }
            Edit::Link(name, target) => {
                let path = at(name);
                let _ = fs::create_dir_all(path.parent().expect("a parent"));
                let _ = symlink(OsStr::from_bytes(target), path);
            }
            Edit::Remove(name) => {
                let path = at(name);
                let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
            }
            Edit::Rename(from, to) => {
                let _ = fs::rename(at(from), at(to));
            }
            Edit::Mode(name, mode) => {
                let path = at(name);
                if path.is_file() && !path.is_symlink() {
                    set(&path, *mode);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn what_was_recorded_comes_back_bit_for_bit(
        first in prop::collection::vec(edit(), 1..25),
        second in prop::collection::vec(edit(), 1..25),
        third in prop::collection::vec(edit(), 0..10),
    ) {
        let mut place = Place::new();
        make(&place, &first);
        let (one, picture_one) = (place.take(), place.picture());
        make(&place, &second);
        let (two, picture_two) = (place.take(), place.picture());
        make(&place, &third);
        place.reopen();

        prop_assert_eq!(place.force(one), Vec::<String>::new());
        prop_assert_eq!(place.picture(), picture_one);
        prop_assert_eq!(place.take(), one, "the same directory has the same name");
        prop_assert_eq!(place.force(two), Vec::<String>::new());
        prop_assert_eq!(place.picture(), picture_two);
    }

    #[test]
    fn what_is_not_read_again_is_what_it_was(
        first in prop::collection::vec(edit(), 1..25),
        second in prop::collection::vec(edit(), 1..10),
    ) {
        let mut place = Place::new();
        make(&place, &first);
        place.take();
        make(&place, &second);
        let known = place.take();
        // A store that has never seen anything reads everything.
        let fresh = tempfile::tempdir().expect("a directory");
        let mut other = super::Store::open(fresh.path(), Vec::new()).expect("a store");
        let read = other.take(&place.root, None, super::LATER, &|| false).expect("taken");
        prop_assert_eq!(known, read.tree);
    }
}
