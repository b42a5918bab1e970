//! Requests to a person: may a command run, may files change, more permissions, questions,
//! and the forms of tool servers.
//!
//! The decisions that Codex offers are options by their own names. `acceptForSession` is
//! its own memory of an approval for as long as the process lives, so a scope of `session`
//! is said in it too; what it would write down for good is its `always`.

use serde_json::{Map, Value, json};
use tenure_core::agent::AskSignal;
use tenure_event::{AskKind, AskOption, OptionKind, Question, QuestionChoice};

use super::CodexCodec;
use super::shell::unwrapped;
use crate::acp::form;
use crate::field::one_line;
use crate::json::{at, list_at, str_at, string_at};

/// More decisions, or questions, than this are not shown.
const MANY: usize = 64;

impl CodexCodec {
    /// `item/commandExecution/requestApproval`.
    pub(super) fn command_ask(&self, token: String, params: &Value) -> AskSignal {
        let command = str_at(params, &["command"]).map(unwrapped);
        let host = str_at(params, &["networkApprovalContext", "host"]);
        let title = match (&command, host) {
            (_, Some(host)) => format!("Reach {host}"),
            (Some(command), None) => command.clone(),
            (None, None) => str_at(params, &["reason"]).unwrap_or("Run a command").to_owned(),
        };
        let mut input = Map::new();
        let shown = ["cwd", "reason", "additionalPermissions", "networkApprovalContext"];
        input.extend(command.map(|command| ("command".to_owned(), Value::from(command))));
        input.extend(shown.into_iter().filter_map(|key| Some((snake(key), at(params, &[key])?.clone()))));
        let decisions = decisions(list_at(params, &["availableDecisions"]));
        AskSignal {
            tool: Some("exec_command".to_owned()),
            input: Some(Value::Object(input)),
            ..self.permission(token, params, &title, decisions)
        }
    }

    /// `item/fileChange/requestApproval`. What would change was told when the call began.
    pub(super) fn change_ask(&self, token: String, params: &Value) -> AskSignal {
        let call =
            str_at(params, &["itemId"]).and_then(|id| self.memory.calls.iter().find(|call| call.id == id));
        let mut input = call.and_then(|call| call.input.as_object().cloned()).unwrap_or_default();
        for key in ["reason", "grantRoot"] {
            input.extend(at(params, &[key]).map(|value| (snake(key), value.clone())));
        }
        let title = call.map_or_else(|| "Change files".to_owned(), |call| call.title.clone());
        AskSignal {
            tool: Some("apply_patch".to_owned()),
            input: Some(Value::Object(input)),
            ..self.permission(token, params, &title, decisions(&[json!("accept"), json!("acceptForSession")]))
        }
    }

    /// `item/permissions/requestApproval`: what a turn, or the session, may do beyond its sandbox.
    pub(super) fn permissions_ask(&self, token: String, params: &Value) -> AskSignal {
        let wanted = at(params, &["permissions"]).cloned().unwrap_or_default();
        let title = str_at(params, &["reason"]).unwrap_or("More permissions").to_owned();
        let options = decisions(&[json!("accept"), json!("acceptForSession")]);
        let mut ask = self.permission(token, params, &title, options);
        ask.keep["what"] = json!("permissions");
        ask.keep["permissions"] = wanted.clone();
        let input =
            json!({"permissions": wanted, "cwd": at(params, &["cwd"]), "reason": at(params, &["reason"])});
        AskSignal { tool: Some("request_permissions".to_owned()), input: Some(input), ..ask }
    }

    /// `item/tool/requestUserInput`.
    pub(super) fn question_ask(&self, token: String, params: &Value) -> Option<AskSignal> {
        let asked = list_at(params, &["questions"]);
        if asked.is_empty() || asked.len() > MANY {
            return None;
        }
        let questions: Vec<Question> = asked.iter().map(read_question).collect::<Option<_>>()?;
        let ids: Vec<Value> = asked
            .iter()
            .map(|one| json!({"id": at(one, &["id"]), "question": at(one, &["question"])}))
            .collect();
        let title = one_line(&questions.first()?.question);
        Some(AskSignal {
            kind: AskKind::Question,
            questions,
            keep: json!({"what": "question", "questions": ids}),
            options: Vec::new(),
            tool: Some("request_user_input".to_owned()),
            ..self.permission(token, params, &title, Vec::new())
        })
    }

    /// `mcpServer/elicitation/request`: a form, a page to visit, or whether a tool of the server may be used.
    pub(super) fn server_ask(&self, token: String, params: &Value) -> Option<AskSignal> {
        let server = str_at(params, &["serverName"]).unwrap_or("a tool server");
        let message = str_at(params, &["message"]).unwrap_or("wants an answer");
        let title = one_line(&format!("{server}: {message}"));
        let ask = self.permission(token, params, &title, Vec::new());
        if str_at(params, &["_meta", "codex_approval_kind"]) == Some("mcp_tool_call") {
            return Some(tool_ask(ask, server, params));
        }
        let base = json!({"server": server, "message": message});
        match str_at(params, &["mode"]) {
            Some("url") => {
                let mut input = base;
                input["url"] = at(params, &["url"]).cloned().unwrap_or_default();
                let keep = json!({"what": "elicitation"});
                Some(AskSignal {
                    kind: AskKind::Elicitation,
                    input: Some(input),
                    keep,
                    options: accept_or_not(),
                    ..ask
                })
            }
            None | Some("form" | "openai/form" | "openaiForm") => {
                let schema = at(params, &["requestedSchema"]).filter(|schema| schema.is_object())?;
                let (questions, keep) = form::read_form(schema).unwrap_or_default();
                let mut input = base;
                input["schema"] = schema.clone();
                let keep = json!({"what": "elicitation", "form": keep});
                Some(AskSignal {
                    kind: AskKind::Elicitation,
                    input: Some(input),
                    questions,
                    keep,
                    options: accept_or_not(),
                    ..ask
                })
            }
            _ => None,
        }
    }

