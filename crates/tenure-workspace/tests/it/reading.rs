//! Reading texts, whole and in part.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use tenure_workspace::{Kind, MOST_BYTES, ReadError};

use crate::Ground;

#[test]
fn a_text_is_read_by_relative_and_absolute_name() {
    let ground = Ground::new();
    ground.put("src/ä b.txt", "\u{feff}one\r\ntwo");
    for path in ["src/ä b.txt", "./src/../src/ä b.txt"] {
        assert_eq!(ground.read(path), "\u{feff}one\r\ntwo");
        assert_eq!(ground.read(ground.inside(path)), "\u{feff}one\r\ntwo");
    }
}

#[test]
fn lines_are_counted_from_one_and_keep_their_ends() {
    let ground = Ground::new();
    ground.put("lines", "1\n2\r\n\n4");
    ground.put("ended", "1\n2\n");
    let cases: &[(&str, Option<u32>, Option<u32>, &str)] = &[
        ("lines", None, None, "1\n2\r\n\n4"),
        ("lines", Some(1), None, "1\n2\r\n\n4"),
        ("lines", Some(0), None, "1\n2\r\n\n4"),
        ("lines", Some(2), None, "2\r\n\n4"),
        ("lines", Some(2), Some(1), "2\r\n"),
        ("lines", Some(3), Some(1), "\n"),
        ("lines", Some(4), Some(9), "4"),
        ("lines", Some(5), None, ""),
        ("lines", None, Some(2), "1\n2\r\n"),
        ("lines", None, Some(0), ""),
        ("lines", Some(u32::MAX), Some(u32::MAX), ""),
        ("ended", Some(2), None, "2\n"),
        ("ended", Some(3), None, ""),
        ("ended", None, Some(u32::MAX), "1\n2\n"),
    ];
    for (path, line, limit, expected) in cases {
        let text = ground.root.read_text(path, *line, *limit).unwrap();
        assert_eq!(text, *expected, "{path} from {line:?}, {limit:?} lines");
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let ground = Ground::new();
    let error = ground.root.read_text("no/such/file", None, None).unwrap_err();
    assert!(matches!(error, ReadError::NotFound { .. }), "{error}");
}

#[test]
fn only_regular_files_are_read_and_a_pipe_never_waits() {
    let ground = Ground::new();
    ground.put("dir/file", "");
    ground.fifo("pipe");
    let _socket = UnixListener::bind(ground.inside("socket")).unwrap();
    for (path, expected) in [
        ("dir", Kind::Directory),
        ("", Kind::Directory),
        (".", Kind::Directory),
        ("pipe", Kind::Pipe),
        ("socket", Kind::Socket),
    ] {
        let error = ground.root.read_text(path, None, None).unwrap_err();
        assert!(matches!(error, ReadError::NotAFile { kind, .. } if kind == expected), "{path}: {error}");
    }
}

#[test]
fn bytes_that_are_no_text_are_told_with_their_place() {
    let ground = Ground::new();
    ground.put("latin1", b"caf\xe9\n");
    let error = ground.root.read_text("latin1", None, Some(1)).unwrap_err();
    assert!(matches!(error, ReadError::NotText { offset: 3, .. }), "{error}");
}

#[test]
fn a_huge_file_is_refused_and_the_largest_is_not() {
    let ground = Ground::new();
    let file = File::create(ground.inside("huge")).unwrap();
    file.set_len(MOST_BYTES).unwrap();
    assert_eq!(ground.read("huge").len() as u64, MOST_BYTES);
    file.set_len(MOST_BYTES + 1).unwrap();
    let error = ground.root.read_text("huge", None, Some(1)).unwrap_err();
    assert!(matches!(error, ReadError::TooLarge { .. }), "{error}");
}

#[test]
fn a_file_that_may_not_be_read_is_no_escape() {
    let ground = Ground::new();
    ground.put("closed", "x");
    let closed = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(ground.inside("closed"), closed).unwrap();
    match ground.root.read_text("closed", None, None) {
        // Root may read anything.
        Ok(text) => assert!(rustix::process::geteuid().is_root() && text == "x"),
        Err(error) => assert!(matches!(error, ReadError::Io { .. }), "{error}"),
    }
}
