//! Signals as short lines for snapshots: runs of deltas as one, ids by their order.

use std::fmt::Write as _;

use tenure_core::agent::{Signal, ToolStart};
use tenure_event::{Capabilities, MessageId, PartBody, Support};

use crate::json::clip;

/// Writes signals down.
#[derive(Default)]
pub(crate) struct Show {
    messages: Vec<MessageId>,
    run: Option<(String, usize, String)>,
    pub(crate) text: String,
}

impl Show {
    pub(crate) fn line(&mut self, line: &str) {
        self.flush();
        let _ = writeln!(self.text, "{}", clip(line, 900));
    }

    pub(crate) fn signal(&mut self, signal: &Signal) {
        if let Signal::Delta(delta) = signal {
            let name = self.name(&delta.message_id);
            let part = delta.part_id.rsplit('.').next().unwrap_or("?");
            let key = format!("delta {name}.{part} {:?}", delta.kind);
            match &mut self.run {
                Some((same, pieces, text)) if *same == key => {
                    *pieces += 1;
                    text.push_str(&delta.text);
                }
                _ => {
                    self.flush();
                    self.run = Some((key, 1, delta.text.clone()));
                }
            }
            return;
        }
        let line = self.told(signal);
        self.line(&format!("  {line}"));
    }

    pub(crate) fn flush(&mut self) {
        if let Some((key, pieces, text)) = self.run.take() {
            let _ = writeln!(self.text, "  {key} ×{pieces} {:?}", clip(&text, 200));
        }
    }

    fn name(&mut self, id: &MessageId) -> String {
        let at = self.messages.iter().position(|known| known == id).unwrap_or_else(|| {
            self.messages.push(id.clone());
            self.messages.len() - 1
        });
        format!("m{at}")
    }

    fn told(&mut self, signal: &Signal) -> String {
        match signal {
            Signal::Ready { agent_info, capabilities, model, mode, effort, fresh } => {
                format!(
                    "Ready {agent_info:?} {model:?} {mode:?} {effort:?} fresh={fresh}\n{}",
                    abilities(capabilities)
                )
            }
            Signal::Capabilities(capabilities) => format!("Capabilities\n{}", abilities(capabilities)),
            Signal::Message(done) => {
                let name = self.name(&done.message_id);
                let parts: Vec<String> = done.parts.iter().map(|part| body(&part.body)).collect();
                format!(
                    "Message {name} {:?}{}{} {:?} {}",
                    done.role,
                    if done.partial { " partial" } else { "" },
                    if done.replayed { " replayed" } else { "" },
                    done.native_ids,
                    parts.join(" | ")
                )
            }
            Signal::ToolStarted(start) => format!("ToolStarted {}", self.start(start)),
            Signal::ToolEnded(end) => format!(
                "ToolEnded {:?} {} input={:?} output={} diffs={:?} error={:?}",
                end.state,
                self.start(&end.start),
                end.input,
                end.output.as_ref().map(ToString::to_string).unwrap_or_default(),
                end.diffs,
                end.error
            ),
            Signal::Ask(ask) => format!(
                "Ask {} {:?} {:?} tool={:?} id={:?} input={} always={} options={:?}",
                ask.token,
                ask.kind,
                ask.title,
                ask.tool,
                ask.tool_id,
                ask.input.as_ref().map(ToString::to_string).unwrap_or_default(),
                ask.can_always,
                ask.options.iter().map(|o| format!("{}:{:?}", o.id, o.kind)).collect::<Vec<_>>()
            ),
            Signal::Native { kind, .. } => format!("Native {kind}"),
            Signal::TurnEnded(end) => format!(
                "TurnEnded n={:?} {:?} {:?} said={} cost={:?} usage={}",
                end.prompt_n,
                end.verdict,
                end.stop_reason,
                end.said,
                end.cost_usd,
                end.usage
                    .map(|u| format!(
                        "{}+{} (thought {}, cache {}/{})",
                        u.input_tokens,
                        u.output_tokens,
                        u.reasoning_tokens,
                        u.cache_read_tokens,
                        u.cache_write_tokens
                    ))
                    .unwrap_or_default()
            ),
            Signal::Answered { n, result } => match result {
                Ok(_) => format!("Answered n={n} well"),
                Err(error) => format!("Answered n={n} {error:?}"),
            },
            other => format!("{other:?}"),
        }
    }

    fn start(&mut self, start: &ToolStart) -> String {
        format!(
            "{} in {} {} {:?} {:?} {:?} {} {:?}",
            start.tool_id,
            self.name(&start.message_id),
            start.tool,
            start.kind,
            start.title,
            start.state,
            start.input,
            start.locations
        )
    }
}

fn body(body: &PartBody) -> String {
    match body {
        PartBody::Text { text } => format!("text {:?}", clip(text, 120)),
        PartBody::Thought { text } => format!("thought {:?}", clip(text, 120)),
        PartBody::Tool(tool) => {
            format!("tool {} {} {:?} {:?}", tool.tool_id, tool.tool, tool.title, tool.state)
        }
        other => clip(&format!("{other:?}"), 120).to_owned(),
    }
}

fn abilities(capabilities: &Capabilities) -> String {
    let names = |list: Vec<&String>| list.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let cannot: Vec<&String> = capabilities
        .supports
        .iter()
        .filter(|(_, support)| matches!(support, Support::No(_)))
        .map(|(verb, _)| verb)
        .collect();
    format!(
        "    commands: {}\n    models: {}\n    modes: {}\n    efforts: {:?}\n    cannot: {}",
        names(capabilities.commands.iter().map(|c| &c.name).collect()),
        names(capabilities.models.iter().map(|m| &m.id).collect()),
        names(capabilities.modes.iter().map(|m| &m.id).collect()),
        capabilities.models.iter().map(|m| m.efforts.len()).max(),
        names(cannot),
    )
}
