//! What is said to the program: user lines, control requests and answers. Ids derive from
//! the command's number or from the input, so that nothing has to be remembered here.

use serde_json::{Map, Value, json};
use tenure_core::agent::{
    Answer, CodecError, Command, EncodeContext, McpServerSpec, McpTransport, StartRecord, input_uuid,
};
use tenure_event::{InputId, Part, PartBody};

use super::{answer, launch};

const AGENT: &str = "claude";

/// Start of every id that is ours on the wire.
const OURS: &str = "tenure-";

/// What a control request of ours asks for; part of its id, so that an answer can be read
/// without remembering the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    Initialize,
    Servers,
    Interrupt,
    Model,
    Mode,
    Effort(String),
    End,
    StopTask,
    /// Other tool servers than those of the start.
    ServersAgain,
    /// To use a tool server of its own configuration, or not.
    Toggle,
    /// To connect to a tool server again.
    Reconnect,
    /// How the tool servers stand; number 0 where the codec asks by itself.
    Status,
}

impl Asked {
    fn word(&self) -> String {
        match self {
            Self::Initialize => "initialize".to_owned(),
            Self::Servers => "servers".to_owned(),
            Self::Interrupt => "interrupt".to_owned(),
            Self::Model => "model".to_owned(),
            Self::Mode => "mode".to_owned(),
            Self::Effort(effort) => format!("effort-{effort}"),
            Self::End => "end".to_owned(),
            Self::StopTask => "stop".to_owned(),
            Self::ServersAgain => "servers_again".to_owned(),
            Self::Toggle => "toggle".to_owned(),
            Self::Reconnect => "reconnect".to_owned(),
            Self::Status => "status".to_owned(),
        }
    }

    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "initialize" => Self::Initialize,
            "servers" => Self::Servers,
            "interrupt" => Self::Interrupt,
            "model" => Self::Model,
            "mode" => Self::Mode,
            "end" => Self::End,
            "stop" => Self::StopTask,
            "servers_again" => Self::ServersAgain,
            "toggle" => Self::Toggle,
            "reconnect" => Self::Reconnect,
            "status" => Self::Status,
            _ => Self::Effort(word.strip_prefix("effort-")?.to_owned()),
        })
    }
}

/// The id of a control request: its number, and what it asks for.
pub(super) fn request_id(n: u64, asked: &Asked) -> String {
    format!("{OURS}{n}-{}", asked.word())
}

/// Reads such an id back; nothing if it is not ours.
pub(super) fn read_request_id(id: &str) -> Option<(u64, Asked)> {
    let (n, word) = id.strip_prefix(OURS)?.split_once('-')?;
    Some((n.parse().ok()?, Asked::read(word)?))
}

/// A line that asks how the tool servers stand; with the number of the command that it is asked for.
pub(super) fn status_line(n: u64) -> String {
    request(n, &Asked::Status, "mcp_status", Map::new()).to_string()
}

/// Writes one command.
pub(super) fn encode(
    record: &StartRecord,
    n: u64,
    command: &Command,
    context: &EncodeContext,
) -> Result<Vec<u8>, CodecError> {
    let ask = |asked: Asked, subtype: &str, fields: Value| {
        let fields = if let Value::Object(fields) = fields { fields } else { Map::new() };
        request(n, &asked, subtype, fields)
    };
    let line = match command {
        Command::Hello => ask(Asked::Initialize, "initialize", initialize(record)),
        Command::Open { .. } => {
            let servers = servers(record.servers(), context);
            ask(Asked::Servers, "mcp_set_servers", json!({ "servers": servers }))
        }
        Command::SetMcpServers { set, off } => {
            let put = context.mcp_sets.get(set).map_or(&[][..], Vec::as_slice);
            let servers = servers(record.servers_with(put, off), context);
            ask(Asked::ServersAgain, "mcp_set_servers", json!({ "servers": servers }))
        }
        Command::ToggleMcp { name, enabled } => {
            ask(Asked::Toggle, "mcp_toggle", json!({"serverName": name, "enabled": enabled}))
        }
        Command::ReconnectMcp { name } => {
            ask(Asked::Reconnect, "mcp_reconnect", json!({ "serverName": name }))
        }
        Command::McpStatus => ask(Asked::Status, "mcp_status", json!({})),
        Command::Prompt { input_id, attempt, parts } | Command::Steer { input_id, attempt, parts } => {
            user_line(record, input_id, *attempt, parts)?
        }
        Command::Interrupt => ask(Asked::Interrupt, "interrupt", json!({"cancel_queued": true})),
        Command::Answer(answer) => self::answer(answer)?,
        Command::SetModel(model) => ask(Asked::Model, "set_model", json!({ "model": model })),
        Command::SetMode(mode) if mode == launch::BYPASS_MODE && !record.allow_bypass => {
            let why = "the session was not created with permissions.allow_bypass".to_owned();
            return Err(CodecError::Unsupported { agent: AGENT, verb: "set_mode", why });
        }
        Command::SetMode(mode) => ask(Asked::Mode, "set_permission_mode", json!({ "mode": mode })),
        Command::SetEffort(effort) => ask(
            Asked::Effort(effort.clone()),
            "apply_flag_settings",
            json!({"settings": {"effortLevel": effort}}),
        ),
        Command::Compact { .. } | Command::Fork { .. } | Command::Rollback { .. } => {
            return Err(CodecError::no_words(AGENT, command));
        }
        Command::StopTask { task_id } => ask(Asked::StopTask, "stop_task", json!({ "task_id": task_id })),
        Command::End => ask(Asked::End, "end_session", json!({})),
        Command::Raw(line) => return Ok(with_newline(line.trim_end_matches(['\n', '\r']))),
    };
    Ok(with_newline(&line.to_string()))
}

