use super::*;

#[test]
fn programs_that_a_repository_names_are_overruled_and_those_of_a_person_stay() {
    let listing = b"global\0filter.lfs.clean\ngit-lfs clean -- %f\0system\0diff.x.textconv\nx\0\
        local\0filter.a.b=c.smudge\nrm -rf /\0local\0merge.ours.driver\ntrue\0worktree\0diff.pdf.textconv\npdf\0\
        local\0core.bare\nfalse\0local\0alias\0local\0merge.ff\nonly\0";
    let guards = guards(listing);
    let value = |name: &str| guards.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(value("core.hooksPath"), Some("/dev/null"));
    assert_eq!(value("core.fsmonitor"), Some("false"));
    assert_eq!((value("filter.a.b=c.smudge"), value("filter.a.b=c.process")), (Some(""), Some("")));
    assert_eq!(value("filter.a.b=c.required"), Some("false"));
    assert_eq!(value("merge.ours.driver"), Some("git merge-file -q %A %O %B"));
    assert_eq!((value("diff.pdf.textconv"), value("diff.pdf.command")), (Some(""), Some("")));
    assert!(!guards.iter().any(|(name, _)| name.contains("lfs") || name.starts_with("diff.x")));
    assert_eq!((value("merge.ff"), value("core.bare")), (None, None));
}

#[test]
fn a_repository_that_says_that_its_files_are_elsewhere_is_known() {
    assert!(files_are_elsewhere(b"local\0core.bare\nfalse\0worktree\0core.worktree\n/home\0"));
    assert!(!files_are_elsewhere(b"global\0core.worktree\n/home\0local\0alias.x\ncore.worktree\0"));
}

#[test]
fn a_status_tells_names_as_they_are() {
    let lines = status(b" M a b\0R  new\0old\0?? sub/\xff\nx\0");
    let told: Vec<(&str, &str)> = lines.iter().map(|line| (line.code.as_str(), line.path.as_str())).collect();
    assert_eq!(told, [(" M", "a b"), ("R ", "new"), ("??", "sub/\\xff\nx")]);
    assert!(status(b"").is_empty() && status(b"x\0").is_empty());
}

#[test]
fn worktrees_are_told_with_their_branches() {
    let all = worktrees(
        b"worktree /r\0HEAD 1\0branch refs/heads/main\0\0worktree /w x\0HEAD 2\0detached\0\0worktree /b\0bare\0\0",
    );
    let told: Vec<(&str, Option<&str>, bool)> = all
        .iter()
        .map(|tree| (tree.path.to_str().expect("text"), tree.branch.as_deref(), tree.bare))
        .collect();
    assert_eq!(told, [("/r", Some("refs/heads/main"), false), ("/w x", None, false), ("/b", None, true)]);
}

#[test]
fn changes_have_their_lines() {
    let listing = b":100644 100755 1 2 M\0a\0:000000 100644 0 3 A\0b\tc\0:100644 120000 1 2 T\0l\0\
        3\t1\ta\0-\t-\tb\tc\0";
    let told = tell_changes(listing);
    assert_eq!(told.len(), 3);
    assert_eq!(
        (told[0].how, told[0].lines, told[0].new_mode.as_str()),
        (How::Modified, Some((3, 1)), "100755")
    );
    assert_eq!((told[1].path.as_str(), told[1].how, told[1].lines), ("b\tc", How::Added, None));
    assert_eq!(told[2].how, How::Kind);
    assert!(tell_changes(b":1 2\0").is_empty());
}

#[test]
fn a_patch_is_cut_between_its_files() {
    let patch = "diff --git a/x b/x\n@@ -1 +1 @@\n-diff --git a\n+b\ndiff --git a/y b/y\nnew file\n";
    assert_eq!(sections(patch).len(), 2);
    assert_eq!(sections(patch).concat(), patch);
    assert!(sections("").is_empty() && sections("no patch").is_empty());
}
