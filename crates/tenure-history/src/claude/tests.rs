//! Transcripts written by hand, in scratch directories.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tenure_event::{PartBody, ToolState};

use super::ClaudeReader;
use crate::{Branch, Found, Item, Mark, Reader, Want, WarningKind, files, list, scan};

const ID: &str = "00000000-0000-4000-8000-000000000001";

/// A configuration directory with one project.
struct Ground {
    dir: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("projects/-w")).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("projects/-w").join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn transcript(&self, records: &[Value]) -> PathBuf {
        self.write(&format!("{ID}.jsonl"), lines(records))
    }

    fn reader(&self) -> ClaudeReader {
        ClaudeReader::new(vec![self.dir.path().to_owned()])
    }

    fn found(&self) -> Found {
        scan(&self.reader()).0.into_iter().next().unwrap()
    }

    fn texts(&self, want: &Want) -> Vec<String> {
        let messages = self.reader().messages(&self.found(), want).unwrap();
        messages.items.into_iter().map(|message| message.text).collect()
    }
}

fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

fn record(kind: &str, uuid: &str, parent: Option<&str>, message: Value) -> Value {
    json!({
        "type": kind, "uuid": uuid, "parentUuid": parent, "message": message, "cwd": "/w", "sessionId": ID,
        "timestamp": "2026-11-20T01:00:00.000Z", "isSidechain": false, "gitBranch": "main",
    })
}

fn user(uuid: &str, parent: Option<&str>, text: &str) -> Value {
    record("user", uuid, parent, json!({"role": "user", "content": text}))
}

fn model(uuid: &str, parent: &str, id: &str, block: Value) -> Value {
    let usage = json!({"input_tokens": 10, "output_tokens": 2});
    let message = json!({"id": id, "role": "assistant", "model": "m", "content": [block], "usage": usage});
    record("assistant", uuid, Some(parent), message)
}

fn says(uuid: &str, parent: &str, id: &str, text: &str) -> Value {
    model(uuid, parent, id, json!({"type": "text", "text": text}))
}

fn pointer(leaf: &str) -> Value {
    json!({"type": "last-prompt", "leafUuid": leaf, "lastPrompt": "p", "sessionId": ID})
}

fn read(ground: &Ground, found: &Found, mark: Option<&Mark>) -> (Vec<Item>, Mark) {
    let mut items = Vec::new();
    let mark = ground
        .reader()
        .read(found, mark, &mut |item| {
            items.push(item);
            ControlFlow::Continue(())
        })
        .unwrap();
    (items, mark)
}