fn with_newline(line: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(line.len() + 1);
    bytes.extend_from_slice(line.as_bytes());
    bytes.push(b'\n');
    bytes
}

fn request(n: u64, asked: &Asked, subtype: &str, fields: Map<String, Value>) -> Value {
    let mut body = Map::from_iter([("subtype".to_owned(), Value::from(subtype))]);
    body.extend(fields);
    json!({"type": "control_request", "request_id": request_id(n, asked), "request": body})
}

fn initialize(record: &StartRecord) -> Value {
    let mut fields = Map::from_iter([
        ("hooks".to_owned(), Value::Null),
        ("supportedDialogKinds".to_owned(), json!([])),
        // Without it an interrupt also ends agents that work in the background.
        ("perTaskStopAffordance".to_owned(), Value::Bool(true)),
        ("forwardSubagentText".to_owned(), Value::Bool(true)),
    ]);
    if let Some(text) = &record.replace_instructions {
        fields.insert("systemPrompt".to_owned(), json!([text]));
    }
    if let Some(text) = &record.append_instructions {
        fields.insert("appendSystemPrompt".to_owned(), Value::from(text.as_str()));
    }
    Value::Object(fields)
}

/// Tool servers as the program wants them, secrets filled in.
fn servers<'a>(specs: impl Iterator<Item = &'a McpServerSpec>, context: &EncodeContext) -> Value {
    let servers = specs.map(|spec| {
        let values = context.values_of(spec);
        let config = match &spec.transport {
            McpTransport::Stdio { command, args, .. } => {
                json!({"type": "stdio", "command": command, "args": args, "env": values})
            }
            McpTransport::Http { url, .. } => json!({"type": "http", "url": url, "headers": values}),
            McpTransport::Sse { url, .. } => json!({"type": "sse", "url": url, "headers": values}),
        };
        (spec.name.clone(), config)
    });
    Value::Object(servers.collect())
}

fn user_line(
    record: &StartRecord,
    input: &InputId,
    attempt: u32,
    parts: &[Part],
) -> Result<Value, CodecError> {
    let content = match parts {
        // Slash commands are taken from plain text only.
        [Part { body: PartBody::Text { text }, .. }] => Value::from(text.as_str()),
        parts => Value::Array(parts.iter().map(|part| content_block(&part.body)).collect::<Result<_, _>>()?),
    };
    Ok(json!({
        "type": "user",
        "message": {"role": "user", "content": content},
        "parent_tool_use_id": null,
        "session_id": "",
        "uuid": input_uuid(&record.session_id, input, attempt).to_string(),
    }))
}

fn content_block(body: &PartBody) -> Result<Value, CodecError> {
    let plain = |text: &str| Ok(json!({"type": "text", "text": text}));
    let base64 = |kind: &str, mime: &str, data: &str| json!({"type": kind, "source": {"type": "base64", "media_type": mime, "data": data}});
    match body {
        PartBody::Text { text } | PartBody::Thought { text } | PartBody::Plan { text } => plain(text),
        PartBody::Image { data, mime_type } => Ok(base64("image", mime_type, data)),
        PartBody::File { uri, text: Some(text), .. } => Ok(json!({
            "type": "document", "title": uri,
            "source": {"type": "text", "media_type": "text/plain", "data": text},
        })),
        PartBody::File { uri, mime_type, data: Some(data), .. } => match mime_type.as_deref() {
            Some(mime) if mime.starts_with("image/") => Ok(base64("image", mime, data)),
            Some("application/pdf") => {
                let mut block = base64("document", "application/pdf", data);
                block["title"] = Value::from(uri.as_str());
                Ok(block)
            }
            other => Err(CodecError::Unsupported {
                agent: AGENT,
                verb: "input",
                why: format!(
                    "`{uri}` is {}; files may be text, images or PDF",
                    other.unwrap_or("of no stated type")
                ),
            }),
        },
        PartBody::File { uri, .. } => plain(uri),
        PartBody::ResourceLink { uri, name: Some(name), .. } => plain(&format!("{name}: {uri}")),
        PartBody::ResourceLink { uri, .. } => plain(uri),
        PartBody::Tool(_) | PartBody::Other { .. } => Err(CodecError::Unsupported {
            agent: AGENT,
            verb: "input",
            why: "an input is made of text, images, files and links".to_owned(),
        }),
    }
}

fn answer(answer: &Answer) -> Result<Value, CodecError> {
    match answer {
        Answer::Ask(ask) => Ok(response(&ask.token, Ok(answer::encode(ask)))),
        Answer::Unknown { token, method } => {
            Ok(response(token, Err(format!("This host does not serve `{method}`."))))
        }
        Answer::Fs { .. } => Err(CodecError::Unsupported {
            agent: AGENT,
            verb: "files",
            why: "it reads and writes files itself".to_owned(),
        }),
    }
}

/// A control response; `token` is the id as raw JSON text.
fn response(token: &str, result: Result<Value, String>) -> Value {
    let id: Value = serde_json::from_str(token).unwrap_or_else(|_| Value::from(token));
    match result {
        Ok(result) => json!({
            "type": "control_response",
            "response": {"subtype": "success", "request_id": id, "response": result},
        }),
        Err(error) => json!({
            "type": "control_response",
            "response": {"subtype": "error", "request_id": id, "error": error},
        }),
    }
}
