//! Ways out of the workspace, none of which may lead out.

use std::fs;
use std::path::PathBuf;

use tenure_workspace::{ReadError, WriteError};

use crate::Ground;

/// Every way out that does not need speed.
fn ways_out(ground: &Ground) -> Vec<PathBuf> {
    ground.put("sub/file", "");
    ground.link("../outside", "dir_out");
    ground.link(ground.outside(""), "dir_out_absolute");
    ground.link("../outside/secret.txt", "file_out");
    ground.link(ground.outside("secret.txt"), "file_out_absolute");
    ground.link("file_out", "twice");
    ground.link("..", "sub/up");
    ground.link("../outside/new.txt", "new_out");
    let mut ways: Vec<PathBuf> = [
        "../outside/secret.txt",
        "sub/../../outside/secret.txt",
        "../inside/../outside/secret.txt",
        "..",
        "dir_out/secret.txt",
        "dir_out_absolute/secret.txt",
        "file_out",
        "file_out_absolute",
        "twice",
        "sub/up/../outside/secret.txt",
    ]
    .iter()
    .flat_map(|way| [PathBuf::from(way), ground.inside(way)])
    .collect();
    ways.extend([ground.outside("secret.txt"), ground.inside("../inside-not"), "/etc/passwd".into()]);
    ways
}

#[test]
fn nothing_outside_is_read() {
    let ground = Ground::new();
    for way in ways_out(&ground) {
        let error = ground.root.read_text(&way, None, None).unwrap_err();
        assert!(matches!(error, ReadError::Outside { .. }), "{}: {error}", way.display());
    }
}

#[test]
fn nothing_outside_is_written() {
    let ground = Ground::new();
    for way in
        ways_out(&ground).into_iter().chain(["new_out", "dir_out/new.txt", "dir_out/a/b"].map(PathBuf::from))
    {
        let error = ground.root.write_text(&way, "overwritten").unwrap_err();
        let told = matches!(error, WriteError::Outside { .. });
        assert!(told, "{}: {error}", way.display());
    }
    ground.assert_outside_untouched();
}

#[test]
fn a_sibling_that_only_begins_with_the_roots_name_is_outside() {
    let ground = Ground::new();
    let sibling = ground.scratch.path().join("inside-not");
    fs::write(&sibling, "x").unwrap();
    let error = ground.root.read_text(&sibling, None, None).unwrap_err();
    assert!(matches!(error, ReadError::Outside { .. }), "{error}");
}

#[test]
fn the_refusal_says_what_is_allowed() {
    let ground = Ground::new();
    let error = ground.root.read_text("/etc/passwd", None, None).unwrap_err().to_string();
    let root = ground.root.path().display().to_string();
    assert!(error.contains("/etc/passwd") && error.contains(&root), "{error}");
}
