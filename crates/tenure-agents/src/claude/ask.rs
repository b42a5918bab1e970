//! Asks: a permission, a question, a plan or a form, as the program requests them.

use serde_json::{Value, json};
use tenure_core::agent::{AskSignal, StartRecord};
use tenure_event::{AskKind, AskOption, OptionKind, Question, QuestionChoice};

use super::{field, tools};
use crate::acp::form;

/// Reads `can_use_tool`. `plan` is what the agent planned, as far as that was seen; `path` the subagents that led to it.
pub(super) fn permission(
    record: &StartRecord,
    token: &str,
    request: &Value,
    plan: Option<&str>,
    path: &[String],
) -> AskSignal {
    let tool = field::id(request, "tool_name").unwrap_or("unknown");
    let input = request.get("input").cloned().unwrap_or_default();
    let kind = match tool {
        "AskUserQuestion" => AskKind::Question,
        "ExitPlanMode" => AskKind::Plan,
        _ => AskKind::Permission,
    };
    let suggestions = always(request);
    let can_always = kind == AskKind::Permission && may_always(record, request, &suggestions);
    AskSignal {
        token: token.to_owned(),
        kind,
        title: match (kind, field::text(request, "title")) {
            (AskKind::Permission, Some(title)) if !title.trim().is_empty() => field::one_line(title),
            _ => tools::title(&record.cwd, tool, &input),
        },
        tool: Some(tool.to_owned()),
        tool_id: field::id(request, "tool_use_id").map(str::to_owned),
        options: options(kind, can_always, &suggestions),
        questions: if kind == AskKind::Question { questions(&input) } else { Vec::new() },
        path: path.to_vec(),
        keep: keep(kind, &input, can_always, &suggestions),
        can_update_input: true,
        can_always,
        input: Some(if kind == AskKind::Plan { with_plan(input, plan) } else { input }),
    }
}

/// What the answer needs. Rules are kept only where they may be given.
fn keep(kind: AskKind, input: &Value, can_always: bool, suggestions: &[Value]) -> Value {
    let mut keep = json!({"what": "tool"});
    if can_always {
        keep["suggestions"] = Value::from(suggestions.to_vec());
    }
    if kind == AskKind::Plan {
        keep["input"] = input.clone();
    }
    keep
}

/// What is shown of a plan. The answer gives back what was asked, without the plan.
fn with_plan(mut input: Value, plan: Option<&str>) -> Value {
    if let (Some(fields), Some(plan)) = (input.as_object_mut(), plan) {
        fields.entry("plan").or_insert_with(|| Value::from(plan));
    }
    input
}

/// Reads `elicitation`: a tool server wants a form filled in, or a page visited.
pub(super) fn elicitation(token: &str, request: &Value, path: &[String]) -> AskSignal {
    let server = field::id(request, "mcp_server_name").unwrap_or("a tool server");
    let message = field::text(request, "message").unwrap_or("wants an answer");
    AskSignal {
        token: token.to_owned(),
        kind: AskKind::Elicitation,
        title: field::one_line(&format!("{server}: {message}")),
        tool: None,
        tool_id: None,
        input: Some(json!({
            "server": server,
            "message": message,
            "mode": request.get("mode"),
            "schema": request.get("requested_schema"),
            "url": request.get("url"),
        })),
        options: vec![
            option("allow", "Accept", OptionKind::AllowOnce),
            option("deny", "Decline", OptionKind::RejectOnce),
        ],
        questions: request
            .get("requested_schema")
            .and_then(form::read_form)
            .map(|(questions, _)| questions)
            .unwrap_or_default(),
        path: path.to_vec(),
        keep: json!({"what": "elicitation"}),
        can_update_input: true,
        can_always: false,
    }
}

/// What the program's own "always" would change: rules, or else directories, or else the
/// mode. The rest of its suggestions reaches further than the call that is asked about.
fn always(request: &Value) -> Vec<Value> {
    if field::flag(request, "suppress_always_allow_rule") {
        return Vec::new();
    }
    let suggestions = field::items(request, "permission_suggestions");
    let of = |kind: &str| -> Vec<Value> {
        suggestions.iter().filter(|one| field::text(one, "type") == Some(kind)).cloned().collect()
    };
    ["addRules", "addDirectories", "setMode"]
        .into_iter()
        .map(of)
        .find(|some| !some.is_empty())
        .unwrap_or_default()
}

/// An untrusted project's settings are not written; what ends with the session may be given.
fn may_always(record: &StartRecord, request: &Value, suggestions: &[Value]) -> bool {
    !suggestions.is_empty()
        && !field::flag(request, "requires_user_interaction")
        && (record.project_trusted
            || suggestions.iter().all(|one| field::text(one, "destination") == Some("session")))
}

fn options(kind: AskKind, can_always: bool, suggestions: &[Value]) -> Vec<AskOption> {
    let (yes, no) = match kind {
        AskKind::Plan => ("Approve the plan", "Keep planning"),
        AskKind::Question => ("Answer", "Do not answer"),
        AskKind::Permission | AskKind::Elicitation => ("Allow once", "Deny"),
    };
    let mut options = vec![option("allow", yes, OptionKind::AllowOnce)];
    if can_always {
        options.push(option("always", &always_words(suggestions), OptionKind::AllowAlways));
    }
    options.push(option("deny", no, OptionKind::RejectOnce));
    options
}

fn option(id: &str, name: &str, kind: OptionKind) -> AskOption {
    AskOption { id: id.to_owned(), name: name.to_owned(), kind }
}

/// What "always" means here, and where it is written.
fn always_words(suggestions: &[Value]) -> String {
    let what: Vec<String> = suggestions.iter().flat_map(suggestion_words).take(4).collect();
    let place = suggestions.iter().find_map(|one| field::text(one, "destination")).unwrap_or("session");
    let place = match place {
        "session" => "for this session",
        "localSettings" => "written to .claude/settings.local.json",
        "projectSettings" => "written to .claude/settings.json",
        "userSettings" => "written to the user's settings",
        other => other,
    };
    field::clip(&format!("Always allow {} ({place})", what.join(", ")), 300)
}

fn suggestion_words(suggestion: &Value) -> Vec<String> {
    match field::text(suggestion, "type") {
        Some("addRules") => field::items(suggestion, "rules")
            .iter()
            .map(|rule| {
                let tool = field::text(rule, "toolName").unwrap_or("tool");
                match field::text(rule, "ruleContent") {
                    Some(content) => format!("{tool}({})", field::one_line(content)),
                    None => tool.to_owned(),
                }
            })
            .collect(),
        Some("addDirectories") => field::items(suggestion, "directories")
            .iter()
            .filter_map(Value::as_str)
            .map(|directory| format!("files in {directory}"))
            .collect(),
        Some("setMode") => {
            vec![format!("by mode {}", field::text(suggestion, "mode").unwrap_or("default"))]
        }
        _ => Vec::new(),
    }
}

fn questions(input: &Value) -> Vec<Question> {
    field::items(input, "questions")
        .iter()
        .filter_map(|question| {
            Some(Question {
                question: field::text(question, "question")?.to_owned(),
                header: field::text(question, "header").map(str::to_owned),
                choices: field::items(question, "options").iter().filter_map(choice).collect(),
                multiple: field::flag(question, "multiSelect"),
            })
        })
        .take(64)
        .collect()
}

fn choice(option: &Value) -> Option<QuestionChoice> {
    Some(QuestionChoice {
        label: field::text(option, "label").or_else(|| option.as_str())?.to_owned(),
        description: field::text(option, "description").map(str::to_owned),
    })
}
