//! Bad input: what is damaged is told with its path and costs itself; everything else is still listed and read.

use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use tenure_history::{
    ClaudeReader, CodexReader, GooseReader, Item, MAX_LINE, Mark, OpenCodeReader, PiReader, Reader, Want,
    Warning, WarningKind, list, scan,
};

/// An agent that keeps a file of lines for each conversation.
struct Files {
    dir: tempfile::TempDir,
    /// Below the root.
    folder: &'static str,
    name: fn(u32) -> String,
    head: fn(u32) -> Option<Value>,
    says: fn(u32, &str, Value) -> Value,
    reader: fn(PathBuf) -> Box<dyn Reader>,
}

fn id(n: u32) -> String {
    format!("019aa000-0000-7000-8000-{n:012}")
}

fn each_agent() -> [Files; 3] {
    let dir = || tempfile::tempdir().expect("scratch");
    [
        Files {
            dir: dir(),
            folder: "projects/-w",
            name: |n| format!("{}.jsonl", id(n)),
            head: |_| None,
            says: |n, text, ts| {
                json!({
                    "type": "user", "uuid": format!("u-{text}"), "parentUuid": null, "cwd": "/w", "sessionId": id(n),
                    "timestamp": ts, "isSidechain": false, "message": {"role": "user", "content": text},
                })
            },
            reader: |root| Box::new(ClaudeReader::new(vec![root])),
        },
        Files {
            dir: dir(),
            folder: "sessions/2026/11/20",
            name: |n| format!("rollout-2026-11-20T10-17-50-{}.jsonl", id(n)),
            head: |n| {
                let payload = json!({"id": id(n), "timestamp": TIME, "cwd": "/w", "cli_version": "1"});
                Some(json!({"timestamp": TIME, "type": "session_meta", "payload": payload}))
            },
            says: |_, text, ts| {
                let content = json!([{"type": "input_text", "text": text}]);
                let payload =
                    json!({"type": "message", "id": format!("m-{text}"), "role": "user", "content": content});
                json!({"timestamp": ts, "type": "response_item", "payload": payload})
            },
            reader: |root| Box::new(CodexReader::new(vec![root])),
        },
        Files {
            dir: dir(),
            folder: "sessions/--w--",
            name: |n| format!("2026-11-20T10-19-38-960Z_{}.jsonl", id(n)),
            head: |n| {
                Some(json!({"type": "session", "version": 3, "id": id(n), "timestamp": TIME, "cwd": "/w"}))
            },
            says: |_, text, ts| {
                let content = json!([{"type": "text", "text": text}]);
                let message = json!({"role": "user", "content": content});
                json!({"type": "message", "id": format!("e-{text}"), "parentId": null, "timestamp": ts, "message": message})
            },
            reader: |root| Box::new(PiReader::new(vec![root])),
        },
    ]
}

const TIME: &str = "2026-11-20T10:17:50.553Z";

impl Files {
    fn path(&self, n: u32) -> PathBuf {
        self.dir.path().join(self.folder).join((self.name)(n))
    }

    fn line(&self, n: u32, text: &str) -> String {
        format!("{}\n", (self.says)(n, text, json!(TIME)))
    }

    /// Writes a conversation: its head, and these bytes.
    fn write(&self, n: u32, rest: &[u8]) -> PathBuf {
        let path = self.path(n);
        fs::create_dir_all(self.dir.path().join(self.folder)).expect("made");
        let head = (self.head)(n).map(|head| format!("{head}\n")).unwrap_or_default();
        fs::write(&path, [head.as_bytes(), rest].concat()).expect("written");
        path
    }

    fn reader(&self) -> Box<dyn Reader> {
        (self.reader)(self.dir.path().to_owned())
    }

    fn read(&self, n: u32, mark: Option<&Mark>) -> (Vec<Item>, Mark) {
        self.read_while(n, mark, &mut || {})
    }

    /// Reads on, and does something at every item.
    fn read_while(&self, n: u32, mark: Option<&Mark>, meanwhile: &mut dyn FnMut()) -> (Vec<Item>, Mark) {
        let reader = self.reader();
        let (all, _) = scan(reader.as_ref());
        let found = all.into_iter().find(|found| found.native_id == id(n)).expect("found");
        let mut items = Vec::new();
        let mark = reader.read(&found, mark, &mut |item| {
            meanwhile();
            items.push(item);
            ControlFlow::Continue(())
        });
        (items, mark.expect("read"))
    }
}

