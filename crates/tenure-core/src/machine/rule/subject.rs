//! What a tool is about, found in what it would be called with. Agents name the same thing in many ways, so names are taken
//! without their case and underscores, and at any depth. What a file is to contain is no subject.

use serde_json::Value;

/// Names of commands.
const COMMANDS: &[&str] = &["command", "cmd", "script"];
/// Names of files and directories.
const PATHS: &[&str] = &[
    "file",
    "filename",
    "filepath",
    "path",
    "paths",
    "files",
    "notebookpath",
    "abspath",
    "absolutepath",
    "relativepath",
    "targetfile",
    "oldpath",
    "newpath",
    "movepath",
    "source",
    "destination",
    "dir",
    "directory",
    "dirpath",
];
/// Names of addresses.
const ADDRESSES: &[&str] = &["url", "uri", "urls"];
/// Names of what is looked for; that counts where nothing says in which place.
const SOUGHT: &[&str] = &["pattern", "query"];
/// Names of what is wanted beyond the call itself: more than a rule about the call says.
const BEYOND: &[&str] = &["additionalpermissions", "grantroot", "networkapprovalcontext"];
/// Where changes lie, by path or as a list.
const CHANGES: &str = "changes";
/// Values that are looked at.
const MOST: usize = 4096;
/// A longer text is what a file is to contain.
const LONG: usize = 4096;

/// One thing that a tool is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// A command: a shell's line, or words.
    Command(Vec<String>),
    /// A file or directory.
    Path(String),
    /// An address, or what is looked for.
    Address(String),
    /// Nobody knows: the input has no name that is known, has more than is looked at, or wants more than the call.
    Unknown(String),
}

impl Subject {
    /// As one line.
    pub(super) fn line(&self) -> String {
        match self {
            Self::Command(words) => words.join(" "),
            Self::Path(text) | Self::Address(text) | Self::Unknown(text) => text.clone(),
        }
    }
}

/// All of them.
pub(super) fn subjects(input: &Value) -> Vec<Subject> {
    let mut found = Found { left: MOST, ..Found::default() };
    found.look(input);
    if found.known.is_empty() {
        found.known = found.sought.into_iter().map(Subject::Address).collect();
    }
    if found.known.is_empty() {
        found.known = found.other.into_iter().map(Subject::Unknown).collect();
    }
    found.known
}

#[derive(Default)]
struct Found {
    known: Vec<Subject>,
    sought: Vec<String>,
    other: Vec<String>,
    /// How many more values are looked at.
    left: usize,
}

impl Found {
    fn look(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| self.field(name, value)),
            Value::Array(items) => {
                for item in items {
                    if self.is_one_more() {
                        self.look(item);
                    }
                }
            }
            Value::String(text) if text.len() <= LONG => self.other.push(text.clone()),
            _ => {}
        }
    }

    /// Whether one more value is looked at. Of the first that is not it is known that there is more.
    fn is_one_more(&mut self) -> bool {
        if self.left == 1 {
            self.known.push(Subject::Unknown(String::new()));
        }
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }

    fn field(&mut self, name: &str, value: &Value) {
        if !self.is_one_more() {
            return;
        }
        let plain: String =
            name.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect();
        let is = |names: &[&str]| names.contains(&plain.as_str());
        if is(BEYOND) && !value.is_null() {
            return self.known.push(Subject::Unknown(value.to_string()));
        }
        match texts(value) {
            Some(words) if is(COMMANDS) => self.known.push(Subject::Command(words)),
            Some(paths) if is(PATHS) => self.known.extend(paths.into_iter().map(Subject::Path)),
            Some(addresses) if is(ADDRESSES) => {
                self.known.extend(addresses.into_iter().map(Subject::Address));
            }
            Some(sought) if is(SOUGHT) => self.sought.extend(sought),
            _ => {
                if let (CHANGES, Value::Object(changes)) = (plain.as_str(), value) {
                    self.known.extend(changes.keys().map(|path| Subject::Path(path.clone())));
                }
                self.look(value);
            }
        }
    }
}

/// A text, or a list of nothing but texts.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) if !items.is_empty() => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        }
        _ => None,
    }
}
