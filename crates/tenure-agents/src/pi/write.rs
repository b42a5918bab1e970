//! What is said to the program. Ids derive from the command's number or from the input, so
//! that nothing has to be remembered here.

use serde_json::{Map, Value, json};
use tenure_core::agent::{Answer, CodecError, Command, StartRecord, input_uuid};
use tenure_event::{Part, PartBody};

use super::answer;
use super::id::{self, Asked};
use super::memory::Memory;

const AGENT: &str = "pi";

/// Writes one command.
pub(super) fn encode(
    record: &StartRecord,
    memory: &Memory,
    n: u64,
    command: &Command,
) -> Result<Vec<u8>, CodecError> {
    let lines = match command {
        Command::Hello => hello(record, n),
        Command::Prompt { parts, .. } => {
            let mut line = said(n, &Asked::Prompt, "prompt", parts);
            // If it works by itself just now, the prompt waits for the end of that.
            line["streamingBehavior"] = Value::from("followUp");
            vec![line]
        }
        Command::Steer { input_id, attempt, parts } => {
            let native = input_uuid(&record.session_id, input_id, *attempt).to_string();
            vec![said(n, &Asked::Steer(native), "steer", parts)]
        }
        // An abort alone would leave what waits to a later turn.
        Command::Interrupt => vec![line(n, &Asked::Clear, "clear_queue"), line(n, &Asked::Abort, "abort")],
        Command::Answer(Answer::Ask(ask)) => vec![answer::encode(ask)],
        Command::Answer(Answer::Unknown { token, .. } | Answer::Fs { token, .. }) => {
            vec![answer::nothing(token)]
        }
        Command::SetModel(model) => {
            let (provider, model) = provider_of(memory, model);
            let fields = json!({"provider": provider, "modelId": model});
            vec![with(line(n, &Asked::Model, "set_model"), fields)]
        }
        Command::SetEffort(level) => {
            vec![with(line(n, &Asked::Effort, "set_thinking_level"), json!({ "level": level }))]
        }
        Command::Compact { instructions } => {
            let fields = instructions.as_ref().map(|text| json!({"customInstructions": text}));
            vec![with(line(n, &Asked::Compact, "compact"), fields.unwrap_or_default())]
        }
        Command::Fork { through: None } => vec![line(n, &Asked::Clone, "clone")],
        Command::Raw(line) => return Ok(format!("{}\n", line.trim_end_matches(['\n', '\r'])).into_bytes()),
        other => return Err(CodecError::no_words(AGENT, other)),
    };
    Ok(lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect())
}

/// A command of the codec's own, without fields.
pub(super) fn own_line(n: u64, asked: &Asked, command: &str) -> String {
    line(n, asked, command).to_string()
}

/// The line that leads back from a copy of the conversation to its file.
pub(super) fn back(n: u64, copy: &str, path: &str) -> String {
    let asked = Asked::Back(copy.to_owned());
    with(line(n, &asked, "switch_session"), json!({ "sessionPath": path })).to_string()
}

fn line(n: u64, asked: &Asked, command: &str) -> Value {
    json!({"id": id::write(n, asked), "type": command})
}

fn with(mut line: Value, fields: Value) -> Value {
    if let (Some(line), Value::Object(fields)) = (line.as_object_mut(), fields) {
        line.extend(fields);
    }
    line
}

/// The questions of the handshake. The last one's answer ends it.
fn hello(record: &StartRecord, n: u64) -> Vec<Value> {
    if record.resume.point().is_some() {
        return vec![line(n, &Asked::Entries, "get_entries")];
    }
    questions(record, n)
}

/// The rest of the handshake, once the session stands at its point.
pub(super) fn questions_after(record: &StartRecord) -> impl Iterator<Item = String> {
    questions(record, 0).into_iter().map(|line| line.to_string())
}

/// A session that ends before a prompt.
pub(super) fn leave(entry: &str) -> String {
    with(line(0, &Asked::Leave, "fork"), json!({ "entryId": entry })).to_string()
}

fn questions(record: &StartRecord, n: u64) -> Vec<Value> {
    let mut lines = vec![
        line(n, &Asked::State, "get_state"),
        line(n, &Asked::Models, "get_available_models"),
        line(n, &Asked::Levels, "get_available_thinking_levels"),
    ];
    // What a process of ours said before is known already.
    let told = record.resume.point().is_some() || record.generation > 1;
    if record.resume.has_past() && !told {
        lines.push(line(n, &Asked::Messages, "get_messages"));
    }
    lines.push(line(n, &Asked::Commands, "get_commands"));
    lines
}

/// Provider and model: what stands before the first slash, or else the provider in use.
fn provider_of<'a>(memory: &'a Memory, model: &'a str) -> (&'a str, &'a str) {
    let in_use = memory.model.as_ref().map_or("", |model| model.provider.as_str());
    model.split_once('/').unwrap_or((in_use, model))
}

/// A line that says `parts`. Commands of extensions are taken from plain text only.
fn said(n: u64, asked: &Asked, command: &str, parts: &[Part]) -> Value {
    let (mut texts, mut images) = (Vec::new(), Vec::new());
    let image = |data: &str, mime: &str| json!({"type": "image", "data": data, "mimeType": mime});
    for part in parts {
        match &part.body {
            PartBody::Text { text } | PartBody::Thought { text } | PartBody::Plan { text } => {
                texts.push(text.clone());
            }
            PartBody::Image { data, mime_type } => images.push(image(data, mime_type)),
            PartBody::File { uri, text: Some(text), .. } => {
                texts.push(format!("<file name=\"{uri}\">\n{text}\n</file>"));
            }
            PartBody::File { mime_type: Some(mime), data: Some(data), .. } if mime.starts_with("image/") => {
                images.push(image(data, mime));
            }
            PartBody::File { uri, .. } => {
                texts.push(format!(
                    "(The file {uri} is neither text nor an image; its content is not shown.)"
                ));
            }
            PartBody::ResourceLink { uri, name, .. } => texts.push(match name {
                Some(name) => format!("{name}: {uri}"),
                None => uri.clone(),
            }),
            PartBody::Tool(_) => {}
            PartBody::Other { value } => texts.push(value.to_string()),
        }
    }
    let mut fields = Map::from_iter([("message".to_owned(), Value::from(texts.join("\n\n")))]);
    if !images.is_empty() {
        fields.insert("images".to_owned(), Value::Array(images));
    }
    with(line(n, asked, command), Value::Object(fields))
}
