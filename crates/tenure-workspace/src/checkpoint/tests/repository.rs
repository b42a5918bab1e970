//! A person's repository is not touched: neither its index nor anything else of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::Place;

#[expect(clippy::disallowed_methods, reason = "the person's own git, to see what it sees")]
fn git(place: &Place, args: &[&str]) -> String {
    let out = std::process::Command::new("git")
        .args(args)
        .current_dir(&place.root)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", &place.root)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        // A look must not be what writes the index.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .output()
        .expect("git runs");
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("text")
}

fn all_bytes(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(all_bytes(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).expect("readable"));
        }
    }
    found
}

#[test]
fn neither_index_nor_status_nor_branches_change() {
    let mut place = Place::new();
    git(&place, &["init", "-q", "-b", "main"]);
    git(&place, &["config", "core.autocrlf", "true"]);
    place.put(".gitattributes", "*.txt text eol=crlf\n*.bin filter=upper\n");
    place.put("a.txt", "one\r\ntwo\n");
    place.put("x.bin", "abc");
    git(&place, &["add", "a.txt", ".gitattributes"]);
    git(&place, &["-c", "user.name=N", "-c", "user.email=e@x", "commit", "-q", "-m", "first"]);
    place.put("staged", "1");
    git(&place, &["add", "staged"]);
    place.put("staged", "2");
    place.put("nested/.git/HEAD", "ref: refs/heads/main\n");
    place.put("nested/file", "plain\r\n");
    let memory = all_bytes(&place.path(".git"));
    let status = git(&place, &["status", "--porcelain"]);
    let (picture, before) = (place.picture(), place.take());
    place.put("a.txt", "other");
    place.put("nested/file", "other");
    place.put("x.bin", "ABC");
    fs::remove_file(place.path("staged")).expect("removed");
    assert_eq!(place.force(before), Vec::<String>::new());
    assert_eq!(place.picture(), picture, "no filter and no line ending was applied");
    assert_eq!(all_bytes(&place.path(".git")), memory);
    assert_eq!(git(&place, &["status", "--porcelain"]), status);
}
