//! The handshake: how the session stands, and what the program has. It ends with the list of
//! commands, which is asked for last.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenure_core::agent::{AgentError, Fork, ResumeHow, Signal, StartRecord};
use tenure_event::{AgentInfo, Capabilities, CommandInfo, ModelInfo, Support};

use super::memory::{Told, error};
use super::response::read_model;
use super::{PiCodec, field};
use crate::json::told;

/// Entries of one list that are taken.
const LIST_MAX: usize = 1000;
/// Longest path that is remembered, in bytes.
const PATH_MAX: usize = 4096;

impl PiCodec {
    /// A part of the handshake; what failed is left out.
    pub(super) fn handshake_part(&self, result: Result<&Value, AgentError>) -> Option<Value> {
        result.ok().filter(|_| !self.memory.ready).map(told)
    }

    /// The answer to `get_state`, the first of all.
    pub(super) fn state_told(&mut self, result: Result<&Value, AgentError>, out: &mut Vec<Signal>) {
        if self.memory.ready || self.memory.failed {
            return;
        }
        let state = match result {
            Ok(state) => state,
            Err(failure) => return self.of_no_use(failure, out),
        };
        let session = field::id(state, "sessionId");
        // Going to a point of it leads into another one of the program's own naming.
        let wanted = match &self.record.resume {
            ResumeHow::NewAs(id) | ResumeHow::Resume(id) => Some(id),
            ResumeHow::Fork(Fork { point: None, chosen, .. }) => chosen.as_ref(),
            ResumeHow::New | ResumeHow::Back(_) | ResumeHow::Fork(_) => None,
        };
        if let Some(id) = wanted
            && session != Some(id.as_str())
        {
            let what = format!("Pi was to take up session {id} and has another one.");
            return self.of_no_use(error("resume_failed", &what, None), out);
        }
        if let Some(session) = session {
            self.memory.native_id = Some(session.to_owned());
            out.push(Signal::NativeId(session.to_owned()));
        }
        let file = field::text(state, "sessionFile").filter(|path| path.len() <= PATH_MAX);
        self.memory.session_file = file.map(str::to_owned);
        self.memory.model = state.get("model").and_then(read_model);
        self.memory.effort = field::id(state, "thinkingLevel").map(str::to_owned);
        self.memory.title = field::text(state, "sessionName").map(field::one_line);
        out.extend(self.memory.title.clone().map(Signal::Title));
        self.memory.told.state = Some(stripped(state));
    }

    pub(super) fn of_no_use(&mut self, failure: AgentError, out: &mut Vec<Signal>) {
        self.memory.failed = true;
        out.push(Signal::HandshakeFailed(failure));
    }

    /// The answer to `get_commands`, the last of all.
    pub(super) fn ready_now(&mut self, result: Result<&Value, AgentError>, out: &mut Vec<Signal>) {
        if self.memory.ready || self.memory.failed {
            return;
        }
        let told = std::mem::take(&mut self.memory.told);
        let Some(state) = &told.state else {
            let what = "Pi did not say which session it has.";
            return self.of_no_use(error("agent_error", what, None), out);
        };
        let resumed = matches!(self.record.resume, ResumeHow::Resume(_)) && self.record.generation > 1;
        let fresh = resumed && field::count(state, "messageCount") == Some(0);
        self.memory.ready = true;
        out.push(Signal::Ready {
            agent_info: AgentInfo { name: "Pi".to_owned(), version: None, protocol: Some("rpc".to_owned()) },
            capabilities: capabilities(&told, result.ok()),
            model: self.memory.model.as_ref().map(super::memory::Model::name),
            mode: None,
            effort: self.memory.effort.clone(),
            fresh,
        });
        out.extend(warning(&self.record));
    }
}

/// Whoever did not ask for it is told once that nobody will be asked.
fn warning(record: &StartRecord) -> Option<Signal> {
    (record.generation == 1 && !record.allow_bypass).then(|| Signal::Warning {
        code: "no_permissions".to_owned(),
        message: format!(
            "{NO_PERMISSIONS}. To say that you know, create the session with permissions.allow_bypass"
        ),
    })
}