#[test]
fn pieces_of_a_message_and_results_of_its_calls_are_one_message() {
    let ground = Ground::new();
    let result = json!({"content": [{"type": "tool_result", "tool_use_id": "t1", "content": "out"}]});
    ground.transcript(&[
        user("u1", None, "do it"),
        says("a1", "u1", "msg_1", "well"),
        model(
            "a2",
            "a1",
            "msg_1",
            json!({"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}}),
        ),
        record("user", "u2", Some("a2"), result),
        says("a3", "u2", "msg_2", "done"),
    ]);
    let messages = ground.reader().messages(&ground.found(), &Want::default()).unwrap();
    assert_eq!(messages.total, 3);
    let second = &messages.items[1];
    assert_eq!(second.native_ids, ["msg_1", "a1", "a2", "u2"]);
    let PartBody::Tool(tool) = &second.parts[1].body else { panic!("{second:?}") };
    assert_eq!((tool.state, tool.title.as_str()), (ToolState::Completed, "ls"));
    assert_eq!(tool.output, Some(json!("out")));
    let page = Want { skip: 1, limit: 1, ..Want::default() };
    assert_eq!(ground.texts(&page), ["well"]);
}

#[test]
fn the_branch_is_the_one_that_a_resume_takes() {
    let ground = Ground::new();
    let fork = [
        user("u1", None, "first"),
        says("a1", "u1", "m1", "one"),
        user("u2", Some("a1"), "left"),
        says("a2", "u2", "m2", "left answer"),
        user("u3", Some("a1"), "right"),
        says("a3", "u3", "m3", "right answer"),
    ];
    ground.transcript(&fork);
    assert_eq!(
        ground.texts(&Want::default()),
        ["first", "one", "right", "right answer"],
        "the last in the file"
    );
    ground.transcript(&[&fork[..], &[pointer("a2")]].concat());
    assert_eq!(ground.texts(&Want::default()), ["first", "one", "left", "left answer"], "where it points");
    let on = [pointer("a2"), user("u4", Some("a2"), "on"), user("u5", Some("a3"), "elsewhere")];
    ground.transcript(&[&fork[..], &on].concat());
    assert_eq!(ground.texts(&Want::default()).last().unwrap(), "on", "what follows the pointer's leaf");
    let rewound = json!({"type": "last-prompt", "leafUuid": "a1", "cutUuid": "u2", "rewound": true});
    ground.transcript(&[&fork[..4], &[rewound]].concat());
    assert_eq!(ground.texts(&Want::default()), ["first", "one"], "what was taken back is not on it");
    let all = Want { branch: Branch::All, ..Want::default() };
    assert_eq!(ground.texts(&all).len(), 4);
}

#[test]
fn damage_costs_what_is_damaged() {
    let ground = Ground::new();
    let path = ground.transcript(&[user("u1", None, "first")]);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(b"\x00\xff\xfe binary\n{\"type\":\"user\",\"uu\n[1,2]\n");
    bytes.extend(lines(&[says("a1", "u1", "m1", "said")]).into_bytes());
    bytes.extend(b"{\"type\":\"assistant\",\"uuid\":\"torn");
    fs::write(&path, &bytes).unwrap();
    assert_eq!(ground.texts(&Want::default()), ["first", "said"]);
    let (items, mark) = read(&ground, &ground.found(), None);
    let kinds: Vec<WarningKind> = items
        .iter()
        .filter_map(|item| match item {
            Item::Warning(warning) => Some(warning.kind),
            _ => None,
        })
        .collect();
    let bad = WarningKind::Malformed;
    assert_eq!(kinds, [bad, bad, bad, WarningKind::Torn]);
    // The torn line was not passed over: whole, it is read.
    bytes.extend(b"\",\"parentUuid\":\"a1\",\"message\":{\"id\":\"m2\",\"content\":\"rest\"}}\n");
    fs::write(&path, &bytes).unwrap();
    let (items, _) = read(&ground, &ground.found(), Some(&mark));
    assert!(
        matches!(&items[..], [Item::Warning(_), Item::Message(said)] if said.message.text == "rest"),
        "{items:?}"
    );
}

#[test]
fn reading_goes_on_where_it_ended_and_starts_again_when_the_file_is_another() {
    let ground = Ground::new();
    let path = ground.transcript(&[user("u1", None, "first")]);
    let found = ground.found();
    let (items, mark) = read(&ground, &found, None);
    assert_eq!(items.len(), 1);
    assert!(read(&ground, &found, Some(&mark)).0.is_empty());
    let more = fs::read_to_string(&path).unwrap() + &lines(&[says("a1", "u1", "m1", "more")]);
    fs::write(&path, more).unwrap();
    assert_ne!(ground.found().stamp, found.stamp);
    let (items, mark) = read(&ground, &found, Some(&mark));
    assert!(matches!(&items[..], [Item::Message(_), Item::Used(used)] if used.key == "m1"), "{items:?}");
    ground.transcript(&[user("u9", None, "other")]);
    let (items, _) = read(&ground, &found, Some(&mark));
    assert!(matches!(&items[..], [Item::Reset, Item::Message(_)]), "{items:?}");
}

#[test]
fn a_file_that_another_text_was_written_into_is_read_anew_though_it_begins_the_same_and_is_longer() {
    let ground = Ground::new();
    let long = "word ".repeat(2_000);
    let first = user("u1", None, &long);
    let path = ground.transcript(&[first.clone(), says("a1", "u1", "m1", "what was said then")]);
    let found = ground.found();
    let (_, mark) = read(&ground, &found, None);
    // As `cp` writes: into the same file.
    let other = [first, says("a2", "u1", "m2", "something else"), user("u2", Some("a2"), &long)];
    let (before, text) = (fs::metadata(&path).unwrap(), lines(&other));
    fs::write(&path, &text).unwrap();
    let after = fs::metadata(&path).unwrap();
    assert!(files::identity(&before) == files::identity(&after) && after.len() > before.len());
    let (items, mark) = read(&ground, &ground.found(), Some(&mark));
    assert_eq!(items, [vec![Item::Reset], read(&ground, &found, None).0].concat());
    assert!(read(&ground, &found, Some(&mark)).0.is_empty(), "and is known from then on");
}

#[test]
fn what_cannot_be_looked_at_is_told_and_the_rest_is_listed() {
    let ground = Ground::new();
    ground.transcript(&[user("u1", None, "here")]);
    let projects = ground.dir.path().join("projects");
    std::os::unix::fs::symlink(&projects, projects.join("loop")).unwrap();
    let pipe = ground.path("00000000-0000-4000-8000-00000000000f.jsonl");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", ground.path("00000000-0000-4000-8000-00000000000e.jsonl"))
        .unwrap();
    ground.write("notes.jsonl", "not a session");
    let listing = list(&[&ground.reader()]);
    assert_eq!(listing.items.len(), 1);
    let kinds: Vec<WarningKind> = listing.warnings.iter().map(|warning| warning.kind).collect();
    assert_eq!(kinds.len(), 3, "{:?}", listing.warnings);
    assert!(kinds.contains(&WarningKind::NotAFile) && kinds.contains(&WarningKind::Link));
}

#[test]
fn a_first_record_of_a_megabyte_is_listed_with_its_directory() {
    let ground = Ground::new();
    let long = format!("/w{}", "/directory".repeat(100_000));
    let mut first = user("u1", None, "here");
    first["cwd"] = json!(long);
    ground.transcript(&[first, says("a1", "u1", "m1", "there")]);
    let listing = list(&[&ground.reader()]);
    let [entry] = &listing.items[..] else { panic!("{:?}", listing.warnings) };
    assert_eq!((entry.first_input.as_deref(), entry.cwd.as_deref()), (Some("here"), Some(long.as_str())));
    // And one behind which the first prompt stands, and one that is the first prompt.
    let note = json!({"type": "queue-operation", "content": "x".repeat(300_000), "sessionId": ID});
    ground.transcript(&[note, user("u1", None, "behind it")]);
    assert_eq!(list(&[&ground.reader()]).items[0].first_input.as_deref(), Some("behind it"));
    let note = json!({"type": "queue-operation", "sessionId": ID});
    ground.transcript(&[note, user("u1", None, &"word ".repeat(300_000))]);
    assert!(list(&[&ground.reader()]).items[0].first_input.as_deref().unwrap().starts_with("word word"));
}

#[test]
fn a_directory_whose_name_is_no_text_is_told() {
    use std::os::unix::ffi::OsStrExt as _;
    let ground = Ground::new();
    ground.transcript(&[user("u1", None, "here")]);
    let odd = ground.dir.path().join("projects").join(std::ffi::OsStr::from_bytes(b"-w-\xff"));
    fs::create_dir(&odd).unwrap();
    fs::write(odd.join("00000000-0000-4000-8000-000000000002.jsonl"), lines(&[user("u1", None, "there")]))
        .unwrap();
    let listing = list(&[&ground.reader()]);
    assert_eq!(listing.items.len(), 1);
    let [told] = &listing.warnings[..] else { panic!("{:?}", listing.warnings) };
    assert_eq!((&told.path, told.kind), (&odd, WarningKind::Unreadable));
    assert!(told.detail.contains("not UTF-8"), "{told}");
}

#[test]
fn a_directory_that_may_not_be_opened_is_told_and_the_others_are_listed() {
    use std::os::unix::fs::PermissionsExt as _;
    let ground = Ground::new();
    ground.transcript(&[user("u1", None, "here")]);
    let closed = ground.dir.path().join("projects/-closed");
    fs::create_dir(&closed).unwrap();
    fs::write(closed.join("00000000-0000-4000-8000-000000000002.jsonl"), lines(&[user("u1", None, "there")]))
        .unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(&closed, 0o000);
    mode(ground.dir.path(), 0o755);
    // To root nothing is closed: then a thread looks that is somebody else.
    let listing = std::thread::scope(|scope| {
        let looks = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                let nobody = rustix::thread::Uid::from_raw(65_534);
                rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            }
            list(&[&ground.reader()])
        });
        looks.join().unwrap()
    });
    mode(&closed, 0o755);
    assert_eq!(listing.items.len(), 1, "{:?}", listing.warnings);
    let [told] = &listing.warnings[..] else { panic!("{:?}", listing.warnings) };
    assert_eq!((&told.path, told.kind), (&closed, WarningKind::Unreadable));
    assert!(told.detail.contains("Permission denied"), "{told}");
    assert_eq!(list(&[&ground.reader()]).items.len(), 2, "it is opened again");
}

