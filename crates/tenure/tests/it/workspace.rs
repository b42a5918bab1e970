//! `exec` and `cp`: commands and files where a session works.

use std::os::unix::ffi::OsStrExt;

use rustix::process::Signal;
use serde_json::Value;

use crate::home::Home;

/// A home with a session in a directory of its own.
fn ground() -> (Home, String) {
    let home = Home::new();
    home.up();
    std::fs::create_dir(home.work("place")).unwrap();
    let place = home.work("place").display().to_string();
    let args = ["run", "-d", "-a", "scripted", "-C", &place, "--title", "a place", "hello"];
    let id = home.run(&args).expect(0).trim().to_owned();
    (home, id)
}

#[test]
fn a_command_speaks_and_ends_for_itself() {
    let (home, id) = ground();
    let done = home.run(&["exec", &id, "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (7, "out\n", "err\n"));
    // What looks like an option of ours is the command's.
    assert_eq!(home.run(&["exec", "a place", "--", "echo", "--json", "-h"]).expect(0), "--json -h\n");
    let shell = ["exec", &id, "--env", "A=b c", "--shell", "echo \"$A\" | tr b x"];
    assert_eq!(home.run(&shell).expect(0), "x c\n");
    assert_eq!(home.run_with(&["exec", &id, "-i", "--", "cat"], "words in").expect(0), "words in");
    std::fs::create_dir(home.work("place/sub")).unwrap();
    assert!(home.run(&["exec", &id, "--cwd", "sub", "--", "pwd"]).expect(0).ends_with("/place/sub\n"));
    let outside = home.run(&["exec", &id, "--cwd", "..", "--", "pwd"]);
    assert!(outside.code == 5 && outside.err.contains("outside"), "{outside:?}");
    assert_eq!(home.run(&["exec", &id, "--", "sh", "-c", "kill -TERM $$"]).code, 143);
    let late = home.run(&["exec", &id, "--timeout", "0.2", "--", "sleep", "1000"]);
    assert!(late.code == 124 && late.err.contains("its time was over"), "{late:?}");
    let missing = home.run(&["exec", &id, "--", "no-such-program"]);
    assert!(missing.code == 127 && missing.err.contains("no-such-program"), "{missing:?}");
    assert_eq!(home.run(&["exec", &id, "--", "/etc/passwd"]).code, 126);
    assert_eq!(home.run(&["exec", &id]).code, 2);
    assert_eq!(home.run(&["exec", "nothing", "--", "true"]).code, 3);
    let lines = home.run(&["exec", "--json", &id, "--", "sh", "-c", "echo out; exit 3"]);
    let lines: Vec<Value> = lines.expect(3).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["started", "stdout", "ended"]);
    assert_eq!((lines[1]["text"].as_str(), lines[2]["exit_code"].as_i64()), (Some("out\n"), Some(3)));
}

#[test]
fn ctrl_c_ends_the_command() {
    let (home, id) = ground();
    let mut going = home.start(&["exec", &id, "--", "sh", "-c", "setsid sleep 1000 & echo $!; wait"]);
    let sleeper = going.line().unwrap();
    going.signal(Signal::INT);
    let (_, status) = going.wait();
    assert_eq!(status.code(), Some(130));
    let alive =
        || std::fs::read_to_string(format!("/proc/{sleeper}/comm")).is_ok_and(|name| name == "sleep\n");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while alive() {
        assert!(std::time::Instant::now() < deadline, "{sleeper} is left");
        std::thread::yield_now();
    }
}

#[test]
fn files_and_directories_come_and_go() {
    let (home, id) = ground();
    let place = home.work("place");
    std::fs::write(home.work("one"), "1").unwrap();
    let at = |path: &str| format!("{id}:{path}");
    assert_eq!(home.run(&["cp", "one", &at("")]).expect(0), "copied 1 file, 1 byte\n");
    home.run(&["cp", "one", &at("made/new/name")]).expect(0);
    assert_eq!(std::fs::read_to_string(place.join("made/new/name")).unwrap(), "1");
    home.run_with(&["cp", "-", &at("piped")], "through a pipe").expect(0);
    assert_eq!(home.run(&["cp", "a place:piped", "-"]).expect(0), "through a pipe");
    // A directory with what it holds, modes too; links are named and left.
    std::fs::create_dir_all(home.work("tree/deep")).unwrap();
    std::fs::write(home.work("tree/deep/run"), "#!/bin/sh").unwrap();
    let executable: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(home.work("tree/deep/run"), executable).unwrap();
    std::os::unix::fs::symlink("deep", home.work("tree/link")).unwrap();
    let done = home.run(&["cp", "tree", &at("."), "--json"]);
    let told: Value = serde_json::from_str(done.expect(1)).unwrap();
    assert_eq!((told["files"].as_u64(), told["directories"].as_u64()), (Some(1), Some(2)));
    assert!(done.err.contains("not copied: tree/link (a link)"), "{done:?}");
    home.run(&["cp", &at("tree"), "back"]).expect(0);
    let mode = std::fs::metadata(home.work("back/deep/run")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o755);
    home.run(&["cp", &at("made/new/name"), "back/"]).expect(0);
    assert_eq!(std::fs::read_to_string(home.work("back/name")).unwrap(), "1");
    home.run(&["cp", &at("one"), &at("two")]).expect(0);
    assert_eq!(std::fs::read_to_string(place.join("two")).unwrap(), "1");
    let names =
        std::fs::read_dir(home.path("work")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert!(!names.into_iter().any(|name| name.starts_with(".tenure-cp")), "something is left over");
    for (args, code, says) in [
        (["cp", "one", "two"], 2, "SESSION:PATH"),
        (["cp", &at("none"), "x"], 3, "nothing at none"),
        (["cp", "none", &at("x")], 3, "nothing at none"),
        (["cp", &at("../one"), "x"], 5, "outside"),
        (["cp", "one", &at("../x")], 5, "outside"),
        (["cp", "nobody:x", "y"], 3, "nobody"),
        (["cp", "-", &at("tree")], 2, "name the file"),
        (["cp", &at("tree"), "-"], 2, "directory"),
    ] {
        let done = home.run(&args);
        assert!(done.code == code && done.err.contains(says), "{args:?}: {done:?}");
    }
}

#[test]
fn a_file_is_no_directory_and_a_directory_does_not_go_into_itself() {
    let (home, id) = ground();
    let at = |path: &str| format!("{id}:{path}");
    std::fs::write(home.work("one"), "1").unwrap();
    std::fs::write(home.work("place/kept"), "kept").unwrap();
    let refused = home.run(&["cp", "one", &at("kept/")]);
    assert!(refused.code == 1 && refused.err.contains("not a directory"), "{refused:?}");
    assert_eq!(std::fs::read_to_string(home.work("place/kept")).unwrap(), "kept");

    std::fs::create_dir(home.work("place/sub")).unwrap();
    std::fs::write(home.work("place/sub/x"), "x").unwrap();
    for (from, to) in [
        (at("sub"), at("sub/in")),
        (at("sub"), at("./sub/../sub")),
        (at(""), at("sub/new/")),
        ("place/sub".to_owned(), at("sub/in")),
        (at("."), "place/sub/out".to_owned()),
    ] {
        let refused = home.run(&["cp", &from, &to]);
        assert!(refused.code == 2 && refused.err.contains("into itself"), "{from} to {to}: {refused:?}");
    }
    assert_eq!(std::fs::read_dir(home.work("place/sub")).unwrap().count(), 1, "nothing was written");
    home.run(&["cp", &at("sub"), &at("sub2")]).expect(0);
    home.run(&["cp", "place/sub", &at("other/")]).expect(0);
    assert!(home.work("place/other/sub/x").exists() && home.work("place/sub2/x").exists());
}

#[test]
fn names_that_cannot_be_said_are_named_as_not_copied() {
    let (home, id) = ground();
    let name = |bytes: &[u8]| std::ffi::OsStr::from_bytes(bytes).to_owned();
    let tree = home.work("place/tree");
    std::fs::create_dir_all(tree.join(name(b"aa\xff"))).unwrap();
    for file in [&b"b\xff"[..], b"b\xef\xbf\xbd", b"c\xff", b"fine", b"real\xef\xbf\xbd"] {
        std::fs::write(tree.join(name(file)), file).unwrap();
    }
    let done = home.run(&["cp", &format!("{id}:tree"), "copy", "--json"]);
    let told: Value = serde_json::from_str(done.expect(1)).unwrap();
    assert_eq!(told["skipped"].as_array().unwrap().len(), 4, "{told}");
    let mut copied: Vec<_> =
        std::fs::read_dir(home.work("copy")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    copied.sort();
    assert_eq!(copied, [name(b"fine"), name(b"real\xef\xbf\xbd")]);
    assert!(done.err.contains("tree/b\u{fffd} (its name is not UTF-8)"), "{done:?}");
    // From here into a session it is the same.
    let done = home.run(&["cp", "place/tree", &format!("{id}:in")]);
    assert!(done.code == 1 && done.err.contains("its name is not UTF-8"), "{done:?}");
    assert!(home.work("place/in/fine").exists() && home.work("place/in/b\u{fffd}").exists());
}
