//! One conversation of Claude Code with words of one's choice, for tests that look for them again. What is not said in so many words
//! (times, ids, tokens) is the same in every run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::tree::Tree;

/// When a conversation begins whose time nobody chose: 2026-11-01T10:00:00Z.
const BEGIN_MS: i64 = 1_793_527_200_000;
const DAY_MS: i64 = 86_400_000;

/// A conversation that is written down.
pub struct Talk {
    tree: Tree,
    model: String,
    archived: bool,
}

impl Talk {
    /// A conversation with this id in this directory, on the branch `main`. It begins on 2026-11-01.
    #[must_use]
    pub fn new(id: &str, cwd: &Path) -> Self {
        let tree = Tree::new(Dice::new(1, number(id)), id, &cwd.to_string_lossy(), BEGIN_MS);
        Self { tree, model: "claude-sonnet-4-5-20250929".to_owned(), archived: false }
    }

    /// What follows is said so many days after it began.
    #[must_use]
    pub fn later(mut self, days: u16) -> Self {
        self.tree.pass(i64::from(days) * DAY_MS);
        self
    }

    /// What follows is said on this branch.
    #[must_use]
    pub fn branch(mut self, name: &str) -> Self {
        name.clone_into(&mut self.tree.branch);
        self
    }

    /// What follows is answered by this model.
    #[must_use]
    pub fn model(mut self, name: &str) -> Self {
        name.clone_into(&mut self.model);
        self
    }

    /// The user says something.
    #[must_use]
    pub fn asks(mut self, text: &str) -> Self {
        self.tree.hang("user", json!({"message": {"role": "user", "content": text}}));
        self
    }

    /// The model says something, for 1,000 tokens in and 100 out.
    #[must_use]
    pub fn says(mut self, text: &str) -> Self {
        self.block(&json!({"type": "text", "text": text}));
        self
    }

    /// The model calls a tool, which gives something.
    #[must_use]
    pub fn calls(mut self, tool: &str, input: &Value, output: &str) -> Self {
        let id = self.tree.dice.id("toolu_");
        let by = self.block(&json!({"type": "tool_use", "id": id, "name": tool, "input": input}));
        let result = json!({"type": "tool_result", "tool_use_id": id, "content": output});
        let message = json!({"role": "user", "content": [result]});
        self.tree.hang("user", json!({"message": message, "sourceToolAssistantUUID": by}));
        self
    }

    /// A person gives it a title.
    #[must_use]
    pub fn title(mut self, title: &str) -> Self {
        let session = self.tree.session.clone();
        self.tree.aside(json!({"type": "custom-title", "customTitle": title, "sessionId": session}));
        self
    }

    /// A person puts it away.
    #[must_use]
    pub fn put_away(mut self) -> Self {
        self.archived = true;
        self
    }

    /// Writes it below a configuration directory of Claude Code, as a file that was last written when the last word was
    /// said; the file's path.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(mut self, root: &Path) -> io::Result<PathBuf> {
        let project: String =
            self.tree.cwd.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let path = root.join("projects").join(project).join(format!("{}.jsonl", self.tree.session));
        let beside = path.with_extension("");
        fs::create_dir_all(if self.archived { &beside } else { path.parent().unwrap_or(root) })?;
        if self.archived {
            let mark = json!({"archived": true, "at": self.tree.now()});
            fs::write(beside.join("archived.json"), mark.to_string())?;
        }
        let ms = u64::try_from(self.tree.now_ms()).unwrap_or(0);
        fs::write(&path, self.tree.lines.join("\n") + "\n")?;
        let file = fs::File::options().append(true).open(&path)?;
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_millis(ms))?;
        Ok(path)
    }

    fn block(&mut self, block: &Value) -> String {
        let id = self.tree.dice.id("msg_");
        let message = json!({
            "id": id, "type": "message", "role": "assistant", "model": self.model, "content": [block],
            "stop_reason": "end_turn", "stop_sequence": null, "usage": {"input_tokens": 1000, "output_tokens": 100},
        });
        self.tree.hang("assistant", json!({"message": message, "requestId": id}))
    }
}

/// A number that another id most likely has not.
fn number(id: &str) -> u64 {
    id.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
}
