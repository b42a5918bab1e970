//! Signals as lines for people, for snapshots.

use tenure_core::agent::{Signal, ToolStart};
use tenure_event::{Part, PartBody};

fn short(text: &str) -> String {
    text.chars().take(90).collect()
}

/// Ids of messages are long: the order in which they came says as much.
struct Ids(Vec<String>);

impl Ids {
    fn number(&mut self, id: &str) -> String {
        let at = self.0.iter().position(|known| known == id).unwrap_or_else(|| {
            self.0.push(id.to_owned());
            self.0.len() - 1
        });
        format!("m{}", at + 1)
    }
}

fn part(part: &Part) -> String {
    match &part.body {
        PartBody::Text { text } => format!("text {:?}", short(text)),
        PartBody::Thought { text } => format!("thought {:?}", short(text)),
        PartBody::Tool(tool) => format!("tool {} {:?}", tool.tool, tool.state),
        other => short(&format!("{other:?}")),
    }
}

fn tool(start: &ToolStart, ids: &mut Ids) -> String {
    let message = ids.number(start.message_id.as_str());
    format!("{} in {message} {:?} {:?} {:?}", start.tool, start.kind, short(&start.title), start.locations)
}

fn line(signal: &Signal, ids: &mut Ids) -> String {
    match signal {
        Signal::Delta(delta) => {
            let message = ids.number(delta.message_id.as_str());
            format!("  {message} {:?} at {} {:?}", delta.kind, delta.offset, short(&delta.text))
        }
        Signal::Message(m) => format!(
            "MESSAGE {} {:?} {:?} {:?}{}{} [{}]",
            ids.number(m.message_id.as_str()),
            m.role,
            m.model,
            m.usage.map(|u| (u.input_tokens, u.output_tokens)),
            if m.partial { " PARTIAL" } else { "" },
            if m.replayed { " REPLAYED" } else { "" },
            m.parts.iter().map(part).collect::<Vec<_>>().join("; ")
        ),
        Signal::ToolStarted(start) => format!("tool started: {}", tool(start, ids)),
        Signal::ToolEnded(end) => format!(
            "tool ended: {} {:?} output {:?} error {:?} diffs {:?}",
            end.start.tool,
            end.state,
            end.output.as_ref().map(|o| short(&o.to_string())),
            end.error.as_deref().map(short),
            end.diffs
        ),
        Signal::ToolProgressed { output, .. } => format!("tool tells {output:?}"),
        Signal::Ask(ask) => format!(
            "ask {:?} {:?} tool {:?} input {:?} questions {:?}",
            ask.kind,
            ask.title,
            ask.tool,
            ask.input.as_ref().map(|i| short(&i.to_string())),
            ask.questions
        ),
        Signal::Ready { capabilities: c, model, effort, fresh, .. } => format!(
            "ready: commands {:?}, models {:?}; model {model:?} effort {effort:?} fresh {fresh}",
            c.commands.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
            c.models.iter().map(|m| (m.id.as_str(), m.efforts.len())).collect::<Vec<_>>(),
        ),
        Signal::TurnEnded(end) => format!(
            "TURN ENDED prompt {:?} {} stop {:?} usage {:?} cost {:?} said {}\n",
            end.prompt_n,
            short(&format!("{:?}", end.verdict)),
            end.stop_reason,
            end.usage.map(|u| (u.input_tokens, u.output_tokens)),
            end.cost_usd,
            end.said
        ),
        Signal::Answered { n, result } => format!("answered {n} {}", short(&format!("{result:?}"))),
        Signal::Native { kind, value, .. } => {
            format!("native {kind} {}", short(&value.as_ref().map(ToString::to_string).unwrap_or_default()))
        }
        Signal::AskWithdrawn { .. } => "ask withdrawn".to_owned(),
        other => format!("{other:?}"),
    }
}

/// One line for each signal.
pub(super) fn told(signals: &[Signal]) -> String {
    let mut ids = Ids(Vec::new());
    signals.iter().map(|signal| line(signal, &mut ids)).collect::<Vec<_>>().join("\n")
}
