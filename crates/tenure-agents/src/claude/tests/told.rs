//! Signals as short lines, for snapshots that a person can read.

use serde_json::Value;
use tenure_core::agent::{MessageDone, Signal, TaskSignal};
use tenure_event::{Part, PartBody};

/// One line per signal. Message ids are numbered in the order in which they appear.
pub(super) fn told(signals: &[Signal]) -> String {
    let mut ids = Vec::new();
    signals.iter().map(|signal| line(signal, &mut ids) + "\n").collect()
}

fn number(ids: &mut Vec<String>, id: &str) -> String {
    let at = ids.iter().position(|known| known == id).unwrap_or_else(|| {
        ids.push(id.to_owned());
        ids.len() - 1
    });
    format!("#{}", at + 1)
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    };
    if text.chars().count() > 160 { text.chars().take(160).collect::<String>() + "…" } else { text }
}

fn under(parent: Option<&String>) -> String {
    parent.map(|parent| format!(" under {parent}")).unwrap_or_default()
}

fn part(part: &Part) -> String {
    let at = part.id.rsplit('.').next().unwrap_or_default();
    match &part.body {
        PartBody::Text { text } => format!("{at}:text {}", short(&Value::from(text.as_str()))),
        PartBody::Thought { text } => format!("{at}:thought {}", short(&Value::from(text.as_str()))),
        PartBody::Tool(tool) => format!("{at}:tool {} {} {:?}", tool.tool_id, tool.tool, tool.state),
        other => format!("{at}:{other:?}"),
    }
}

fn line(signal: &Signal, ids: &mut Vec<String>) -> String {
    match signal {
        Signal::Delta(delta) => {
            let id = number(ids, delta.message_id.as_str());
            let at = delta.part_id.rsplit('.').next().unwrap_or_default();
            let under = under(delta.parent_tool_id.as_ref());
            format!("  delta {id}.{at} {:?} @{} {:?}{under}", delta.kind, delta.offset, delta.text)
        }
        Signal::Message(m) => message(m, ids),
        Signal::ToolStarted(_) | Signal::ToolEnded(_) => tool(signal, ids),
        Signal::Ready { .. } | Signal::Ask(_) => shown(signal),
        Signal::Native { kind, .. } => format!("native {kind}"),
        Signal::Answered { n, result: Ok(value) } => format!("answered {n}: {}", short(value)),
        Signal::Task(TaskSignal::Started(task)) => format!("task started {task:?}"),
        Signal::TurnEnded(end) => {
            let usage = end.usage.map(|u| (u.input_tokens, u.output_tokens));
            format!(
                "TURN ENDED {:?} inputs {:?} stop {:?} usage {usage:?} cost {:?} said {} idle follows {}\n",
                end.verdict, end.native_inputs, end.stop_reason, end.cost_usd, end.said, end.idle_follows
            )
        }
        other => format!("{other:?}"),
    }
}

fn message(m: &MessageDone, ids: &mut Vec<String>) -> String {
    let id = number(ids, m.message_id.as_str());
    let parts: Vec<String> = m.parts.iter().map(part).collect();
    let usage = m.usage.map(|u| (u.input_tokens, u.output_tokens));
    let partial = if m.partial { " PARTIAL" } else { "" };
    let under = under(m.parent_tool_id.as_ref());
    let native = m.native_ids.first().map_or("", String::as_str);
    let more = m.native_ids.len();
    format!(
        "message {id} {native} ({more} ids) {:?} {:?} {usage:?}{partial}{under} [{}]",
        m.role,
        m.model,
        parts.join("; ")
    )
}

fn tool(signal: &Signal, ids: &mut Vec<String>) -> String {
    match signal {
        Signal::ToolStarted(t) => {
            let id = number(ids, t.message_id.as_str());
            let under = under(t.parent_tool_id.as_ref());
            format!(
                "tool started {} in {id} {} {:?} {:?} {} {:?}{under}",
                t.tool_id,
                t.tool,
                t.kind,
                t.title,
                short(&t.input),
                t.locations
            )
        }
        Signal::ToolEnded(t) => {
            let output = t.output.as_ref().map(short);
            format!(
                "tool ended {} {:?} output {} error {:?} diffs {:?}",
                t.start.tool_id,
                t.state,
                output.as_deref().unwrap_or("none"),
                t.error,
                t.diffs
            )
        }
        _ => String::new(),
    }
}

fn shown(signal: &Signal) -> String {
    match signal {
        Signal::Ready { agent_info, capabilities: c, model, mode, effort, .. } => format!(
            "ready {} {:?} {:?}: {} commands, models {:?}, {} modes, agents {:?}, styles {:?}, account {:?}; \
             model {model:?} mode {mode:?} effort {effort:?}",
            agent_info.name,
            agent_info.version,
            agent_info.protocol,
            c.commands.len(),
            c.models.iter().map(|m| (m.id.as_str(), m.efforts.len())).collect::<Vec<_>>(),
            c.modes.len(),
            c.agents.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(),
            c.output_styles.len(),
            c.account.as_ref().map(|a| (&a.token_source, &a.key_source)),
        ),
        Signal::Ask(ask) => format!(
            "ask {:?} {:?} {:?} {:?}\n    input {}\n    options {:?}\n    questions {:?}\n    path {:?} always {} \
             update {}\n    keep {}",
            ask.kind,
            ask.title,
            ask.tool,
            ask.tool_id,
            ask.input.as_ref().map(short).unwrap_or_default(),
            ask.options.iter().map(|o| (o.id.as_str(), o.name.as_str())).collect::<Vec<_>>(),
            ask.questions,
            ask.path,
            ask.can_always,
            ask.can_update_input,
            short(&ask.keep),
        ),
        _ => String::new(),
    }
}
