//! Recorded agents, and changes to what they said: a value becomes another, a line comes
//! twice, is lost, or is cut.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Value, json};
use tenure_core::agent::ResumeHow;

use crate::Bytes;

/// Lines that are taken of one recording.
const LINES: usize = 160;
/// Changes to one recording.
const CHANGES: usize = 24;

pub(crate) struct Recording {
    pub(crate) resume: ResumeHow,
    lines: Vec<Value>,
}

/// Every recording of a protocol, in the order of their names.
pub(crate) fn recordings(protocol: &'static str) -> &'static [Recording] {
    static ACP: OnceLock<Vec<Recording>> = OnceLock::new();
    static CLAUDE: OnceLock<Vec<Recording>> = OnceLock::new();
    static PI: OnceLock<Vec<Recording>> = OnceLock::new();
    static CODEX: OnceLock<Vec<Recording>> = OnceLock::new();
    let cell = match protocol {
        "acp" => &ACP,
        "codex" => &CODEX,
        "pi" => &PI,
        _ => &CLAUDE,
    };
    cell.get_or_init(|| {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tenure-agents/tests/traces").join(protocol);
        let entries = std::fs::read_dir(dir).expect("the recordings are in the repository");
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|ext| ext == "jsonl"));
        files.sort();
        files
            .iter()
            .map(|path| read(path, protocol))
            .filter(|recording| !recording.lines.is_empty())
            .collect()
    })
}

fn read(path: &Path, protocol: &str) -> Recording {
    let text = std::fs::read_to_string(path).expect("a recording can be read");
    let mut resume = ResumeHow::New;
    let (mut n, mut ids) = (0, BTreeMap::new());
    let mut lines = Vec::new();
    for row in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let mut said = row["msg"].clone();
        match row["dir"].as_str() {
            Some("c2a") if said.get("id").is_some() && said.get("method").is_some() => {
                n += 1;
                let method = said["method"].as_str().unwrap_or_default();
                let ours = match protocol {
                    "codex" => json!(format!("{n}.{}", codex_word(method))),
                    _ => json!(n * 16 + kind(method)),
                };
                ids.insert(said["id"].to_string(), ours);
                let named = match method {
                    "session/load" | "session/resume" => said["params"]["sessionId"].as_str(),
                    "thread/resume" => said["params"]["threadId"].as_str(),
                    _ => None,
                };
                if let Some(id) = named {
                    resume = ResumeHow::Resume(id.to_owned());
                }
            }
            // Ids are ours to choose, and say what was asked.
            Some("a2c") => {
                let ours = ids.get(&said["id"].to_string()).filter(|_| said.get("method").is_none());
                if let Some(id) = ours {
                    said["id"] = json!(id);
                }
                lines.push(said);
            }
            Some("in") => {
                let subtype = said["request"]["subtype"].as_str();
                if let (Some(id), Some("initialize")) = (said["request_id"].as_str(), subtype) {
                    ids.insert(id.to_owned(), Value::Null);
                }
            }
            Some("out") => {
                let id = said["response"]["request_id"].as_str();
                if id.is_some_and(|id| ids.contains_key(id)) {
                    said["response"]["request_id"] = json!("tenure-1-initialize");
                }
                lines.push(said);
            }
            _ => {}
        }
    }
    lines.truncate(LINES);
    Recording { resume, lines }
}

fn kind(method: &str) -> u64 {
    match method {
        "session/new" => 1,
        "session/load" => 2,
        "session/resume" => 3,
        "session/prompt" => 4,
        "session/set_mode" => 5,
        "session/set_config_option" => 6,
        "session/set_model" => 7,
        "session/close" => 9,
        _ => 0,
    }
}

/// What Codex's codec calls a request.
fn codex_word(method: &str) -> &str {
    match method {
        "thread/start" => "start",
        "thread/resume" => "resume",
        "turn/start" => "turn",
        "turn/steer" => "steer.s",
        "turn/interrupt" => "interrupt",
        "thread/settings/update" => "settings",
        "thread/fork" => "fork",
        "thread/revert" => "revert",
        "thread/turns/list" => "history",
        "thread/backgroundTerminals/list" => "terminals",
        "model/list" => "models",
        "account/read" => "account",
        "mcpServerStatus/list" => "servers",
        other => other,
    }
}

impl Recording {
    /// Its lines, with the changes that the bytes say.
    pub(crate) fn changed(&self, bytes: &mut Bytes<'_>) -> Vec<Vec<u8>> {
        let mut values = self.lines.clone();
        let mut broken = Vec::new();
        for _ in 0..CHANGES {
            if bytes.0.is_empty() || values.is_empty() {
                break;
            }
            let at = bytes.short() % values.len();
            match bytes.byte() % 16 {
                0 => drop(values.remove(at)),
                1 => values.insert(at, values[at].clone()),
                2 => values.swap(at, 0),
                3 => broken.push((at, bytes.short())),
                how => {
                    let mut left = bytes.short() % size(&values[at]);
                    let with = strange(how, &values[bytes.short() % values.len()]);
                    replace(&mut values[at], &mut left, &with);
                }
            }
        }
        let mut lines: Vec<Vec<u8>> = values.iter().map(|value| value.to_string().into_bytes()).collect();
        for (at, cut) in broken {
            if let Some(line) = lines.get_mut(at) {
                line.truncate(cut);
            }
        }
        lines
    }
}

fn strange(how: usize, other: &Value) -> Value {
    match how {
        4 => Value::Null,
        5 => json!(-1),
        6 => json!(u64::MAX),
        7 => json!(1e300),
        8 => json!(""),
        9 => json!([]),
        10 => json!({}),
        11 => json!("é\u{0}\n"),
        12 => json!([null, {"type": "tool_use", "id": "x"}, 7]),
        13 => json!(true),
        14 => json!("x".repeat(70_000)),
        _ => other.clone(),
    }
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(size).sum::<usize>(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

fn replace(value: &mut Value, left: &mut usize, with: &Value) -> bool {
    if *left == 0 {
        *value = with.clone();
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(list) => list.iter_mut().any(|item| replace(item, left, with)),
        Value::Object(map) => map.values_mut().any(|item| replace(item, left, with)),
        _ => false,
    }
}
