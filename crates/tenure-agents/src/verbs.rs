//! The verbs that an agent can have or lack: what `supports` tells of, for every agent the same list.
//!
//! Whether an agent has one is told by its codec. What Tenure does by itself (the queue, suspend and resume,
//! checkpoints, files, commands of the workspace) is not here: it is there for every agent.

use std::collections::BTreeMap;

use tenure_event::Support;

/// One verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verb {
    /// Its name in `supports`, and as the `capability` of a refusal.
    pub name: &'static str,
    /// What a client can do where the agent has it.
    pub does: &'static str,
}

const fn verb(name: &'static str, does: &'static str) -> Verb {
    Verb { name, does }
}

/// All of them, in the order in which they are shown.
pub const ALL: &[Verb] = &[
    verb("interrupt", "end the running turn, and go on in the same process"),
    verb("steer", "hand an input to the turn that runs"),
    verb("commands", "run a command of the agent's by its name"),
    verb("resume", "go on with a conversation in a new process"),
    verb("clear", "begin an empty conversation in the same session"),
    verb("compact", "sum up the conversation to make room"),
    verb("compact_command", "… by a command that runs as a turn"),
    verb("compact_instructions", "… with words on what the summary is to keep"),
    verb("fork", "copy the conversation into a session of its own"),
    verb("fork_at", "… as it was at a turn or message"),
    verb("fork_elsewhere", "… with files of its own, in another directory"),
    verb("rewind", "take the conversation back"),
    verb("rewind_undo", "… and bring back what went"),
    verb("set_model", "change the model while the agent runs"),
    verb("set_mode", "change the mode while the agent runs"),
    verb("set_effort", "change the effort while the agent runs"),
    verb("instructions_append", "add to the agent's instructions when the session is made"),
    verb("instructions_replace", "replace the agent's instructions when the session is made"),
    verb("permissions", "be asked before a tool runs"),
    verb("always", "allow what is asked for, and the like of it from then on"),
    verb("updated_input", "allow a tool call with another input"),
    verb("deny_message", "say why something is denied"),
    verb("questions", "be asked questions"),
    verb("elicitation", "be asked to fill in a form"),
    verb("plan", "approve the agent's plan before it acts, or send it back"),
    verb("subagent_asks", "be asked what its subagents ask, with the way that leads to them"),
    verb("todos", "see the agent's list of things to do"),
    verb("tasks", "see what works in the background"),
    verb(
        "task_output",
        "read what a command in the background wrote, while it runs too where the agent tells it",
    ),
    verb("stop_task", "end one task"),
    verb("images", "send images"),
    verb("files", "send files that are neither text nor images, a PDF for example"),
    verb("mcp_stdio", "give it tool servers that are programs"),
    verb("mcp_http", "give it tool servers by HTTP"),
    verb("mcp_sse", "give it tool servers by server-sent events"),
    verb("mcp_permissions", "be asked before a tool of theirs runs that may do harm"),
    verb("mcp_change", "change its tool servers while it runs"),
    verb("mcp_reconnect", "connect to one of them again"),
    verb("mcp_status", "see how they stand"),
    verb("cost_limit", "hold it to what it may cost, by what it tells of that"),
    verb("end", "end the process by a request; without it its input is closed"),
];

/// What a codec tells of its agent: the verbs that it has, and why it lacks the others.
pub(crate) fn table(can: &[&str], cannot: &[(&str, &str)]) -> BTreeMap<String, Support> {
    let twice = can.iter().find(|verb| cannot.iter().any(|(lacks, _)| lacks == *verb));
    debug_assert!(twice.is_none(), "{twice:?} is said to be there and to be missing");
    let can = can.iter().map(|verb| ((*verb).to_owned(), Support::Yes(true)));
    let cannot = cannot.iter().map(|(verb, why)| ((*verb).to_owned(), Support::No((*why).to_owned())));
    can.chain(cannot).collect()
}