fn texts(items: &[Item]) -> Vec<&str> {
    let said = items.iter().filter_map(|item| match item {
        Item::Message(said) => Some(said.message.text.as_str()),
        _ => None,
    });
    said.collect()
}

fn warnings(items: &[Item]) -> Vec<&Warning> {
    let told = items.iter().filter_map(|item| match item {
        Item::Warning(warning) => Some(warning),
        _ => None,
    });
    told.collect()
}

#[test]
fn huge_lines_and_binary_junk_cost_themselves() {
    for agent in each_agent() {
        let mut bytes = agent.line(1, "before").into_bytes();
        bytes.extend(b"{\"type\":\"user\",\"text\":\"");
        bytes.resize(bytes.len() + MAX_LINE, b'x');
        bytes.extend(b"\"}\n\x00\xff\xfe\x01 junk\n\n[[[[\n");
        bytes.extend(agent.line(1, "after").into_bytes());
        let path = agent.write(1, &bytes);
        let (items, _) = agent.read(1, None);
        assert_eq!(texts(&items), ["before", "after"], "{}", agent.folder);
        let told = warnings(&items);
        assert!(told.iter().all(|warning| warning.path == path && warning.offset.is_some()), "{told:?}");
        let kinds: Vec<WarningKind> = told.iter().map(|warning| warning.kind).collect();
        assert_eq!(
            kinds,
            [WarningKind::Oversized, WarningKind::Malformed, WarningKind::Malformed],
            "{}",
            agent.folder
        );
        // It is listed, as is the one beside it that is nothing but junk, or that one is left out with a word.
        fs::write(agent.path(2), [0_u8, 159, 146, 150].repeat(1000)).unwrap();
        let listing = list(&[agent.reader().as_ref()]);
        assert!(listing.items.iter().any(|entry| entry.native_id == id(1)), "{}", agent.folder);
        let page = agent.reader().messages(&scan(agent.reader().as_ref()).0[0], &Want::default());
        assert!(page.is_ok(), "{page:?}");
    }
}

#[test]
fn clocks_that_lie_do_not_hide_what_was_said() {
    let lies = [
        json!("1871-01-01T00:00:00Z"),
        json!("9999-12-31T23:59:59Z"),
        json!("yesterday"),
        json!(-12),
        Value::Null,
    ];
    for agent in each_agent() {
        let lines = lies
            .iter()
            .enumerate()
            .map(|(at, lie)| format!("{}\n", (agent.says)(1, &format!("t{at}"), lie.clone())));
        let path = agent.write(1, lines.collect::<String>().as_bytes());
        let (items, _) = agent.read(1, None);
        assert_eq!(texts(&items).len(), lies.len(), "{}", agent.folder);
        for item in &items {
            if let Item::Message(said) = item {
                let year = said.message.ts.to_string()[..4].parse::<u32>().unwrap();
                assert!((2000..2200).contains(&year), "{}", said.message.ts);
            }
        }
        let told = warnings(&items);
        assert!(
            told.iter().any(|warning| warning.kind == WarningKind::Clock && warning.path == path),
            "{told:?}"
        );
        // Nor does a file from another century.
        for seconds in [-3_000_000_000_i64, 9_000_000_000] {
            let away = Duration::from_secs(seconds.unsigned_abs());
            let time = if seconds < 0 { UNIX_EPOCH - away } else { UNIX_EPOCH + away };
            fs::File::options().append(true).open(&path).unwrap().set_modified(time).unwrap();
            let listing = list(&[agent.reader().as_ref()]);
            assert_eq!(listing.items.len(), 1, "{}: {:?}", agent.folder, listing.warnings);
        }
    }
}

