//! Writing texts: what is kept, what is made, what is refused.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;

use tenure_workspace::{Kind, MOST_BYTES, WriteError};

use crate::Ground;

fn mode(ground: &Ground, path: &str) -> u32 {
    fs::metadata(ground.inside(path)).unwrap().permissions().mode() & 0o7777
}

/// The names in a directory of the workspace; what is left of a write would be seen here.
fn names(ground: &Ground, path: &str) -> Vec<String> {
    let entries = fs::read_dir(ground.inside(path)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_new_file_is_made_with_its_directories_and_ordinary_permissions() {
    let ground = Ground::new();
    fs::write(ground.inside("ordinary"), "").unwrap();
    ground.root.write_text("a/b/c.txt", "text\n").unwrap();
    assert_eq!(fs::read_to_string(ground.inside("a/b/c.txt")).unwrap(), "text\n");
    assert_eq!(mode(&ground, "a/b/c.txt"), mode(&ground, "ordinary"));
    assert_eq!(names(&ground, "a/b"), ["c.txt"]);
    ground.root.write_text(ground.inside("a/b/d.txt"), "").unwrap();
    assert_eq!(names(&ground, "a/b"), ["c.txt", "d.txt"]);
}

#[test]
fn an_old_file_is_replaced_whole_and_keeps_its_mode() {
    let ground = Ground::new();
    ground.put("run.sh", "a longer text than the new one");
    for kept in [0o755, 0o600, 0o666] {
        fs::set_permissions(ground.inside("run.sh"), fs::Permissions::from_mode(kept)).unwrap();
        let before = fs::metadata(ground.inside("run.sh")).unwrap();
        let mut reader = fs::File::open(ground.inside("run.sh")).unwrap();
        let old = fs::read_to_string(ground.inside("run.sh")).unwrap();
        ground.root.write_text("run.sh", &format!("{kept:o}")).unwrap();
        assert_eq!(ground.read("run.sh"), format!("{kept:o}"));
        assert_eq!(mode(&ground, "run.sh"), kept);
        let after = fs::metadata(ground.inside("run.sh")).unwrap();
        assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
        // Who had it open still reads the old text to its end, so nobody ever sees a half.
        assert_eq!(std::io::read_to_string(&mut reader).unwrap(), old);
    }
    assert_eq!(names(&ground, ""), ["run.sh"]);
}

#[test]
fn set_id_bits_are_not_kept() {
    let ground = Ground::new();
    ground.put("tool", "old");
    fs::set_permissions(ground.inside("tool"), fs::Permissions::from_mode(0o4755)).unwrap();
    ground.root.write_text("tool", "new").unwrap();
    assert_eq!(mode(&ground, "tool"), 0o755);
}

#[test]
fn a_link_to_a_file_inside_is_written_through() {
    let ground = Ground::new();
    ground.put("deep/real.txt", "old");
    ground.link("deep/real.txt", "link");
    ground.link("deep", "dirlink");
    ground.root.write_text("link", "new").unwrap();
    assert_eq!(ground.read("deep/real.txt"), "new");
    assert!(fs::symlink_metadata(ground.inside("link")).unwrap().is_symlink());
    ground.root.write_text("dirlink/real.txt", "newer").unwrap();
    assert_eq!(ground.read("link"), "newer");
}

#[test]
fn only_regular_files_are_replaced() {
    let ground = Ground::new();
    ground.put("dir/file", "");
    ground.fifo("pipe");
    ground.link("nothing", "dead");
    let _socket = UnixListener::bind(ground.inside("socket")).unwrap();
    let before = names(&ground, "");
    for (path, expected) in [
        ("dir", Kind::Directory),
        ("dir/", Kind::Directory),
        ("", Kind::Directory),
        ("dir/..", Kind::Directory),
        ("pipe", Kind::Pipe),
        ("dead", Kind::DeadLink),
        ("socket", Kind::Socket),
    ] {
        let error = ground.root.write_text(path, "x").unwrap_err();
        assert!(matches!(error, WriteError::NotAFile { kind, .. } if kind == expected), "{path}: {error}");
    }
    assert_eq!(names(&ground, ""), before);
}

#[test]
fn a_file_cannot_be_a_directory_on_the_way() {
    let ground = Ground::new();
    ground.put("file", "kept");
    let error = ground.root.write_text("file/below", "x").unwrap_err();
    assert!(matches!(error, WriteError::Io { .. }), "{error}");
    assert_eq!(ground.read("file"), "kept");
}

#[test]
fn a_huge_text_is_refused_and_the_old_stays() {
    let ground = Ground::new();
    ground.put("file", "kept");
    let huge = "x".repeat(usize::try_from(MOST_BYTES).unwrap() + 1);
    let error = ground.root.write_text("file", &huge).unwrap_err();
    assert!(matches!(error, WriteError::TooLarge { bytes, .. } if bytes == MOST_BYTES + 1), "{error}");
    assert_eq!(ground.read("file"), "kept");
    ground.root.write_text("file", &huge[1..]).unwrap();
    assert_eq!(fs::metadata(ground.inside("file")).unwrap().len(), MOST_BYTES);
}

#[test]
fn a_read_only_file_is_refused() {
    let ground = Ground::new();
    ground.put("fixed", "kept");
    fs::set_permissions(ground.inside("fixed"), fs::Permissions::from_mode(0o444)).unwrap();
    match ground.root.write_text("fixed", "new") {
        // Root may write anything.
        Ok(()) => assert!(rustix::process::geteuid().is_root()),
        Err(error) => {
            assert!(matches!(error, WriteError::Io { .. }), "{error}");
            assert_eq!(ground.read("fixed"), "kept");
        }
    }
    assert_eq!(mode(&ground, "fixed"), 0o444);
    assert_eq!(names(&ground, ""), ["fixed"]);
}
