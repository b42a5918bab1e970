//! What clients are told that an agent can do.

use std::collections::BTreeMap;

use serde_json::Value;
use tenure_event::{AgentInfo, Capabilities, CommandInfo, Support};

use super::AcpCodec;
use super::agent::Family;
use super::settings::Way;
use crate::catalog::{Preset, Protocol, asks_nobody, tells_no_cost};
use crate::json::{list_at, string_at};

/// What is in the names of modes that ask nobody. ACP has no word for them: one too many costs a word at create.
const BYPASS: [&str; 5] = ["bypass", "yolo", "full-access", "full_access", "skip-permissions"];

const NO_TASKS: &str = "version 1 of ACP has no tasks, and what version 2 tells of them is not read yet";

/// Whether an agent asks nobody in this mode, by its name alone.
pub(crate) fn sounds_like_bypass(mode: &str) -> bool {
    let mode = mode.to_ascii_lowercase();
    BYPASS.iter().any(|word| mode.contains(word))
}

/// What no agent can do that is spoken with so: known before any process is started.
pub(crate) fn known() -> BTreeMap<String, Support> {
    crate::verbs::table(
        &[],
        &[
            ("questions", "ACP agents ask questions as forms"),
            ("tasks", NO_TASKS),
            ("task_output", NO_TASKS),
            ("stop_task", NO_TASKS),
            ("rewind", "ACP has no way to go back in a conversation"),
            ("mcp_change", "ACP takes tool servers only when a session is opened"),
            ("mcp_reconnect", "ACP has no way to reach a tool server of the agent"),
            ("mcp_status", "ACP does not tell how tool servers stand"),
            ("updated_input", "ACP has no way to change what a tool is called with"),
            ("deny_message", "ACP has no way to say something with a denial"),
        ],
    )
}

impl AcpCodec {
    pub(super) fn agent_info(&self) -> AgentInfo {
        let about = &self.state.about;
        AgentInfo {
            name: about.called(self.record.preset.as_deref()).to_owned(),
            version: about.version.clone(),
            protocol: Some(if about.two { "acp/2" } else { "acp/1" }.to_owned()),
        }
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        Capabilities {
            commands: self.state.commands.clone(),
            models: self.state.settings.models(),
            modes: self.state.settings.modes().into_iter().filter(|mode| !self.forbids(&mode.id)).collect(),
            account: self.state.account.clone(),
            supports: self.supports(),
            handshake: Some(self.state.about.answer.clone()),
            ..Capabilities::default()
        }
    }

    fn supports(&self) -> BTreeMap<String, Support> {
        let about = &self.state.about;
        let settings = &self.state.settings;
        let lacks = |what: &str| format!("the agent does not advertise {what}");
        let mcp = |kind: &str| {
            lacks(&format!("{}.{kind}", if about.two { "session.mcp" } else { "mcpCapabilities" }))
        };
        let offers = |way: &Way, what: &str| {
            when(*way != Way::Nowhere, || format!("the agent offers no {what} to choose"))
        };
        let plans = about.family == Family::Gemini || self.is_claude();
        let table = [
            ("interrupt", yes()),
            ("end", when(about.close, || lacks("session/close"))),
            ("commands", when(!self.state.commands.is_empty(), || "the agent offers no commands".to_owned())),
            ("permissions", yes()),
            ("plan", when(plans, || "the agent is not known to ask for the approval of a plan".to_owned())),
            ("todos", self.tells_todos()),
            ("elicitation", forms(about.family)),
            ("subagent_asks", subagents(about)),
            ("mcp_permissions", self.asks_for_servers()),
            ("steer", when(about.steering, || lacks("_meta.steering"))),
            ("resume", when(about.load || about.resume, || lacks("session/resume or session/load"))),
            ("fork", when(about.fork, || lacks("session/fork"))),
            ("fork_elsewhere", elsewhere(about)),
            ("rewind_undo", no("ACP has no way to go back in a conversation")),
            ("fork_at", no("session/fork copies a conversation as it is, and takes no point of it")),
            ("clear", yes()),
            (
                "compact",
                when(self.command("compact").is_some(), || "the agent offers no command /compact".to_owned()),
            ),
            (
                "compact_command",
                when(self.command("compact").is_some(), || "the agent offers no command /compact".to_owned()),
            ),
            ("compact_instructions", self.takes_compact_words()),
            ("cost_limit", self.tells_cost()),
            ("set_model", offers(&settings.model.way, "models")),
            ("set_mode", offers(&settings.mode.way, "modes")),
            ("set_effort", offers(&settings.effort.way, "efforts")),
            (
                "images",
                when(about.accepts.images, || {
                    lacks(if about.two { "session.prompt.image" } else { "promptCapabilities.image" })
                }),
            ),
            (
                "files",
                match (about.accepts.embedded, about.family) {
                    (false, _) => no("text files only: the agent takes no embedded resources"),
                    (true, Family::Goose) => {
                        no("goose says that it takes files, and drops all that is no text")
                    }
                    (true, _) => yes(),
                },
            ),
            ("mcp_stdio", when(!about.no_mcp_stdio, || mcp("stdio"))),
            ("mcp_http", when(about.mcp_http, || mcp("http"))),
            ("mcp_sse", when(about.mcp_sse, || mcp("sse"))),
            ("instructions_append", yes()),
            ("instructions_replace", when(about.instead, || lacks("systemPrompt.mode.override"))),
            ("always", yes()),
        ];
        let told = table.into_iter().map(|(verb, support)| (verb.to_owned(), support));
        told.chain(known()).collect()
    }

