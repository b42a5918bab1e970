//! The official SDK of Claude Code, and what it must agree with us about.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tenure_event::{Message, PartBody, Role, Timestamp};
use tenure_history::{ClaudeReader, Conversation, Reader, list};
use tenure_test::agents::claude_sdk;

use crate::agents::driver::command;

/// What the SDK says about a configuration directory.
pub(super) fn sdk(config: &Path) -> Value {
    let (node, folder) = claude_sdk().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/history/sdk.mjs");
    let out = command(&node)
        .arg(script)
        .arg(folder)
        .arg("all")
        .env_clear()
        .env("HOME", config)
        .env("PATH", "/usr/bin:/bin")
        .env("CLAUDE_CONFIG_DIR", config)
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Compares lists and messages; gives how many conversations went another way, as the pointer in them says.
pub(super) fn agrees(config: &Path) -> usize {
    let reader = ClaudeReader::new(vec![config.to_owned()]);
    let told = sdk(config);
    let listing = list(&[&reader]);
    let theirs = told["sessions"].as_array().unwrap();
    let ours: Vec<Value> = listing.items.iter().map(entry).collect();
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert_eq!(ours, theirs);
    }
    let mut elsewhere = 0;
    for entry in &listing.items {
        let (id, theirs) = (&entry.native_id, &told["messages"][&entry.native_id]);
        let ours = super::messages(&reader, id);
        let theirs = theirs.as_array().unwrap();
        if goes_elsewhere(&entry.path, theirs) {
            elsewhere += 1;
        } else {
            same(id, &ours, theirs);
        }
        subagents(&reader, id, &told["subagents"][id]);
    }
    elsewhere
}

/// An entry in the SDK's words.
fn entry(entry: &Conversation) -> Value {
    let ms = |ts: Timestamp| json!(ts.as_millis());
    let mut told = json!({
        "sessionId": entry.native_id, "summary": entry.title, "lastModified": ms(entry.updated_at), "fileSize": entry.size_bytes,
    });
    let more = [
        ("customTitle", json!(entry.custom_title)),
        ("firstPrompt", json!(entry.first_input)),
        ("gitBranch", json!(entry.git_branch)),
        ("cwd", json!(entry.cwd)),
        ("tag", json!(entry.tags.first())),
        ("createdAt", entry.created_at.map_or(Value::Null, ms)),
        ("archived", json!(entry.archived)),
    ];
    for (key, value) in more {
        if !value.is_null() {
            told[key] = value;
        }
    }
    told
}

/// Every record that the SDK gives went into one message here, in the same order, with the same words; and nothing
/// else is shown.
fn same(id: &str, ours: &[Message], theirs: &[Value]) {
    let owners = super::owners(ours);
    let mut order = Vec::new();
    let mut texts: HashMap<usize, Vec<String>> = HashMap::new();
    for record in theirs {
        let uuid = record["uuid"].as_str().unwrap();
        let at = *owners.get(uuid).unwrap_or_else(|| panic!("{id}: {record} went into no message"));
        let results_only =
            tool_results(record).len() == record["message"]["content"].as_array().map_or(0, Vec::len);
        if !order.contains(&at) {
            order.push(at);
            assert_eq!(ours[at].role == Role::User, record["type"] == "user", "{id}: {record}");
            let when: Timestamp = record["timestamp"].as_str().unwrap().parse().unwrap();
            assert_eq!(ours[at].ts, when, "{id}: {record}");
        }
        if record["message"]["content"].is_string() || !results_only {
            texts.entry(at).or_default().extend(said(record));
        }
        for result in tool_results(record) {
            gave(id, &ours[at], result);
        }
    }
    let sorted: Vec<usize> = (0..ours.len()).collect();
    assert_eq!(order, sorted, "{id}: another order, or messages that the SDK has not");
    for (at, texts) in texts {
        assert_eq!(ours[at].text, texts.join("\n"), "{id}");
    }
}

