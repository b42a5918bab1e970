//! What of a conversation is searched: each record that says something becomes one piece, with its text, the files
//! that it names, and words for its role and tools that no person writes.

use serde_json::Value;
use tenure_event::{PartBody, Role, Timestamp, ToolPart};
use tenure_history::{Said, ToolOutcome};

/// Characters of what a tool gave that are searched.
const OUTPUT_CHARS: usize = 4_000;
/// Characters of a tool's input that are searched.
const INPUT_CHARS: usize = 8_000;
/// Bytes of one piece, whatever it says.
const MOST: usize = 1 << 20;
/// Files of one piece.
const MOST_FILES: usize = 100;
/// Names of input fields that hold a path.
const PATHS: [&str; 8] =
    ["file_path", "filePath", "path", "notebook_path", "file", "filename", "target_file", "new_path"];

/// One record, as it is searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) ts: Timestamp,
    pub(crate) message_id: Option<String>,
    pub(crate) tool_id: Option<String>,
    pub(crate) subagent: Option<String>,
    pub(crate) role: &'static str,
    pub(crate) text: String,
    pub(crate) files: String,
    pub(crate) facets: String,
}

impl Piece {
    /// Of something said; none for what has no words, or is for the model alone.
    pub(crate) fn said(said: &Said) -> Option<Self> {
        let mut draft = Draft::default();
        for part in &said.message.parts {
            draft.part(&part.body);
        }
        if said.hidden || draft.text.is_empty() && draft.files.is_empty() && draft.tools.is_empty() {
            return None;
        }
        let role = match said.message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::System => "system",
        };
        let tools: String = draft.tools.iter().map(|tool| format!(" {}", facet('t', tool))).collect();
        Some(Self {
            ts: said.message.ts,
            message_id: Some(said.message.id.to_string()),
            tool_id: draft.tool_id,
            subagent: said.subagent.clone(),
            role,
            text: draft.text,
            files: draft.files.join("\n"),
            facets: format!("{}{tools}", facet('r', role)),
        })
    }

    /// Of what a tool gave; none if it gave no text.
    pub(crate) fn gave(outcome: &ToolOutcome) -> Option<Self> {
        let mut text = String::new();
        if let Some(output) = &outcome.output {
            leaves(output, &mut text, OUTPUT_CHARS);
        }
        if let Some(error) = &outcome.error {
            add(&mut text, clip(error, OUTPUT_CHARS));
        }
        (!text.is_empty()).then(|| Self {
            ts: outcome.ts,
            message_id: outcome.message_id.as_ref().map(ToString::to_string),
            tool_id: Some(outcome.tool_id.clone()),
            subagent: outcome.subagent.clone(),
            role: "tool",
            text,
            files: String::new(),
            facets: facet('r', "tool"),
        })
    }
}

/// A word that stands for a role (`r`) or a tool (`t`): letters and digits, so that it is one word to the index.
pub(crate) fn facet(kind: char, value: &str) -> String {
    use std::fmt::Write as _;
    let mut word = format!("x{kind}");
    for byte in value.to_lowercase().bytes().take(60) {
        let _ = write!(word, "{byte:02x}");
    }
    word
}

#[derive(Default)]
struct Draft {
    text: String,
    files: Vec<String>,
    tools: Vec<String>,
    tool_id: Option<String>,
}

impl Draft {
    fn part(&mut self, body: &PartBody) {
        match body {
            PartBody::Text { text } | PartBody::Thought { text } | PartBody::Plan { text } => {
                add(&mut self.text, text);
            }
            PartBody::Tool(tool) => self.tool(tool),
            PartBody::File { uri, text, .. } => {
                self.file(uri);
                add(&mut self.text, text.as_deref().map_or("", |text| clip(text, INPUT_CHARS)));
            }
            PartBody::ResourceLink { uri, .. } => self.file(uri),
            PartBody::Image { .. } | PartBody::Other { .. } => {}
        }
    }

    fn tool(&mut self, tool: &ToolPart) {
        self.tools.push(tool.tool.clone());
        self.tool_id.get_or_insert_with(|| tool.tool_id.clone());
        if tool.title != tool.tool {
            add(&mut self.text, &tool.title);
        }
        leaves(&tool.input, &mut self.text, INPUT_CHARS);
        self.paths(&tool.input);
    }

    fn paths(&mut self, input: &Value) {
        let Value::Object(fields) = input else {
            return if let Value::String(text) = input {
                self.patched(text)
            };
        };
        for (name, value) in fields {
            match value {
                Value::String(path) if PATHS.contains(&name.as_str()) => self.file(path),
                Value::String(text) => self.patched(text),
                Value::Object(_) => self.paths(value),
                Value::Array(items) => items.iter().take(MOST_FILES).for_each(|item| self.paths(item)),
                _ => {}
            }
        }
    }

    /// Files that a patch names, in the form that Codex writes.
    fn patched(&mut self, text: &str) {
        for line in text.lines().filter_map(|line| line.strip_prefix("*** ")) {
            if let Some((_, path)) = line.split_once(" File: ") {
                self.file(path.trim());
            }
        }
    }

    fn file(&mut self, path: &str) {
        if self.files.len() < MOST_FILES && !self.files.iter().any(|known| known == path) && path.len() < 4096
        {
            self.files.push(path.to_owned());
        }
    }
}

/// Every text in a value, in its order, up to so many characters.
fn leaves(value: &Value, text: &mut String, chars: usize) {
    let room = |text: &String| text.len() < chars.saturating_mul(4);
    match value {
        Value::String(leaf) => add(text, clip(leaf, chars)),
        Value::Array(items) => items.iter().for_each(|item| {
            if room(text) {
                leaves(item, text, chars);
            }
        }),
        Value::Object(fields) => fields.values().for_each(|item| {
            if room(text) {
                leaves(item, text, chars);
            }
        }),
        _ => {}
    }
}

fn add(text: &mut String, more: &str) {
    let more = clip(more, MOST);
    if more.trim().is_empty() || text.len() + more.len() > MOST {
        return;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(more);
}

fn clip(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| &text[..end])
}
