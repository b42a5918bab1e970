//! `session/update`: everything that an agent tells of a session without being asked.

use serde_json::Value;
use tenure_core::agent::{Decoded, Signal};
use tenure_event::{Compaction, ContextUse, Todo, TodoStatus};

use super::AcpCodec;
use super::agent::Family;
use super::capability::read_commands;
use super::settings::{Settings, Way, Which};
use super::state::Phase;
use super::tool::Facts;
use super::two;
use crate::json::{at, f64_at, list_at, str_at, string_at, u64_at};
use crate::rpc::native;

/// Whether an update is a piece of a message.
pub(super) fn is_chunk(word: &str) -> bool {
    matches!(word, "agent_message_chunk" | "agent_thought_chunk" | "user_message_chunk")
}

impl AcpCodec {
    pub(super) fn session_update(&mut self, offset: u64, value: Value, out: &mut Decoded) {
        let params = value.get("params").unwrap_or(&Value::Null);
        let Some(update) = at(params, &["update"]) else { return out.push(native("malformed", value)) };
        let Some(word) = str_at(update, &["sessionUpdate"]) else {
            return out.push(native("malformed", value));
        };
        let speaks = is_chunk(word)
            || two::is_whole(word)
            || word.starts_with("tool_call")
            || word.starts_with("terminal_");
        // What is said before the conversation has an id cannot be told from another's.
        let early = speaks && self.state.native.is_none() && !self.replays();
        if word == "subagent_update" {
            self.subagent_told(params, update);
        }
        if early || !self.is_ours(params) && !self.ends_a_known_tool(update) {
            return out.push(native("other_session", value));
        }
        match word {
            _ if is_chunk(word) => self.chunk(offset, update, out),
            "tool_call" | "tool_call_update" if str_at(update, &["toolCallId"]).is_none() => {
                out.push(native("malformed", value));
            }
            "tool_call" | "tool_call_update" if self.replays() => self.fold_tool(offset, update, out),
            "tool_call" => self.tool_update(offset, update, true, out),
            "tool_call_update" => {
                self.tool_update(offset, update, false, out);
                // OpenCode tells its list by the tool that writes it, and not as a plan.
                if let Some(Value::Array(list)) = at(update, &["rawOutput", "metadata", "todos"]) {
                    out.push(Signal::Todos(todos(list)));
                }
            }
            _ if two::is_whole(word) => self.whole_message(offset, update, out),
            "state_update" if self.state.about.two => self.state_changed(value, out),
            "terminal_update" | "terminal_output_chunk" => self.terminal_changed(offset, value, out),
            "tool_call_content_chunk" => self.tool_content(offset, value, out),
            "plan" => out.push(Signal::Todos(todos(list_at(update, &["entries"])))),
            "plan_update" if at(update, &["entries"]).is_some() => {
                out.push(Signal::Todos(todos(list_at(update, &["entries"]))));
            }
            "plan_update" if at(update, &["plan", "entries"]).is_some() => {
                out.push(Signal::Todos(todos(list_at(update, &["plan", "entries"]))));
            }
            "plan_removed" => out.push(Signal::Todos(Vec::new())),
            "available_commands_update" => self.commands_changed(update, out),
            "current_mode_update" => match string_at(update, &["currentModeId"]) {
                Some(mode) => self.mode_changed(mode, out),
                None => out.push(native("malformed", value)),
            },
            "config_option_update" => self.options_changed(update, out),
            "session_info_update" => self.info_changed(update, out),
            "usage_update" => self.usage_changed(update, out),
            "notice" => out.push(notice(update).unwrap_or_else(|| native("notice", value))),
            "compaction_update" => match compaction(update) {
                Some(signal) => out.extend(self.told_anew(update, signal)),
                None => out.push(native("malformed", value)),
            },
            _ => {
                let kind = word.to_owned();
                out.push(native(&kind, value));
            }
        }
    }

    /// Whether an update is of the conversation that this process serves.
    pub(super) fn is_ours(&self, params: &Value) -> bool {
        match (str_at(params, &["sessionId"]), self.conversation()) {
            (Some(told), Some(ours)) => told == ours,
            _ => true,
        }
    }

    /// What a subagent asked for was shown as a tool's call; its end is, too.
    fn ends_a_known_tool(&self, update: &Value) -> bool {
        str_at(update, &["sessionUpdate"]) == Some("tool_call_update")
            && Facts::read(update).ends()
            && str_at(update, &["toolCallId"])
                .is_some_and(|id| self.state.tools.iter().any(|tool| tool.id == id))
    }

    fn commands_changed(&mut self, update: &Value, out: &mut Decoded) {
        let commands = read_commands(update);
        if self.state.late_replay {
            // Gemini tells its commands once it has told the whole conversation.
            self.state.late_replay = false;
            self.close_all(false, out);
        }
        if commands != self.state.commands {
            self.state.commands = commands;
            self.tell_capabilities(out);
        }
    }

