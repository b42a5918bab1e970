use std::fs;

use serde_json::json;

use super::*;

fn lock() -> Value {
    json!({"packages": {
        "": {"name": "tenure-test-agents"},
        "node_modules/@a/one-x64": {"version": "1.0.0", "integrity": "sha512-1", "os": ["linux"], "cpu": ["x64"]},
        "node_modules/@a/one-arm": {"version": "1.0.0", "integrity": "sha512-2", "os": ["linux"], "cpu": ["arm64"]},
        "node_modules/word-arm": {"version": "1.0.0", "integrity": "sha512-4", "os": "linux", "cpu": "arm64"},
        "node_modules/two": {"version": "2.0.0", "integrity": "sha512-3"},
    }})
}

#[test]
fn only_this_platforms_packages_are_wanted() {
    assert_eq!(list(&packages(&lock(), "linux", "x64")), "@a/one-x64@1.0.0, two@2.0.0");
    assert_eq!(list(&packages(&lock(), "darwin", "arm64")), "two@2.0.0");
}

#[test]
fn a_package_is_there_if_npm_recorded_it_as_pinned_and_its_files_are() {
    let project = tempfile::tempdir().unwrap();
    let wanted = packages(&lock(), "linux", "x64");
    assert_eq!(list(&missing(project.path(), &wanted)), "@a/one-x64@1.0.0, two@2.0.0");
    for package in &wanted {
        let folder = project.path().join(&package.folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("package.json"), "{}").unwrap();
    }
    assert_eq!(missing(project.path(), &wanted).len(), 2, "npm has recorded nothing yet");
    let mut record = lock();
    record["packages"]["node_modules/two"]["integrity"] = json!("sha512-old");
    fs::write(project.path().join("node_modules/.package-lock.json"), record.to_string()).unwrap();
    assert_eq!(list(&missing(project.path(), &wanted)), "two@2.0.0");
}

#[test]
fn the_committed_lockfile_pins_agents_and_names_no_host() {
    let text = fs::read_to_string(root().join("tests/agents/package-lock.json")).unwrap();
    assert!(!text.contains("resolved") && !text.contains("://"), "a download address stands in the lockfile");
    let wanted = list(&packages(&serde_json::from_str(&text).unwrap(), "linux", "x64"));
    for agent in
        ["claude-code-linux-x64", "goose-binary-linux-x64", "opencode", "codex-linux-x64", "pi-coding-agent"]
    {
        assert!(wanted.contains(agent), "{agent} is not among {wanted}");
    }
    // What stands in the place of the SDK's own programs is empty, and the same for every machine.
    let programs = wanted.split(", ").filter(|one| !one.starts_with("@anthropic-ai/claude-agent-sdk-"));
    assert!(programs.into_iter().all(|one| !one.contains("arm64")), "{wanted}");
}