fn said(record: &Value) -> Vec<String> {
    match &record["message"]["content"] {
        Value::String(text) => vec![text.clone()],
        other => {
            let blocks = other.as_array().into_iter().flatten();
            blocks.filter_map(|block| block["text"].as_str()).map(str::to_owned).collect()
        }
    }
}

fn tool_results(record: &Value) -> Vec<&Value> {
    let blocks = record["message"]["content"].as_array().into_iter().flatten();
    blocks.filter(|block| block["type"] == "tool_result").collect()
}

/// What a call gave stands in its part.
fn gave(id: &str, message: &Message, result: &Value) {
    let call = message.parts.iter().find_map(|part| match &part.body {
        PartBody::Tool(tool) if tool.tool_id == result["tool_use_id"].as_str().unwrap() => Some(tool),
        _ => None,
    });
    let call = call.unwrap_or_else(|| panic!("{id}: {result} is of no call in {message:?}"));
    if let (Some(given), Some(kept)) =
        (result["content"].as_str(), call.output.as_ref().and_then(Value::as_str))
    {
        assert!(given.contains(kept), "{id}: {given} became {kept}");
    }
    let ended_well = call.state == tenure_event::ToolState::Completed;
    assert_eq!(ended_well, result["is_error"] != true, "{id}: {result} became {call:?}");
}

/// The program itself resumes where the last `last-prompt` points; the SDK gives the branch whose end stands last in
/// the file. Where these are two, they are not compared.
fn goes_elsewhere(path: &Path, theirs: &[Value]) -> bool {
    let text = fs::read_to_string(path).unwrap();
    let records: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let pointer =
        records.iter().rfind(|record| record["type"] == "last-prompt" && record["leafUuid"].is_string());
    let Some(pointer) = pointer else { return false };
    let by_uuid: HashMap<&str, &Value> =
        records.iter().filter_map(|record| Some((record["uuid"].as_str()?, record))).collect();
    let chain: HashSet<&str> = theirs.iter().filter_map(|record| record["uuid"].as_str()).collect();
    let mut at = pointer["leafUuid"].as_str();
    while let Some(record) = at.and_then(|uuid| by_uuid.get(uuid)) {
        if record["type"] == "user" || record["type"] == "assistant" {
            // The last of theirs, or one of the pieces that were put back behind it.
            let last = theirs.last().and_then(|last| last["uuid"].as_str());
            let same_message = |uuid: &str| {
                by_uuid.get(uuid).is_some_and(|other| {
                    other["message"]["id"].is_string() && other["message"]["id"] == record["message"]["id"]
                })
            };
            let uuid = record["uuid"].as_str().unwrap();
            return !(chain.contains(uuid)
                && last.is_some_and(|last| {
                    last == uuid || same_message(last) || follows(&by_uuid, last, uuid)
                }));
        }
        at = record["parentUuid"].as_str();
    }
    false
}

/// Whether a record hangs right on another, with nothing said in between.
fn follows(by_uuid: &HashMap<&str, &Value>, uuid: &str, on: &str) -> bool {
    let queued = by_uuid.get(uuid).is_none();
    let parent = by_uuid.get(uuid).and_then(|record| record["parentUuid"].as_str());
    queued || parent == Some(on) && by_uuid[uuid]["sourceToolAssistantUUID"].is_string()
}

fn subagents(reader: &ClaudeReader, id: &str, told: &Value) {
    let found = super::found(reader, id);
    let agents = told.as_object().unwrap();
    assert_eq!(found.parts.len(), agents.len());
    for (agent, theirs) in agents {
        let want = tenure_history::Want { subagent: Some(agent.clone()), ..tenure_history::Want::default() };
        let ours = reader.messages(&found, &want).unwrap().items;
        let theirs = theirs.as_array().unwrap();
        same(id, &ours, theirs);
        assert!(ours.iter().all(|m| m.parent_tool_id.as_deref() == theirs[0]["parent_tool_use_id"].as_str()));
    }
}