const NO_PERMISSIONS: &str =
    "Pi asks for no permission of its own: its tools run at once, and only an extension of yours can ask";

/// The state without what describes the model at length, which may name addresses and headers.
fn stripped(state: &Value) -> Value {
    let mut state = told(state);
    if let Some(model) = state.get_mut("model").filter(|model| model.is_object()) {
        *model = json!({"provider": model.get("provider"), "id": model.get("id"), "api": model.get("api")});
    }
    state
}

fn capabilities(told: &Told, commands: Option<&Value>) -> Capabilities {
    let levels = told.levels.as_ref().map(levels).unwrap_or_default();
    let models = told.models.as_ref().map_or(&[][..], |models| field::items(models, "models"));
    let commands = commands.map_or(&[][..], |commands| field::items(commands, "commands"));
    Capabilities {
        commands: commands.iter().filter_map(command).take(LIST_MAX).collect(),
        models: models.iter().filter_map(|one| model(one, &levels)).take(LIST_MAX).collect(),
        supports: supports(),
        handshake: told.state.clone(),
        ..Capabilities::default()
    }
}

fn levels(told: &Value) -> Vec<String> {
    field::ids(told, "levels").unwrap_or_default()
}

fn command(value: &Value) -> Option<CommandInfo> {
    Some(CommandInfo {
        name: field::id(value, "name")?.trim_start_matches('/').to_owned(),
        description: field::text(value, "description").unwrap_or_default().to_owned(),
        argument_hint: None,
    })
}

/// The levels are those of the model in use; a model that reasons differently says so when it is chosen.
fn model(value: &Value, levels: &[String]) -> Option<ModelInfo> {
    let model = read_model(value)?;
    let reasons = field::flag(value, "reasoning");
    Some(ModelInfo {
        id: model.name(),
        name: field::text(value, "name").unwrap_or(&model.id).to_owned(),
        description: None,
        efforts: if reasons { levels.to_vec() } else { vec!["off".to_owned()] },
    })
}

/// What Pi can do, and why not the rest: known before any process is started.
#[must_use]
pub fn supports() -> BTreeMap<String, Support> {
    let can = [
        "interrupt",
        "steer",
        "resume",
        "clear",
        "compact",
        "compact_instructions",
        "cost_limit",
        "fork",
        "fork_at",
        "fork_elsewhere",
        "rewind",
        "commands",
        "set_model",
        "set_effort",
        "images",
        "instructions_append",
        "instructions_replace",
        "questions",
        "elicitation",
    ];
    let servers = "Pi reads its tool servers from its own mcp.json, and takes none from its host";
    let cannot = [
        ("compact_command", "compaction is a request of the protocol"),
        ("permissions", NO_PERMISSIONS),
        ("always", "an extension is told yes or no, and nothing lasting"),
        ("updated_input", "an extension is told yes or no, and no other input"),
        ("deny_message", "an extension is told yes or no, and no words with it"),
        ("plan", "Pi has no plan to approve"),
        ("subagent_asks", "Pi has no subagents"),
        ("set_mode", "Pi has no modes"),
        ("todos", "Pi keeps no list of things to do"),
        ("tasks", "Pi has no tasks in the background"),
        ("task_output", "Pi has no tasks in the background"),
        ("stop_task", "Pi has no tasks in the background"),
        ("files", "files that are neither text nor an image cannot be handed to Pi"),
        (
            "rewind_undo",
            "what was left behind is in another session of the program's own, which is not taken up again",
        ),
        ("mcp_stdio", servers),
        ("mcp_http", servers),
        ("mcp_sse", servers),
        ("mcp_permissions", servers),
        ("mcp_change", servers),
        ("mcp_reconnect", servers),
        ("mcp_status", "Pi tells nothing of its tool servers"),
        ("end", "the program has no word for its end; it ends when its input is closed"),
    ];
    crate::verbs::table(&can, &cannot)
}
