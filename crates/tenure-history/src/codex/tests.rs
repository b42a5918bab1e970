//! Rollouts written by hand, in scratch homes.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use serde_json::{Value, json};
use tenure_event::{PartBody, Role, ToolState};

use super::CodexReader;
use crate::{Found, Item, Reader, Want, Warning, list, scan};

const BASE: &str = "01a1f876-62b3-7482-9fe8-944ba2c7e577";
const FORK: &str = "01a1f876-64f3-7522-a3ee-fe4cc0c08163";

struct Ground {
    dir: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn rollout(&self, id: &str, lines: &[Value]) -> u64 {
        let dir = self.dir.path().join("sessions/2026/11/20");
        fs::create_dir_all(&dir).unwrap();
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(dir.join(format!("rollout-2026-11-20T10-17-50-{id}.jsonl")), &text).unwrap();
        text.len() as u64
    }

    /// Packs a rollout as Codex does with old ones; gives the packed file.
    fn pack(&self, id: &str) -> PathBuf {
        let plain = self.found(id).path;
        let packed = plain.with_extension("jsonl.zst");
        fs::write(&packed, zstd::encode_all(&fs::read(&plain).unwrap()[..], 3).unwrap()).unwrap();
        fs::remove_file(plain).unwrap();
        packed
    }

    fn reader(&self) -> CodexReader {
        CodexReader::new(vec![self.dir.path().to_owned()])
    }

    fn found(&self, id: &str) -> Found {
        scan(&self.reader()).0.into_iter().find(|found| found.native_id == id).unwrap()
    }

    fn texts(&self, id: &str) -> Vec<String> {
        let messages = self.reader().messages(&self.found(id), &Want::default()).unwrap();
        messages.items.into_iter().map(|message| message.text).collect()
    }

    fn items(&self, id: &str) -> Vec<Item> {
        let mut items = Vec::new();
        let mut each = |item| {
            items.push(item);
            ControlFlow::Continue(())
        };
        self.reader().read(&self.found(id), None, &mut each).unwrap();
        items
    }
}

fn line(kind: &str, payload: Value) -> Value {
    json!({"timestamp": "2026-11-20T10:17:50.553Z", "type": kind, "payload": payload})
}

fn meta(id: &str, more: Value) -> Value {
    let mut payload =
        json!({"id": id, "timestamp": "2026-11-20T10:17:50.536Z", "cwd": "/w", "cli_version": "1"});
    payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    line("session_meta", payload)
}

fn said(role: &str, id: &str, text: &str) -> Value {
    let kind = if role == "user" { "input_text" } else { "output_text" };
    line(
        "response_item",
        json!({"type": "message", "id": id, "role": role, "content": [{"type": kind, "text": text}]}),
    )
}

fn event(payload: Value) -> Value {
    line("event_msg", payload)
}

fn counted(id: &str) -> Value {
    line(
        "token_usage_record",
        json!({"response_id": id, "usage": {"input_tokens": 100, "cached_input_tokens": 40, "output_tokens": 7}}),
    )
}