    /// Words for a summary go behind the command, where it says that it reads any.
    fn takes_compact_words(&self) -> Support {
        match self.command("compact") {
            None => no("the agent offers no command /compact"),
            Some(command) if command.argument_hint.is_none() => {
                no("the agent's command /compact takes no words")
            }
            Some(_) => yes(),
        }
    }

    /// The protocol has a word for what a session cost, which some programs never use.
    fn tells_cost(&self) -> Support {
        tells_no_cost(Protocol::Acp, self.program()).map_or_else(yes, no)
    }

    /// The adapter of Codex asks by a request without a title, and then denies it itself, for want of the title.
    fn asks_for_servers(&self) -> Support {
        if self.state.about.two && self.record.preset.as_deref() == Some("codex-acp") {
            return no(
                "the adapter lets a tool run that says that it harms nothing, and denies all others without asking",
            );
        }
        yes()
    }

    fn tells_todos(&self) -> Support {
        match self.state.about.family {
            Family::Goose => no("goose keeps its list to itself"),
            _ if self.is_claude() => no("the adapter does not show Claude Code's list"),
            _ => yes(),
        }
    }

    fn is_claude(&self) -> bool {
        self.record.preset.as_deref() == Some("claude-agent-acp")
    }

    /// Whether a mode asks nobody and was not allowed to.
    pub(super) fn forbids(&self, mode: &str) -> bool {
        asks_nobody(Protocol::Acp, self.program(), mode) && !self.record.allow_bypass
    }

    /// The program, where it is known. By another name goose is goose, too.
    fn program(&self) -> Option<&'static Preset> {
        let goose = (self.state.about.family == Family::Goose).then_some("goose");
        self.record.preset.as_deref().or(goose).and_then(Preset::find)
    }

    fn command(&self, name: &str) -> Option<&CommandInfo> {
        self.state.commands.iter().find(|command| command.name == name)
    }
}

fn when(can: bool, why: impl FnOnce() -> String) -> Support {
    if can { Support::Yes(true) } else { Support::No(why()) }
}

/// Every agent may ask by a form; these two are known never to.
fn forms(family: Family) -> Support {
    match family {
        Family::Goose => {
            no("goose keeps the form of a tool server to itself, and its turn waits for it until it gives up")
        }
        Family::OpenCode => no("OpenCode takes no forms from its tool servers, and shows none of its own"),
        _ => yes(),
    }
}

/// A fork in another directory than its parent's.
fn elsewhere(about: &super::agent::About) -> Support {
    match about.family {
        _ if !about.fork => no("the agent does not advertise session/fork"),
        Family::OpenCode => no(
            "OpenCode keeps a forked conversation in its first directory: a tool that asks in another one waits for ever",
        ),
        _ => yes(),
    }
}

/// Version 2 tells of the conversations of subagents, and asks in them.
fn subagents(about: &super::agent::About) -> Support {
    match about.family {
        _ if about.two => yes(),
        Family::Goose => no("a subagent of goose asks nobody: what it does was allowed with the delegation"),
        Family::OpenCode => no(
            "OpenCode keeps what a subagent asks to itself, and its turn waits for it until it is interrupted",
        ),
        _ => no("version 1 of ACP does not tell that it is a subagent that asks"),
    }
}

fn yes() -> Support {
    Support::Yes(true)
}

fn no(why: &str) -> Support {
    Support::No(why.to_owned())
}

/// Reads the list of commands.
pub(super) fn read_commands(update: &Value) -> Vec<CommandInfo> {
    let read = |command: &Value| {
        Some(CommandInfo {
            name: string_at(command, &["name"])?.trim_start_matches('/').to_owned(),
            description: string_at(command, &["description"]).unwrap_or_default(),
            argument_hint: string_at(command, &["input", "hint"]),
        })
    };
    list_at(update, &["availableCommands"]).iter().filter_map(read).collect()
}
