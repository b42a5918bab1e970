//! What Pi's own session manager lists and replays of a directory, and what it must agree with us about.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tenure_history::{Branch, Conversation, Item, PiReader, Reader, Want, list};
use tenure_test::agents::{AgentSetup, pi_package};

use super::{shown, told};
use crate::agents::driver::command;

/// What it says about a copy of a directory: it writes into what it opens.
fn manager(setup: &AgentSetup, agent_dir: &Path) -> Value {
    let copy = tempfile::tempdir().unwrap();
    copy_dir(&agent_dir.join("sessions"), &copy.path().join("sessions"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/history/pi.mjs");
    let out = command(&setup.command[0])
        .arg(script)
        .arg(pi_package())
        .env_clear()
        .env("HOME", copy.path())
        .env("PATH", "/usr/bin:/bin")
        .env("PI_CODING_AGENT_DIR", copy.path())
        .env("PI_OFFLINE", "1")
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

/// With the times of the files, which are what a list falls back to.
fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            let written = entry.metadata().unwrap().modified().unwrap();
            fs::File::options().append(true).open(&target).unwrap().set_modified(written).unwrap();
        }
    }
}

/// Compares lists and messages; how many conversations there are.
pub(super) fn agrees(setup: &AgentSetup, agent_dir: &Path) -> usize {
    let theirs = manager(setup, agent_dir);
    let reader = PiReader::new(vec![agent_dir.to_owned()]);
    let listing = list(&[&reader]);
    let mut sessions = theirs["sessions"].as_array().unwrap().clone();
    // Of equal times theirs has no order.
    sessions.sort_by_key(|one| (one["modified"].to_string(), one["id"].to_string()));
    sessions.reverse();
    let ours: Vec<Value> = listing.items.iter().map(|entry| ours(&reader, entry)).collect();
    let theirs_listed: Vec<Value> = sessions.iter().map(listed).collect();
    assert_eq!(ours, theirs_listed, "{:?}", listing.warnings);
    for entry in &listing.items {
        let replayed = theirs["messages"][&entry.native_id].as_array().unwrap();
        assert_eq!(shown(&super::super::messages(&reader, &entry.native_id)), told(replayed), "{entry:?}");
    }
    listing.items.len()
}

/// An entry of theirs, with what they say where there is nothing taken away.
fn listed(session: &Value) -> Value {
    let first = session["firstMessage"].as_str().filter(|text| *text != "(no messages)");
    let first = first.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let parent = session["parentSessionPath"].as_str().map(|path| {
        let name = Path::new(path).file_stem().unwrap().to_str().unwrap();
        name.split_once('_').unwrap().1.to_owned()
    });
    json!({
        "id": session["id"], "cwd": session["cwd"], "name": session["name"], "created": session["created"],
        "modified": session["modified"], "first": first, "parent": parent, "messages": session["messageCount"],
    })
}

/// An entry of ours in the same words.
fn ours(reader: &PiReader, entry: &Conversation) -> Value {
    let mut messages = 0;
    let found = super::super::found(reader, &entry.native_id);
    reader
        .read(&found, None, &mut |item| {
            messages += usize::from(matches!(item, Item::Message(_) | Item::ToolEnded(_)));
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    // Theirs counts entries that are messages: of ours those that stand in no such entry go, prompts of the system come.
    let text = fs::read_to_string(&entry.path).unwrap();
    let records: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let kinds = |kinds: &[&str]| {
        records.iter().filter(|record| kinds.contains(&record["type"].as_str().unwrap_or_default())).count()
    };
    let prompts = records.iter().filter(|record| record["message"]["role"] == "system").count();
    let messages = messages + prompts - kinds(&["compaction", "branch_summary", "custom_message"]);
    let all = Want { branch: Branch::All, ..Want::default() };
    assert!(reader.messages(&found, &all).unwrap().total <= messages);
    json!({
        "id": entry.native_id, "cwd": entry.cwd.clone().unwrap_or_default(), "name": entry.custom_title,
        "created": entry.created_at, "modified": entry.updated_at, "first": entry.first_input, "parent": entry.forked_from,
        "messages": messages,
    })
}
