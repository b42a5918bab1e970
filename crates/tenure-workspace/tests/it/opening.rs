//! Opening a root.

use std::fs;

use tempfile::TempDir;
use tenure_workspace::{OpenError, Root};

use crate::Ground;

#[test]
fn what_is_no_directory_is_refused_by_name() {
    let ground = Ground::new();
    let error = Root::open(ground.inside("none")).unwrap_err();
    assert!(matches!(&error, OpenError::NotFound { path } if *path == ground.inside("none")), "{error}");
    let error = Root::open(ground.outside("secret.txt")).unwrap_err();
    assert!(matches!(&error, OpenError::NotADirectory { .. }), "{error}");
}

#[test]
fn a_root_named_through_a_link_answers_to_both_names() {
    let ground = Ground::new();
    ground.put("a.txt", "a");
    let links = TempDir::new().unwrap();
    let link = links.path().join("link");
    std::os::unix::fs::symlink(ground.inside(""), &link).unwrap();
    let root = Root::open(&link).unwrap();
    assert_eq!(root.path(), fs::canonicalize(&link).unwrap());
    assert_eq!(root.read_text(link.join("a.txt"), None, None).unwrap(), "a");
    assert_eq!(root.read_text(root.path().join("a.txt"), None, None).unwrap(), "a");
}

#[test]
fn an_open_root_follows_its_directory() {
    let ground = Ground::new();
    ground.put("a.txt", "a");
    fs::rename(ground.inside(""), ground.outside("moved")).unwrap();
    assert_eq!(ground.read("a.txt"), "a");
}