#[test]
fn of_two_copies_the_newer_counts() {
    let ground = Ground::new();
    let old = ground.transcript(&[user("u1", None, "old")]);
    fs::File::options().append(true).open(&old).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let other = ground.dir.path().join("projects/-x");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join(format!("{ID}.jsonl")), lines(&[user("u1", None, "new")])).unwrap();
    let listing = list(&[&ground.reader()]);
    assert_eq!(listing.items.len(), 1);
    assert_eq!(listing.items[0].first_input.as_deref(), Some("new"));
    assert_eq!(listing.items[0].cwd.as_deref(), Some("/w"), "as its records say");
}

#[test]
fn a_subagent_is_read_with_the_call_that_it_works_for() {
    let ground = Ground::new();
    ground.transcript(&[user("u1", None, "delegate")]);
    let side = |mut record: Value| {
        record["isSidechain"] = json!(true);
        record["agentId"] = json!("x1");
        record
    };
    let records = [side(user("s1", None, "sub task")), side(says("s2", "s1", "ms", "sub answer"))];
    ground.write(&format!("{ID}/subagents/agent-x1.jsonl"), lines(&records));
    ground.write(&format!("{ID}/subagents/agent-x1.meta.json"), r#"{"toolUseId":"toolu_7"}"#);
    let found = ground.found();
    assert_eq!(ground.reader().describe(&found).unwrap().unwrap().subagents, 1);
    let want = Want { subagent: Some("x1".to_owned()), ..Want::default() };
    let messages = ground.reader().messages(&found, &want).unwrap();
    assert_eq!(messages.items[1].text, "sub answer");
    assert_eq!(messages.items[1].parent_tool_id.as_deref(), Some("toolu_7"));
    let (items, _) = read(&ground, &found, None);
    let from_sub =
        |item: &Item| matches!(item, Item::Message(said) if said.subagent.as_deref() == Some("x1"));
    assert_eq!(items.iter().filter(|item| from_sub(item)).count(), 2);
    assert!(matches!(&items[items.len() - 1], Item::Used(used) if used.subagent.as_deref() == Some("x1")));
}

#[test]
fn loops_of_parents_end() {
    let ground = Ground::new();
    ground.transcript(&[user("u1", Some("u2"), "one"), user("u2", Some("u1"), "two"), pointer("u2")]);
    assert_eq!(ground.texts(&Want::default()).len(), 2);
    assert!(Path::new(&ground.found().path).is_file());
}

#[test]
fn what_a_path_belongs_to_is_what_a_scan_finds() {
    let ground = Ground::new();
    let path = ground.transcript(&[user("u1", None, "here")]);
    let (reader, found) = (ground.reader(), ground.found());
    assert_eq!(reader.at(&path), Some(found));
    let side = ground.write(&format!("{ID}/subagents/agent-a1.jsonl"), lines(&[user("s1", None, "beside")]));
    let mark = ground.write(&format!("{ID}/archived.json"), "{}");
    let found = ground.found();
    assert_eq!(found.parts, std::slice::from_ref(&side));
    for path in [&path, &side, &mark] {
        assert_eq!(reader.at(path).as_ref(), Some(&found), "{path:?}");
    }
    let lonely = ID.replace("0001", "0002");
    for other in ["notes.txt".to_owned(), format!("{lonely}/archived.json"), "settings.jsonl".to_owned()] {
        assert_eq!(reader.at(&ground.write(&other, "{}")), None, "{other}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(reader.at(&path), None, "it is gone");
    assert_eq!(reader.at(&ground.dir.path().join("projects")), None);
}
