use serde_json::{Value, json};
use tenure_event::{Ephemeral, Event};

use super::*;
use crate::text::Cleaner;

/// A story of events, written short, as it is shown.
struct Story {
    transcript: Transcript,
    seq: u64,
    ms: i64,
    text: String,
}

impl Story {
    fn new(style: Style) -> Self {
        Self {
            transcript: Transcript::new(style, "/w", false),
            seq: 0,
            ms: 1_795_132_800_000,
            text: String::new(),
        }
    }

    fn event(&mut self, kind: &str, data: Value) -> &mut Self {
        self.seq += 1;
        self.ms += 100;
        let ts = Timestamp::from_millis(self.ms);
        let json =
            json!({"session_id": "s", "seq": self.seq, "gseq": 1, "ts": ts, "type": kind, "data": data});
        let event = Event::parse(&json.to_string()).unwrap();
        assert!(!matches!(event.kind, Kind::Unknown { .. }), "{kind} cannot be read: {json}");
        self.text.push_str(&self.transcript.event(&event));
        self
    }

    fn delta(&mut self, part: &str, kind: &str, offset: u64, text: &str) -> &mut Self {
        let ts = Timestamp::from_millis(self.ms);
        let data = json!({"message_id": "m", "part_id": part, "kind": kind, "offset": offset, "text": text});
        let json =
            json!({"session_id": "s", "after": self.seq, "ts": ts, "type": "message.delta", "data": data});
        let event: Ephemeral = serde_json::from_value(json).unwrap();
        self.text.push_str(&self.transcript.ephemeral(&event));
        self
    }

    fn message(&mut self, parts: Value) -> &mut Self {
        self.event("message.completed", json!({"message_id": "m", "role": "assistant", "parts": parts}))
    }
}

fn axes(state: &str, reason: Option<&str>) -> Value {
    let mut activity = json!({"state": state, "since": "2026-11-20T00:00:00.000Z"});
    if let Some(reason) = reason {
        activity["reason"] = json!(reason);
    }
    json!({"lifecycle": "live", "activity": activity, "last_outcome": null, "archived": false,
        "health": {"state": "healthy"}, "tasks_running": 0})
}

fn tool(id: &str, title: &str, more: Value) -> Value {
    let mut tool = json!({"tool_id": id, "message_id": "m", "tool": "t", "kind": "other", "title": title, "state": "completed"});
    tool.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    tool
}

#[test]
fn an_input_without_words_that_was_not_sent_has_no_colon() {
    let mut s = Story::new(Style::PLAIN);
    s.event("input.cancelled", json!({"input_id": "i", "reason": "closed"}));
    assert_eq!(s.text, "· not sent (closed)\n");
}

