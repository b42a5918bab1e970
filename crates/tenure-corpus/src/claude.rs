//! Transcripts of Claude Code.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::tree::Tree;
use crate::{Plan, Written};

/// Conversations that share a working directory.
const PER_PROJECT: usize = 50;
/// The first conversation's time: 2026-01-01.
const BEGIN_MS: i64 = 1_767_225_600_000;

/// The id of one of the conversations.
#[must_use]
pub fn session_id(plan: &Plan, number: usize) -> String {
    Dice::new(plan.seed ^ 0x5e55, number as u64).uuid()
}

/// Where the transcript of one of the conversations is.
pub(crate) fn path(root: &Path, plan: &Plan, number: usize) -> PathBuf {
    let project = number / PER_PROJECT;
    root.join(format!("projects/-home-ann-project-{project}/{}.jsonl", session_id(plan, number)))
}

pub(crate) fn write(plan: &Plan, root: &Path) -> io::Result<Written> {
    let mut written = Written::default();
    for number in 0..plan.sessions {
        let path = path(root, plan, number);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let session = session_id(plan, number);
        let cwd = format!("/home/ann/project/{}", number / PER_PROJECT);
        let now = BEGIN_MS + i64::try_from(number).unwrap_or(0) * 600_000;
        let mut tree = Tree::new(Dice::new(plan.seed, number as u64), &session, &cwd, now);
        conversation(plan, &mut tree);
        if plan.odd && tree.dice.once_in(6) {
            written.bytes += subagent(plan, &mut tree, &path.with_extension(""))?;
        }
        let text = tree.lines.join("\n") + "\n";
        fs::write(&path, &text)?;
        written.sessions += 1;
        written.bytes += text.len() as u64;
    }
    Ok(written)
}

fn conversation(plan: &Plan, tree: &mut Tree) {
    opening(plan, tree);
    let mut points = Vec::new();
    for turn in 0..plan.turns {
        points.push((tree.leaf.clone(), turn));
        say(plan, tree, turn);
        if plan.odd {
            oddity(plan, tree, &points);
        }
    }
    let leaf = tree.leaf.clone().unwrap_or_default();
    if !plan.odd || !tree.dice.once_in(4) {
        tree.point(&leaf);
    }
    let (session, title) = (tree.session.clone(), tree.dice.text(20));
    if tree.dice.once_in(3) {
        tree.aside(json!({"type": "ai-title", "aiTitle": title.trim(), "sessionId": session}));
    } else if tree.dice.once_in(3) {
        tree.aside(json!({"type": "custom-title", "customTitle": title.trim(), "sessionId": session}));
        tree.aside(json!({"type": "tag", "tag": "kept", "sessionId": session}));
    }
}

/// What the program keeps for itself at the beginning.
fn opening(plan: &Plan, tree: &mut Tree) {
    let (session, at) = (tree.session.clone(), tree.now());
    tree.aside(json!({"type": "queue-operation", "operation": "enqueue", "timestamp": at, "sessionId": session, "content": "x"}));
    tree.aside(
        json!({"type": "queue-operation", "operation": "dequeue", "timestamp": at, "sessionId": session}),
    );
    let text = tree.dice.text(plan.overhead / 2);
    tree.aside(json!({"type": "api-request-shape", "sessionId": session, "shapeHash": "0", "timestamp": at, "version": "2.1.328", "shape": {"system": [{"type": "text", "text": text}]}}));
}

/// A prompt and what the model did about it.
fn say(plan: &Plan, tree: &mut Tree, turn: usize) {
    let prompt = tree.dice.text(60);
    let id = tree.dice.uuid();
    let position = json!({"promptIndex": turn, "turnIndex": turn + 1});
    tree.hang("user", json!({"promptId": id, "message": {"role": "user", "content": prompt}, "permissionMode": "default", "promptSource": "sdk", "turnPosition": position}));
    if turn == 0 {
        let text = tree.dice.text(plan.overhead / 2);
        tree.hang("attachment", json!({"attachment": {"type": "prompt_snapshot", "systemPrompt": [text]}}));
    }
    for _ in 0..1 + tree.dice.below(3) {
        call(plan, tree);
    }
    answer(plan, tree);
}

fn block(tree: &mut Tree, message: &str, index: usize, block: Value) -> String {
    let usage = json!({
        "input_tokens": 100 + tree.dice.below(900), "cache_creation_input_tokens": 10, "cache_read_input_tokens": 5000,
        "output_tokens": 10 + tree.dice.below(400),
    });
    let message = json!({
        "id": message, "type": "message", "role": "assistant", "model": "claude-opus-5-5", "content": [block],
        "stop_reason": "tool_use", "stop_sequence": null, "usage": usage,
    });
    tree.hang("assistant", json!({"message": message, "apiBlockIndex": index, "effort": "medium"}))
}