    pub(super) fn mode_changed(&mut self, mode: String, out: &mut Decoded) {
        let setting = self.state.settings.get_mut(Which::Mode);
        if setting.way == Way::Nowhere || setting.current.as_ref() == Some(&mode) {
            return;
        }
        setting.current = Some(mode.clone());
        if self.state.phase == Phase::Ready {
            out.push(Signal::Config { model: None, mode: Some(mode), effort: None });
        }
    }

    /// A full list of config options came: what changed in them is told.
    pub(super) fn options_changed(&mut self, holder: &Value, out: &mut Decoded) {
        let before = self.state.settings.clone();
        self.state.settings.read_options(holder);
        let now = &self.state.settings;
        if self.state.phase != Phase::Ready || *now == before {
            return;
        }
        let changed = |which: Which| {
            let current = &now.get(which).current;
            (*current != before.get(which).current).then(|| current.clone()).flatten()
        };
        let (model, mode, effort) = (changed(Which::Model), changed(Which::Mode), changed(Which::Effort));
        let lists = |settings: &Settings| (settings.modes(), settings.models());
        let others = lists(now) != lists(&before);
        if model.is_some() || mode.is_some() || effort.is_some() {
            out.push(Signal::Config { model, mode, effort });
        }
        if others {
            self.tell_capabilities(out);
        }
    }

    fn info_changed(&mut self, update: &Value, out: &mut Decoded) {
        if str_at(update, &["_meta", "codex", "threadStatus", "type"]) == Some("systemError") {
            self.state.turn.broken = true;
        }
        let title = string_at(update, &["title"]).filter(|title| !title.trim().is_empty());
        if let Some(title) = title
            && self.state.title.as_ref() != Some(&title)
        {
            self.state.title = Some(title.clone());
            out.push(Signal::Title(title));
        }
    }

    fn usage_changed(&mut self, update: &Value, out: &mut Decoded) {
        let context =
            u64_at(update, &["used"]).map(|used| ContextUse { used, max: u64_at(update, &["size"]) });
        let dollars = matches!(str_at(update, &["cost", "currency"]), None | Some("USD" | "usd"));
        // OpenCode tells nothing for a price that it does not know.
        let free = |cost: &f64| *cost == 0.0 && self.state.about.family == Family::OpenCode;
        let cost = f64_at(update, &["cost", "amount"]).filter(|cost| dollars && !free(cost));
        let meter = &mut self.state.meter;
        let context = context.filter(|context| meter.context != Some(*context));
        let cost = cost.filter(|cost| meter.cost != Some(*cost));
        meter.context = context.or(meter.context);
        meter.cost = cost.or(meter.cost);
        if context.is_some() || cost.is_some() {
            out.push(Signal::Usage { usage: None, context, cost_usd: cost });
        }
    }
}

fn todos(entries: &[Value]) -> Vec<Todo> {
    let read = |(i, entry): (usize, &Value)| {
        let status = match str_at(entry, &["status"]) {
            Some("in_progress") => TodoStatus::InProgress,
            Some("completed") => TodoStatus::Completed,
            Some("cancelled") => TodoStatus::Cancelled,
            _ => TodoStatus::Pending,
        };
        let id = string_at(entry, &["id"]).unwrap_or_else(|| (i + 1).to_string());
        Some(Todo {
            id,
            content: string_at(entry, &["content"])?,
            status,
            priority: string_at(entry, &["priority"]),
        })
    };
    entries.iter().enumerate().filter_map(read).collect()
}

impl AcpCodec {
    /// The end of a compaction the first time: a program tells it once more when the summary is written.
    fn told_anew(&mut self, update: &Value, signal: Signal) -> Option<Signal> {
        if matches!(signal, Signal::Compaction { began: false, .. })
            && let Some(id) = string_at(update, &["compactionId"]).filter(|id| id.len() <= 1000)
            && self.state.compacted.replace(id.clone()) == Some(id)
        {
            return None;
        }
        Some(signal)
    }
}

/// A notice that a person should see; one that only informs is kept as it is.
fn notice(update: &Value) -> Option<Signal> {
    let severity = str_at(update, &["severity"]).filter(|word| matches!(*word, "warning" | "error"))?;
    let title = str_at(update, &["title"])?;
    let message = match str_at(update, &["description"]) {
        Some(more) => format!("{title}: {more}"),
        None => title.to_owned(),
    };
    Some(Signal::Warning { code: format!("agent_{severity}"), message })
}

/// What a state of a compaction means.
fn compaction(update: &Value) -> Option<Signal> {
    let status = str_at(update, &["status"])?;
    let error = match status {
        "failed" => Some(
            string_at(update, &["error", "message"])
                .or_else(|| string_at(update, &["error"]))
                .unwrap_or_else(|| "the agent gave no reason".to_owned()),
        ),
        "cancelled" => Some("it was cancelled".to_owned()),
        _ => None,
    };
    Some(Signal::Compaction {
        began: status == "in_progress",
        info: Compaction { error, ..Compaction::default() },
    })
}