#[test]
fn loops_pipes_and_what_is_no_directory_are_told_and_passed_by() {
    for agent in each_agent() {
        let path = agent.write(1, agent.line(1, "here").as_bytes());
        let folder = path.parent().unwrap();
        std::os::unix::fs::symlink(agent.dir.path(), folder.join("loop")).unwrap();
        std::os::unix::fs::symlink(&path, agent.path(2)).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, agent.path(3), rustix::fs::Mode::RUSR).unwrap();
        fs::create_dir(agent.path(4)).unwrap();
        let listing = list(&[agent.reader().as_ref()]);
        let ids: Vec<&str> = listing.items.iter().map(|entry| entry.native_id.as_str()).collect();
        assert_eq!(ids, [id(1)], "{}", agent.folder);
        for wrong in [2, 3] {
            let told = listing.warnings.iter().any(|warning| warning.path == agent.path(wrong));
            assert!(told, "{}: {:?}", agent.folder, listing.warnings);
        }
        // A root that is a file, and one that is not there.
        let root = agent.dir.path().join("no-root");
        let top = Path::new(agent.folder).iter().next().unwrap();
        fs::create_dir(&root).unwrap();
        fs::write(root.join(top), "a file").unwrap();
        let other = (agent.reader)(root.clone());
        let nowhere = (agent.reader)(root.join("nowhere"));
        let listing = list(&[other.as_ref(), nowhere.as_ref(), agent.reader().as_ref()]);
        assert_eq!(listing.items.len(), 1);
        assert!(
            listing.warnings.iter().any(|warning| warning.path == root.join(top)),
            "{:?}",
            listing.warnings
        );
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_told_and_read_again() {
    for agent in each_agent() {
        let many: String = (0..20_000).map(|n| agent.line(1, &format!("message number {n}"))).collect();
        let path = agent.write(1, many.as_bytes());
        let (items, mark) = agent.read_while(1, None, &mut || {
            fs::File::options().write(true).open(&path).unwrap().set_len(100).unwrap();
        });
        assert!(texts(&items).len() < 20_000, "{}", agent.folder);
        let told = warnings(&items);
        assert!(
            told.iter().any(|warning| warning.kind == WarningKind::Shrunk && warning.path == path),
            "{told:?}"
        );
        agent.write(1, agent.line(1, "anew").as_bytes());
        let (items, _) = agent.read(1, Some(&mark));
        assert!(matches!(items.first(), Some(Item::Reset)), "{items:?}");
        assert_eq!(texts(&items), ["anew"]);
    }
}

#[test]
fn a_file_that_is_replaced_while_it_is_read_is_read_again() {
    for agent in each_agent() {
        let path = agent.write(1, (agent.line(1, "one") + &agent.line(1, "two")).as_bytes());
        let new = agent.dir.path().join("new");
        let (items, mark) = agent.read_while(1, None, &mut || {
            if path.exists() && !new.exists() {
                fs::copy(&path, &new).unwrap();
                let mut file = fs::File::options().append(true).open(&new).unwrap();
                file.write_all(agent.line(1, "three").as_bytes()).unwrap();
                fs::rename(&new, &path).unwrap();
                fs::write(&new, "").unwrap();
            }
        });
        assert_eq!(texts(&items), ["one", "two"], "as it was when it was opened: {}", agent.folder);
        let (items, _) = agent.read(1, Some(&mark));
        assert!(matches!(items.first(), Some(Item::Reset)), "{items:?}");
        assert_eq!(texts(&items), ["one", "two", "three"]);
    }
}

#[test]
fn what_is_gone_before_it_is_read_is_an_error_that_names_it() {
    for agent in each_agent() {
        let path = agent.write(1, agent.line(1, "here").as_bytes());
        let reader = agent.reader();
        let (found, _) = scan(reader.as_ref());
        fs::remove_file(&path).unwrap();
        let told = [
            reader.describe(&found[0]).map(|_| ()).unwrap_err().to_string(),
            reader.messages(&found[0], &Want::default()).map(|_| ()).unwrap_err().to_string(),
            reader
                .read(&found[0], None, &mut |_| ControlFlow::Continue(()))
                .map(|_| ())
                .unwrap_err()
                .to_string(),
        ];
        assert!(told.iter().all(|text| text.contains(path.to_str().unwrap())), "{told:?}");
    }
}

#[test]
fn databases_that_are_none_are_told_with_their_path() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().to_owned();
    fs::create_dir(root.join("sessions")).unwrap();
    let readers: [(Box<dyn Reader>, PathBuf); 2] = [
        (Box::new(GooseReader::new(vec![root.clone()])), root.join("sessions/sessions.db")),
        (Box::new(OpenCodeReader::new(vec![root.clone()])), root.join("opencode.db")),
    ];
    for (reader, path) in &readers {
        for junk in [&b""[..], b"no database at all", b"SQLite format 3\0and then nothing of it"] {
            fs::write(path, junk).unwrap();
            let (found, told) = scan(reader.as_ref());
            assert!(found.is_empty());
            assert!(told.iter().any(|warning| warning.path == *path), "{junk:?}: {told:?}");
        }
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
        let (_, told) = scan(reader.as_ref());
        assert!(told.iter().any(|warning| warning.path == *path), "{told:?}");
    }
}
