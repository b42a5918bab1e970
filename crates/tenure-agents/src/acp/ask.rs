//! `session/request_permission`, and the answers to it.

use serde_json::{Value, json};
use tenure_core::agent::{AskAnswer, AskSignal, Decoded, Signal};
use tenure_event::{AskKind, AskOption, Decision, OptionKind, Scope, ToolKind};

use super::AcpCodec;
use super::tool::{Facts, bare_word, says};
use super::two::asked_for;
use crate::json::{list_at, str_at, string_at};

impl AcpCodec {
    pub(super) fn permission(&mut self, offset: u64, token: String, params: &Value, out: &mut Decoded) {
        let call = &asked_for(params);
        let facts = Facts::read(call);
        let options = read_options(params);
        let known = self.tool_asked_for(offset, call, out).map(|tool| (tool.start(), tool.diffs.clone()));
        let (start, diffs) = known.unzip();
        let kind = facts.kind.or_else(|| start.as_ref().map(|start| start.kind));
        // Goose asks with the tool's name alone.
        let known_title = start.as_ref().map(|start| start.title.clone());
        let own_title = facts.title.filter(|title| known_title.is_none() || bare_word(Some(title)).is_none());
        let title = own_title.or(known_title);
        // Some ask with an empty one, and have told the whole before.
        let input = facts.input.filter(says).or_else(|| start.as_ref().map(|start| start.input.clone()));
        let input = input.filter(|input| !input.is_null());
        let changes = diffs.filter(|diffs| !diffs.is_empty()).map(|diffs| json!({"changes": diffs}));
        out.push(Signal::Ask(AskSignal {
            token,
            kind: if kind == Some(ToolKind::SwitchMode) { AskKind::Plan } else { AskKind::Permission },
            title: titled(title, params),
            tool: facts.name.or_else(|| start.map(|start| start.tool)),
            tool_id: string_at(call, &["toolCallId"]),
            // Who approves must see what: without arguments, the changes that are planned.
            input: input.or(changes),
            can_always: options.iter().any(|option| option.kind == OptionKind::AllowAlways),
            keep: json!({"options": options}),
            options,
            questions: Vec::new(),
            path: self.way(params),
            can_update_input: false,
        }));
    }
}

/// The tool's title, with what version 2 has to say of the request.
fn titled(title: Option<String>, params: &Value) -> String {
    let title = title.or_else(|| string_at(params, &["title"]));
    let title = title.unwrap_or_else(|| "The agent asks for permission".to_owned());
    match str_at(params, &["description"]) {
        Some(why) if !title.contains(why) => format!("{title}: {why}"),
        _ => title,
    }
}

fn read_options(params: &Value) -> Vec<AskOption> {
    let read = |option: &Value| {
        let id = string_at(option, &["optionId"])?;
        let kind = match str_at(option, &["kind"]) {
            Some("allow_once") => OptionKind::AllowOnce,
            Some("allow_always") => OptionKind::AllowAlways,
            Some("reject_once") => OptionKind::RejectOnce,
            Some("reject_always") => OptionKind::RejectAlways,
            _ => OptionKind::Other,
        };
        Some(AskOption { name: string_at(option, &["name"]).unwrap_or_else(|| id.clone()), id, kind })
    };
    list_at(params, &["options"]).iter().filter_map(read).collect()
}

/// The result of a permission request.
pub(super) fn write_outcome(answer: &AskAnswer) -> Value {
    match chosen(answer) {
        Some(id) => json!({"outcome": {"outcome": "selected", "optionId": id}}),
        None => json!({"outcome": {"outcome": "cancelled"}}),
    }
}

/// The option by its kind, because ids differ from agent to agent. An agent that offers
/// no option of a fitting kind gets `cancelled`: neither is it ever allowed by a denial,
/// nor denied by an approval.
fn chosen(answer: &AskAnswer) -> Option<String> {
    if answer.decision == Decision::Cancel {
        return None;
    }
    if let Some(id) = &answer.option_id {
        return Some(id.clone());
    }
    let kinds = match (answer.decision, answer.scope) {
        (Decision::Allow, Scope::Always) => [OptionKind::AllowAlways, OptionKind::AllowOnce],
        (Decision::Allow, _) => [OptionKind::AllowOnce, OptionKind::AllowAlways],
        (_, Scope::Always) => [OptionKind::RejectAlways, OptionKind::RejectOnce],
        _ => [OptionKind::RejectOnce, OptionKind::RejectAlways],
    };
    let options = list_at(&answer.keep, &["options"]);
    let of_kind = |kind: &OptionKind| {
        let word = serde_json::to_value(kind).ok()?;
        options.iter().find(|option| option.get("kind") == Some(&word))
    };
    kinds.iter().find_map(of_kind).and_then(|option| string_at(option, &["id"]))
}