fn usual(style: Style) -> String {
    let mut s = Story::new(style);
    s.event(
        "input.admitted",
        json!({"input_id": "i", "delivery": "queue", "position": 0,
        "parts": [{"id": "i.0", "type": "text", "text": "Please fix\nthe greeting"}]}),
    );
    s.event("turn.started", json!({"turn_id": "t", "origin": "input", "input_ids": ["i"]}));
    s.event("input.started", json!({"input_id": "i", "turn_id": "t", "how": "turn"}));
    s.delta("m.0", "thought", 0, "The file ").delta("m.0", "thought", 9, "is small.");
    s.delta("m.1", "text", 0, "I will ").delta("m.1", "text", 7, "read it.");
    s.event("tool.started", tool("r", "Read /w/a.txt", json!({"state": "running"})));
    s.event("tool.completed", tool("r", "Read /w/a.txt", json!({})));
    s.event("tool.started", tool("b", "cargo test", json!({"state": "running"})));
    s.event(
        "tool.completed",
        tool("b", "cargo test", json!({"state": "failed", "error": "exit code 1\n\x1b[2Jred"})),
    );
    s.message(json!([
        {"id": "m.0", "type": "thought", "text": "The file is small."},
        {"id": "m.1", "type": "text", "text": "I will read it."},
    ]));
    let todo = |a: &str, b: &str| {
        json!({"todos": [
        {"id": "1", "content": "Read", "status": a}, {"id": "2", "content": "Write", "status": b}]})
    };
    s.event("todos.updated", todo("in_progress", "pending"));
    s.event("todos.updated", todo("completed", "in_progress"));
    s.event(
        "ask.opened",
        json!({"id": "ask_1", "session_id": "s", "kind": "permission", "title": "Write a.txt",
        "input": {"file_path": "/w/a.txt", "old_string": "Hello\n", "new_string": "Hello!\nBye\n"},
        "options": [], "opened_at": "2026-11-20T00:00:00.000Z", "state": "open"}),
    );
    s.event("ask.resolved", json!({"ask_id": "ask_1", "decision": "allow", "scope": "once", "by": "client"}));
    s.event("tool.completed", tool("w", "Write a.txt", json!({"diffs": [
        {"path": "/w/a.txt", "old_text": "one\ntwo\nthree\nfour\nfive\n", "new_text": "one\ntwo\n3\nfour\nfive\nsix\n"}]})));
    s.message(json!([{"id": "m2.0", "type": "text", "text": "All done.\n\n"}]));
    s.event(
        "turn.completed",
        json!({"turn_id": "t", "outcome": "completed", "input_ids": ["i"], "cost_usd": 0.0123,
        "usage": {"input_tokens": 1520, "output_tokens": 320}}),
    );
    s.text.clone()
}

#[test]
fn a_turn_as_it_is_read_in_a_pipe() {
    insta::assert_snapshot!(usual(Style::PLAIN));
}

#[test]
fn colours_change_nothing_but_the_colours() {
    let mut cleaner = Cleaner::default();
    assert_eq!(cleaner.clean(&usual(Style::COLOURED)), usual(Style::PLAIN));
}

#[test]
fn text_is_shown_once_whatever_is_missed_or_comes_twice() {
    let whole = json!([{"id": "m.0", "type": "text", "text": "zwölf Wörter, alle da"}]);
    let expect = "zwölf Wörter, alle da\n";
    let mut nothing_missed = Story::new(Style::PLAIN);
    nothing_missed
        .delta("m.0", "text", 0, "zwölf ")
        .delta("m.0", "text", 6, "Wörter,")
        .message(whole.clone());
    let mut joined_again = Story::new(Style::PLAIN);
    joined_again.delta("m.0", "text", 0, "zwölf ").delta("m.0", "text", 0, "zwölf Wörter");
    joined_again.delta("m.0", "text", 3, "lf Wörter, alle").message(whole.clone());
    let mut piece_missed = Story::new(Style::PLAIN);
    piece_missed
        .delta("m.0", "text", 0, "zwölf ")
        .delta("m.0", "text", 13, ", alle da")
        .message(whole.clone());
    let mut no_delta = Story::new(Style::PLAIN);
    no_delta.message(whole);
    for story in [nothing_missed, joined_again, piece_missed, no_delta] {
        assert_eq!(story.text, expect);
    }
}

#[test]
fn text_that_a_tool_interrupts_goes_on_below() {
    let mut s = Story::new(Style::PLAIN);
    s.delta("m.0", "text", 0, "First").event("tool.completed", tool("a", "Look", json!({})));
    s.delta("m.0", "text", 5, " second")
        .message(json!([{"id": "m.0", "type": "text", "text": "First second."}]));
    assert_eq!(s.text, "First\n\n✓ Look\n\nsecond.\n");
}