fn answer(plan: &Plan, tree: &mut Tree) {
    let (id, text) = (tree.dice.id("msg_"), tree.dice.text(plan.text));
    block(tree, &id, 0, json!({"type": "text", "text": text}));
}

/// One answer with some calls, and what they gave: results hang on their own calls, as the program does it.
fn call(plan: &Plan, tree: &mut Tree) {
    let id = tree.dice.id("msg_");
    let thought = tree.dice.text(plan.text / 4);
    block(tree, &id, 0, json!({"type": "thinking", "thinking": thought, "signature": "s"}));
    let mut calls = Vec::new();
    for index in 0..1 + tree.dice.below(3) {
        let (tool, command) = (tree.dice.id("toolu_"), tree.dice.text(30));
        let input = json!({"command": command.trim(), "description": "run it"});
        let uuid = block(
            tree,
            &id,
            index + 1,
            json!({"type": "tool_use", "id": tool, "name": "Bash", "input": input}),
        );
        calls.push((tool, uuid));
    }
    for (tool, uuid) in calls {
        let text = tree.dice.text(plan.text);
        let result = json!({"tool_use_id": tool, "type": "tool_result", "content": text, "is_error": tree.dice.once_in(8)});
        tree.leaf = Some(uuid.clone());
        let message = json!({"role": "user", "content": [result]});
        let given = json!({"stdout": text, "stderr": "", "interrupted": false});
        tree.hang(
            "user",
            json!({"message": message, "toolUseResult": given, "sourceToolAssistantUUID": uuid}),
        );
    }
}

/// Something that does not happen every day.
fn oddity(plan: &Plan, tree: &mut Tree, points: &[(Option<String>, usize)]) {
    match tree.dice.below(14) {
        // Back to an earlier place, and on from there.
        0 => {
            let at = tree.dice.below(points.len());
            tree.leaf.clone_from(&points[at].0);
        }
        1 => compaction(tree),
        2 => steered(plan, tree),
        3 => {
            let text = "<local-command-caveat>Caveat: not for the model</local-command-caveat>";
            tree.hang("user", json!({"message": {"role": "user", "content": text}, "isMeta": true}));
        }
        4 => {
            let block = json!({"type": "text", "text": "[Request interrupted by user]"});
            tree.hang("user", json!({"message": {"role": "user", "content": [block]}}));
        }
        5 => tree.lines.push("{\"type\":\"user\",\"uuid\":\"torn".to_owned()),
        6 => {
            let content = "<local-command-stdout>done</local-command-stdout>";
            tree.hang(
                "system",
                json!({"subtype": "local_command", "content": content, "level": "info", "isMeta": false}),
            );
        }
        _ => {}
    }
}

fn compaction(tree: &mut Tree) {
    let logical = tree.leaf.take();
    let meta = json!({"trigger": "manual", "preTokens": 110});
    tree.hang("system", json!({"logicalParentUuid": logical, "subtype": "compact_boundary", "content": "Conversation compacted", "isMeta": false, "level": "info", "compactMetadata": meta}));
    let text =
        format!("This session is being continued from a previous conversation. {}", tree.dice.text(80));
    tree.hang("user", json!({"message": {"role": "user", "content": text}, "isVisibleInTranscriptOnly": true, "isCompactSummary": true}));
}

/// A prompt that is taken in while a turn runs.
fn steered(plan: &Plan, tree: &mut Tree) {
    let (source, delivery, prompt) = (tree.dice.uuid(), tree.dice.uuid(), tree.dice.text(40));
    let (session, at) = (tree.session.clone(), tree.now());
    tree.aside(json!({"type": "queue-operation", "operation": "remove", "timestamp": at, "sessionId": session, "content": prompt, "reason": "absorbed_mid_turn", "commandUuid": source, "deliveryId": delivery}));
    let queued = json!({"type": "queued_command", "prompt": prompt, "source_uuid": source, "delivery_id": delivery, "commandMode": "prompt"});
    tree.hang("attachment", json!({ "attachment": queued }));
    answer(plan, tree);
}

fn subagent(plan: &Plan, tree: &mut Tree, beside: &Path) -> io::Result<u64> {
    let agent = tree.dice.id("a");
    let mut side = Tree::new(Dice::new(plan.seed, tree.dice.next()), &tree.session, &tree.cwd, BEGIN_MS);
    side.agent = Some(agent.clone());
    say(plan, &mut side, 0);
    let dir = beside.join("subagents");
    fs::create_dir_all(&dir)?;
    let text = side.lines.join("\n") + "\n";
    fs::write(dir.join(format!("agent-{agent}.jsonl")), &text)?;
    let meta =
        json!({"agentType": "general-purpose", "description": "x", "toolUseId": tree.dice.id("toolu_")});
    fs::write(dir.join(format!("agent-{agent}.meta.json")), meta.to_string())?;
    Ok(text.len() as u64)
}
