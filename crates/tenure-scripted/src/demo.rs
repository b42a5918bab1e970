//! The prompt that `tenure demo` sends: a small piece of honest work, slow enough to be interrupted in the middle.

use serde_json::json;

use crate::script::script;

/// The file that the demo reads and edits. Whoever runs the demo puts it into the session's directory first.
pub const DEMO_FILE: &str = "greeting.txt";

/// What the file holds before the demo.
pub const DEMO_BEFORE: &str = "Hello, world.\n";

/// What it holds after, if the edit was allowed.
pub const DEMO_AFTER: &str = "Hello, world.\nThis line was written after you said yes.\n";

const STORY: &str = "While you read this, the daemon that carries these words to you may be killed. \
That is no loss: I am a process of my own and write on, and what I write is kept until a daemon is back. \
The new daemon finds me by the record it left, reads on at the very byte where the old one stopped, \
and shows you every event once and in order. \
The question you answered is not asked again, and the file is not written twice.";

/// The demo's prompt. It takes three to four seconds, besides the time until its one ask is answered.
pub fn demo_prompt() -> String {
    let plan = |first: &str, second: &str, third: &str| {
        json!({"plan": [
            {"content": format!("Read {DEMO_FILE}"), "priority": "high", "status": first},
            {"content": "Add a line to it, if allowed", "priority": "high", "status": second},
            {"content": "Tell what happened", "priority": "medium", "status": third},
        ]})
    };
    let steps = json!([
        {"title": "Tenure demo"},
        {"text": format!("I will read {DEMO_FILE}, add a line to it once you allow it, and then talk for a while.\n"), "chunks": 6, "delay_ms": 40},
        {"think": "The file is small, so I can read it whole before I propose an edit.", "chunks": 4, "delay_ms": 40},
        plan("in_progress", "pending", "pending"),
        {"read": DEMO_FILE},
        plan("completed", "in_progress", "pending"),
        {
            "write": DEMO_FILE, "text": DEMO_AFTER, "ask": true,
            "on_reject": [{"text": "You said no, so the file stays as it was.\n"}],
        },
        plan("completed", "completed", "in_progress"),
        {"text": STORY, "chunks": 60, "delay_ms": 50},
        plan("completed", "completed", "completed"),
        {"text": "That was all: one file read, one edit proposed, one question asked."},
        {"usage": {"used": 1840, "size": 200_000, "cost": 0.0, "tokens": {"input": 1520, "output": 320}}},
    ]);
    format!("Show me what Tenure does. {}", script(&steps))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_demo_is_a_script_that_can_be_read() {
        let steps = crate::script::parse(&super::demo_prompt()).unwrap().unwrap();
        assert!(steps.len() > 8);
    }
}