#[test]
fn what_ends_badly_says_why() {
    let mut s = Story::new(Style::PLAIN);
    s.event("ask.opened", json!({"id": "ask_1", "session_id": "s", "kind": "question", "title": "Which?",
        "questions": [{"question": "Which?", "choices": [{"label": "a", "description": "the first"}, {"label": "b"}]}],
        "opened_at": "2026-11-20T00:00:00.000Z", "state": "open"}));
    s.event("ask.expired", json!({"ask_id": "ask_1", "reason": "deadline"}));
    s.event("session.activity_changed", axes("waiting", Some("rate_limit")));
    s.event("tool.completed", tool("d", "rm -rf /w/build", json!({"state": "denied"})));
    s.event("tool.completed", tool("c", "sleep", json!({"state": "cancelled"})));
    s.event("process.exited", json!({"generation": 1, "code": 3, "stderr_tail": "panicked\nat line 1\n"}));
    s.event(
        "turn.completed",
        json!({"turn_id": "t", "outcome": "crashed", "input_ids": [],
        "error": {"code": "agent_exited", "message": "the agent ended\x07 with code 3"}}),
    );
    s.event("session.failed", {
        let mut data = axes("idle", None);
        data["error"] = json!({"code": "agent_missing", "message": "install it"});
        data
    });
    assert_eq!(s.transcript.denied, 1);
    insta::assert_snapshot!(s.text);
}

#[test]
fn what_was_approved_is_not_shown_twice_and_answers_are_told() {
    let ask = |id: &str, tool: &str, more: Value| {
        let mut ask = json!({"id": id, "session_id": "s", "kind": "permission", "title": "Edit a", "tool_id": tool,
            "opened_at": "2026-11-20T00:00:00.000Z", "state": "open"});
        ask.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        ask
    };
    let edit = json!({"input": {"file_path": "/w/a", "old_string": "x\n", "new_string": "y\n"}});
    let diffs = json!({"diffs": [{"path": "/w/a", "old_text": "x\n", "new_text": "y\n"}]});
    let resolved = |id: &str, more: Value| {
        let mut data = json!({"ask_id": id, "decision": "allow", "scope": "once", "by": "client"});
        data.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        data
    };
    let mut s = Story::new(Style::PLAIN);
    s.event("tool.started", tool("t1", "Edit a", json!({"state": "pending"})));
    s.event("ask.opened", ask("ask_1", "t1", edit));
    s.ms += 60_000;
    s.event("ask.resolved", resolved("ask_1", json!({})));
    s.event("tool.completed", tool("t1", "Edit a", diffs));
    let question = json!({"kind": "question", "title": "Which?", "questions": [
        {"question": "Which?", "choices": [{"label": "a"}, {"label": "b"}], "multiple": true}]});
    s.event("ask.opened", ask("ask_2", "t2", question));
    s.event("ask.resolved", resolved("ask_2", json!({"answers": {"Which?": ["a", "b"]}})));
    insta::assert_snapshot!(s.text);
}

#[test]
fn subagents_are_seen_by_their_tools_only() {
    let mut s = Story::new(Style::PLAIN);
    s.event(
        "message.completed",
        json!({"message_id": "m", "role": "assistant", "parent_tool_id": "p",
        "parts": [{"id": "m.0", "type": "text", "text": "inner words"}]}),
    );
    s.event("tool.completed", tool("x", "Grep TODO", json!({})));
    assert_eq!(s.text, "✓ Grep TODO\n");
}

#[test]
fn a_queue_and_another_person_s_input_are_seen() {
    let input = |id: &str, at: u32, text: &str| {
        json!({"input_id": id, "delivery": "queue", "position": at,
        "parts": [{"id": "x", "type": "text", "text": text}]})
    };
    let mut s = Story::new(Style::PLAIN);
    s.transcript.know_input("mine".parse().unwrap());
    s.event("input.admitted", input("mine", 0, "mine"))
        .event("input.admitted", input("other", 1, "and\nthen"));
    s.event("input.started", json!({"input_id": "mine", "turn_id": "t", "how": "turn"}));
    assert_eq!(s.transcript.status().queued, 1);
    s.event("input.started", json!({"input_id": "other", "turn_id": "t2", "how": "turn"}));
    assert_eq!(s.text, "· queued: and then\n\n› and\n  then\n");
}