    fn permission(
        &self,
        token: String,
        params: &Value,
        title: &str,
        decisions: Vec<(AskOption, Value)>,
    ) -> AskSignal {
        let can_always = decisions.iter().any(|(option, _)| option.kind == OptionKind::AllowAlways);
        let words: Map<String, Value> =
            decisions.iter().map(|(option, word)| (option.id.clone(), word.clone())).collect();
        let (options, _): (Vec<AskOption>, Vec<Value>) = decisions.into_iter().unzip();
        let foreign = str_at(params, &["threadId"]).filter(|_| self.is_foreign(params));
        AskSignal {
            token,
            kind: AskKind::Permission,
            title: one_line(title),
            tool: None,
            tool_id: string_at(params, &["itemId"]),
            input: None,
            keep: json!({"what": "decision", "words": words, "options": options}),
            options,
            questions: Vec::new(),
            path: foreign.map(ToOwned::to_owned).into_iter().collect(),
            can_update_input: false,
            can_always,
        }
    }
}

/// The decisions on offer, with what is said for each. A denial that lets the turn go on is
/// always taken, whatever is listed.
fn decisions(offered: &[Value]) -> Vec<(AskOption, Value)> {
    let offered =
        if offered.is_empty() { &[json!("accept"), json!("acceptForSession")][..] } else { offered };
    let mut all: Vec<(AskOption, Value)> = Vec::new();
    for word in offered.iter().take(MANY) {
        let Some((id, name, kind)) = meaning(word) else { continue };
        let id = if all.iter().any(|(known, _)| known.id == id) { format!("{id}#{}", all.len()) } else { id };
        all.push((AskOption { id, name, kind }, word.clone()));
    }
    for (word, name) in [("decline", "Deny"), ("cancel", "Deny and end the turn")] {
        all.push((option(word, name, OptionKind::RejectOnce), json!(word)));
    }
    all
}

fn meaning(word: &Value) -> Option<(String, String, OptionKind)> {
    let told = |id: &str, name: &str, kind| Some((id.to_owned(), name.to_owned(), kind));
    if let Some(word) = word.as_str() {
        return match word {
            "accept" => told(word, "Allow", OptionKind::AllowOnce),
            // It ends with the process: no `always`.
            "acceptForSession" => told(word, "Allow for the session", OptionKind::AllowOnce),
            "decline" | "cancel" => None,
            other => told(other, other, OptionKind::Other),
        };
    }
    let (id, what) = word.as_object()?.iter().next()?;
    match id.as_str() {
        "acceptWithExecpolicyAmendment" => {
            let prefix: Vec<&str> =
                list_at(what, &["execpolicy_amendment"]).iter().filter_map(Value::as_str).collect();
            told(id, &format!("Always allow `{}`", prefix.join(" ")), OptionKind::AllowAlways)
        }
        "applyNetworkPolicyAmendment" => {
            let host = str_at(what, &["network_policy_amendment", "host"]).unwrap_or("this host");
            match str_at(what, &["network_policy_amendment", "action"]) {
                Some("allow") => told(id, &format!("Always allow {host}"), OptionKind::AllowAlways),
                _ => told(id, &format!("Always deny {host}"), OptionKind::RejectAlways),
            }
        }
        other => told(other, other, OptionKind::Other),
    }
}

/// Whether a tool of a server may be used comes as a form without fields.
fn tool_ask(ask: AskSignal, server: &str, params: &Value) -> AskSignal {
    let meta = |key: &str| at(params, &["_meta", key]);
    let tool = meta("tool_name").or_else(|| meta("tool_title")).and_then(Value::as_str).unwrap_or("tool");
    let persist: Vec<&str> = match meta("persist") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let mut options = vec![option("accept", "Allow", OptionKind::AllowOnce)];
    if persist.contains(&"session") {
        options.push(option("session", "Allow for the session", OptionKind::AllowOnce));
    }
    if persist.contains(&"always") {
        options.push(option("always", "Always allow", OptionKind::AllowAlways));
    }
    options.push(option("decline", "Deny", OptionKind::RejectOnce));
    AskSignal {
        tool: Some(format!("mcp__{server}__{tool}")),
        input: Some(
            json!({"server": server, "tool": tool, "arguments": meta("tool_params"), "message": at(params, &["message"])}),
        ),
        can_always: persist.contains(&"always"),
        keep: json!({"what": "server_tool", "persist": persist}),
        options,
        ..ask
    }
}

fn accept_or_not() -> Vec<AskOption> {
    vec![
        option("accept", "Accept", OptionKind::AllowOnce),
        option("decline", "Decline", OptionKind::RejectOnce),
    ]
}

fn option(id: &str, name: &str, kind: OptionKind) -> AskOption {
    AskOption { id: id.to_owned(), name: name.to_owned(), kind }
}

fn read_question(one: &Value) -> Option<Question> {
    let choice = |choice: &Value| {
        Some(QuestionChoice {
            label: string_at(choice, &["label"])?,
            description: string_at(choice, &["description"]),
        })
    };
    Some(Question {
        question: string_at(one, &["question"])?,
        header: string_at(one, &["header"]),
        choices: list_at(one, &["options"]).iter().take(MANY).filter_map(choice).collect(),
        multiple: false,
    })
}

/// `grantRoot` as `grant_root`.
fn snake(key: &str) -> String {
    key.chars().fold(String::new(), |mut word, c| {
        if c.is_ascii_uppercase() {
            word.push('_');
        }
        word.push(c.to_ascii_lowercase());
        word
    })
}