#[test]
fn one_answer_of_the_model_is_one_message_with_its_calls_as_they_ended() {
    let ground = Ground::new();
    let call = |name: &str, id: &str, arguments: &str| {
        line(
            "response_item",
            json!({"type": "function_call", "id": format!("fc_{id}"), "name": name, "arguments": arguments, "call_id": id}),
        )
    };
    let item = json!({"type": "CommandExecution", "id": "c1", "status": "failed", "aggregated_output": "no\n", "exit_code": 2});
    ground.rollout(
        BASE,
        &[
            meta(BASE, json!({"git": {"branch": "trunk"}})),
            said("user", "e1", "<environment_context>x</environment_context>"),
            said("user", "u1", "do it"),
            event(json!({"type": "item_completed", "item": {"type": "UserMessage", "id": "shown"}})),
            line("response_item", json!({"type": "reasoning", "id": "r1", "summary": [{"type": "summary_text", "text": "hm"}]})),
            said("assistant", "m1", "well"),
            call("exec_command", "c1", r#"{"cmd":"ls"}"#),
            call("exec_command", "c2", r#"{"cmd":"pwd"}"#),
            counted("resp_1"),
            event(json!({"type": "item_completed", "item": item})),
            line("response_item", json!({"type": "function_call_output", "call_id": "c1", "output": "for the model"})),
            line("response_item", json!({"type": "function_call_output", "call_id": "c2", "output": "Process exited with code 0\nOutput:\n/w"})),
            said("assistant", "m2", "done"),
        ],
    );
    let messages = ground.reader().messages(&ground.found(BASE), &Want::default()).unwrap().items;
    assert_eq!(
        messages.iter().map(|message| message.role).collect::<Vec<_>>(),
        [Role::User, Role::Assistant, Role::Assistant]
    );
    assert_eq!(messages[0].native_ids, ["u1", "shown"]);
    let calls: Vec<(&str, ToolState, Option<&str>)> = messages[1]
        .parts
        .iter()
        .filter_map(|part| match &part.body {
            PartBody::Tool(tool) => Some((tool.title.as_str(), tool.state, tool.output.as_ref()?.as_str())),
            _ => None,
        })
        .collect();
    let told = Some("Process exited with code 0\nOutput:\n/w");
    assert_eq!(calls, [("ls", ToolState::Failed, Some("no\n")), ("pwd", ToolState::Completed, told)]);
    let usage = messages[1].usage.unwrap();
    assert_eq!((usage.input_tokens, usage.cache_read_tokens, usage.output_tokens), (60, 40, 7));
    let entry = ground.reader().describe(&ground.found(BASE)).unwrap().unwrap();
    assert_eq!(
        (entry.title.as_deref(), entry.git_branch.as_deref(), entry.cwd.as_deref()),
        (Some("do it"), Some("trunk"), Some("/w"))
    );
}

#[test]
fn a_fork_reads_on_from_where_its_base_stood() {
    let ground = Ground::new();
    let begun = [meta(BASE, json!({})), said("user", "u1", "first"), said("assistant", "m1", "one")];
    let end = ground.rollout(BASE, &begun);
    ground.rollout(BASE, &[&begun[..], &[said("user", "u2", "later")]].concat());
    let base = json!({"forked_from_id": BASE, "history_base": {"thread_id": BASE, "end_byte_offset": end}});
    ground.rollout(FORK, &[meta(FORK, base), said("user", "u3", "forked")]);
    assert_eq!(ground.texts(FORK), ["first", "one", "forked"]);
    assert_eq!(ground.items(FORK).len(), 1, "what was said before it is the base's");
    let entry = ground.reader().describe(&ground.found(FORK)).unwrap().unwrap();
    assert_eq!((entry.forked_from.as_deref(), entry.title.as_deref()), (Some(BASE), Some("first")));
}

#[test]
fn totals_that_are_told_twice_count_once_and_turns_taken_back_are_not_on_the_branch() {
    let ground = Ground::new();
    let count = |total: u64, last: u64| {
        let tokens = |n: u64| json!({"input_tokens": n, "output_tokens": 1});
        event(
            json!({"type": "token_count", "info": {"total_token_usage": tokens(total), "last_token_usage": tokens(last)}}),
        )
    };
    ground.rollout(
        BASE,
        &[
            meta(BASE, json!({})),
            event(json!({"type": "task_started"})),
            said("user", "u1", "keep"),
            said("assistant", "m1", "kept"),
            count(10, 10),
            count(10, 10),
            event(json!({"type": "task_started"})),
            said("user", "u2", "drop"),
            said("assistant", "m2", "dropped"),
            count(30, 20),
            event(json!({"type": "thread_rolled_back", "num_turns": 1})),
            said("user", "u3", "other"),
        ],
    );
    assert_eq!(ground.texts(BASE), ["keep", "kept", "other"]);
    let mut keys: Vec<String> = ground
        .items(BASE)
        .into_iter()
        .filter_map(|item| match item {
            Item::Used(used) => Some(used.key),
            _ => None,
        })
        .collect();
    keys.dedup();
    assert_eq!(keys.len(), 2, "{keys:?}");
}

#[test]
fn names_come_from_the_index_and_change_what_was_found() {
    let ground = Ground::new();
    ground.rollout(BASE, &[meta(BASE, json!({})), said("user", "u1", "asked")]);
    let before = ground.found(BASE).stamp;
    let name = |name: &str| json!({"id": BASE, "thread_name": name});
    fs::write(
        ground.dir.path().join("session_index.jsonl"),
        format!("{}\ntorn{{\n{}\n", name("old"), name("new")),
    )
    .unwrap();
    assert_ne!(ground.found(BASE).stamp, before);
    assert_eq!(list(&[&ground.reader()]).items[0].title.as_deref(), Some("new"));
}

/// Two turns, and a fork that leaves after the first.
fn talk(ground: &Ground) -> u64 {
    let context = line("turn_context", json!({"model": "gpt-5"}));
    let first =
        [meta(BASE, json!({})), context, said("user", "u1", "Hello."), said("assistant", "a1", "Hi.")];
    let end = ground.rollout(BASE, &first);
    let more = [counted("r1"), said("user", "u2", "And now?"), said("assistant", "a2", "Now this.")];
    ground.rollout(BASE, &[&first[..], &more].concat());
    ground.rollout(
        FORK,
        &[
            meta(
                FORK,
                json!({"forked_from_id": BASE, "history_base": {"thread_id": BASE, "end_byte_offset": end}}),
            ),
            said("user", "u3", "Otherwise?"),
            said("assistant", "a3", "Thus."),
        ],
    );
    end
}

/// What a rollout holds, without where it lies.
fn told(ground: &Ground, id: &str) -> (Vec<Item>, Vec<String>) {
    let without_path = |mut item| {
        match &mut item {
            Item::Message(said) => said.place.path = PathBuf::new(),
            Item::ToolEnded(outcome) => outcome.place.path = PathBuf::new(),
            _ => {}
        }
        item
    };
    (ground.items(id).into_iter().map(without_path).collect(), ground.texts(id))
}

#[test]
fn a_packed_rollout_is_read_as_the_plain_one() {
    let ground = Ground::new();
    talk(&ground);
    let entry = |id| {
        let found = ground.found(id);
        let entry = ground.reader().describe(&found).unwrap().unwrap();
        (entry.title, entry.model, entry.cwd, entry.first_input, entry.created_at, entry.native_id)
    };
    let plain = [BASE, FORK].map(|id| (entry(id), told(&ground, id)));
    assert_eq!(plain[0].1.1, ["Hello.", "Hi.", "And now?", "Now this."]);
    let packed = ground.pack(BASE);
    assert_eq!([BASE, FORK].map(|id| (entry(id), told(&ground, id))), plain, "the base of a fork is packed");
    ground.pack(FORK);
    assert_eq!([BASE, FORK].map(|id| (entry(id), told(&ground, id))), plain);

    // While Codex unpacks it both are there.
    let text = zstd::decode_all(&fs::read(&packed).unwrap()[..]).unwrap();
    fs::write(packed.with_extension(""), text).unwrap();
    let (all, warnings) = scan(&ground.reader());
    assert_eq!(all.iter().filter(|found| found.native_id == BASE).count(), 1);
    assert_eq!((&ground.found(BASE).path, warnings), (&packed.with_extension(""), Vec::new()));
}

#[test]
fn reading_goes_on_within_a_packed_rollout() {
    let ground = Ground::new();
    talk(&ground);
    ground.pack(BASE);
    let (found, all) = (ground.found(BASE), ground.items(BASE));
    let (mut mark, mut items) = (None, Vec::new());
    loop {
        let mut some = Vec::new();
        let mut one = |item| {
            some.push(item);
            ControlFlow::Break(())
        };
        mark = Some(ground.reader().read(&found, mark.as_ref(), &mut one).unwrap());
        if some.is_empty() {
            break;
        }
        items.extend(some);
    }
    assert_eq!(items, all);
}

#[test]
fn a_damaged_packed_rollout_costs_what_is_damaged() {
    let ground = Ground::new();
    talk(&ground);
    let lines: Vec<Value> =
        (0..5_000).map(|n| said("user", &format!("u{n}"), &format!("Number {n}."))).collect();
    ground.rollout(BASE, &[&[meta(BASE, json!({}))], &lines[..]].concat());
    let packed = ground.pack(BASE);
    let whole = fs::read(&packed).unwrap();
    fs::write(&packed, &whole[..whole.len() / 2]).unwrap();
    let found = ground.found(BASE);
    assert_eq!(ground.reader().describe(&found).unwrap().unwrap().title.as_deref(), Some("Number 0."));
    let messages = ground.reader().messages(&found, &Want::default()).unwrap();
    assert!(messages.total > 100 && messages.total < 5_000, "{}", messages.total);
    let is_told = |warning: &Warning| warning.path == packed && warning.detail.contains("cannot be unpacked");
    assert!(messages.warnings.iter().any(is_told), "{:?}", messages.warnings);

    // Of one that is no such file at all, only that is told.
    fs::write(&packed, "no such thing").unwrap();
    let listing = list(&[&ground.reader()]);
    assert_eq!(listing.items.iter().map(|item| item.native_id.as_str()).collect::<Vec<_>>(), [FORK]);
    let [warning] = &listing.warnings[..] else { panic!("{:?}", listing.warnings) };
    assert_eq!(warning.path, packed);
}

#[test]
fn what_a_path_belongs_to_is_what_a_scan_finds() {
    let ground = Ground::new();
    ground.rollout(BASE, &[meta(BASE, json!({}))]);
    let names = json!({"id": BASE, "thread_name": "A name"});
    fs::write(ground.dir.path().join("session_index.jsonl"), format!("{names}\n")).unwrap();
    let found = ground.found(BASE);
    assert_eq!(found.name.as_deref(), Some("A name"));
    assert_eq!(ground.reader().at(&found.path), Some(found.clone()));
    let packed = ground.pack(BASE);
    assert_eq!(ground.reader().at(&packed), Some(ground.found(BASE)));
    // For a moment both are there.
    fs::write(&found.path, "").unwrap();
    assert_eq!(ground.reader().at(&packed), None, "the plain one counts");
    for other in
        [found.path.with_file_name("notes.jsonl"), ground.dir.path().join(found.path.file_name().unwrap())]
    {
        fs::write(&other, "").unwrap();
        assert_eq!(ground.reader().at(&other), None, "{other:?}");
    }
}
