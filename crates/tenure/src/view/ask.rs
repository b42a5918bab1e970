//! An ask as a block of lines: what is asked, what it is about, how it can be answered.

use serde_json::Value;
use tenure_event::{Ask, AskKind, FileDiff, OptionKind, Question};

use super::diff::diff;
use super::form::{form_block, form_usage};
use super::tool::title;
use crate::style::Style;
use crate::text::{clean, cut, indent, one_line};

const MOST_LINES: usize = 30;
const WIDEST: usize = 200;

/// The ask as it stands in the output.
pub(crate) fn ask_block(style: Style, ask: &Ask, cwd: &str) -> String {
    let word = match ask.kind {
        AskKind::Permission => "",
        AskKind::Question | AskKind::Elicitation => "question: ",
        AskKind::Plan => "plan: ",
    };
    let mut out =
        format!("{} {}\n", style.ask("?"), style.ask(&format!("{word}{}", title(&ask.title, "", cwd))));
    if !ask.path.is_empty() {
        let path: Vec<String> = ask.path.iter().map(|p| one_line(p, 40)).collect();
        out.push_str(&format!("  {}\n", style.dim(&format!("asked by {}", path.join(" › ")))));
    }
    let form = form_block(style, ask);
    if !form.is_empty() {
        out.push_str(&form);
        return out;
    }
    if ask.questions.is_empty() {
        out.push_str(&ask.input.as_ref().map(|input| about(style, ask, input, cwd)).unwrap_or_default());
    }
    let several = ask.questions.len() > 1;
    for (i, question) in ask.questions.iter().enumerate() {
        // The title of a single question is the question.
        if several || question.question != ask.title {
            let number = if several { format!("{}. ", i + 1) } else { String::new() };
            out.push_str(&format!("  {}{}\n", number, style.bold(&one_line(&question.question, WIDEST))));
        }
        out.push_str(&choices(style, question));
    }
    out
}

fn choices(style: Style, question: &Question) -> String {
    let choice = |(i, c): (usize, &tenure_event::QuestionChoice)| {
        let what = c.description.as_deref().map(|d| format!("  {}", one_line(d, WIDEST))).unwrap_or_default();
        format!(
            "    {} {}{}\n",
            style.cyan(&format!("{}", i + 1)),
            one_line(&c.label, WIDEST),
            style.dim(&what)
        )
    };
    question.choices.iter().enumerate().map(choice).collect()
}

/// What a tool would be called with, as a person reads it.
fn about(style: Style, ask: &Ask, input: &Value, cwd: &str) -> String {
    let text = |key: &str| input.get(key).and_then(Value::as_str);
    if let Some(changes) = changes(input) {
        return changes.iter().map(|change| diff(style, change, cwd, " (its whole text)")).collect();
    }
    if let Some(plan) = text("plan").filter(|_| ask.kind == AskKind::Plan) {
        return indent(&clean(plan), "  ");
    }
    if let Some(command) = text("command") {
        // Never in the title alone: what is approved is seen whole.
        let short = one_line(command, WIDEST) == one_line(&ask.title, WIDEST) && !command.contains('\n');
        let why = text("description")
            .map(|d| format!("  {}\n", style.dim(&one_line(d, WIDEST))))
            .unwrap_or_default();
        let command = if short { String::new() } else { indent(&clean(command), "  $ ") };
        return format!("{command}{why}");
    }
    if input.is_null() || input.as_object().is_some_and(serde_json::Map::is_empty) {
        return String::new();
    }
    let pretty = serde_json::to_string_pretty(input).unwrap_or_default();
    let lines: Vec<String> =
        pretty.lines().map(|l| format!("  {}\n", style.dim(&cut(&clean(l), WIDEST)))).collect();
    let mut out = lines[..lines.len().min(MOST_LINES)].concat();
    if lines.len() > MOST_LINES {
        let more = format!("… {} more lines: tenure asks --json", lines.len() - MOST_LINES);
        out.push_str(&format!("  {}\n", style.dim(&more)));
    }
    out
}

/// Whether the block of an ask shows what will change, old and new.
pub(crate) fn shows_changes(ask: &Ask) -> bool {
    let changes = ask.input.as_ref().and_then(changes).unwrap_or_default();
    !changes.is_empty() && changes.iter().all(|change| change.old_text.is_some())
}

/// Changes to files in the words of the common edit tools.
fn changes(input: &Value) -> Option<Vec<FileDiff>> {
    if let Some(changes) = input.get("changes") {
        return serde_json::from_value(changes.clone()).ok();
    }
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let path = text(input, "file_path").or_else(|| text(input, "path"))?;
    let one = |value: &Value| {
        Some(FileDiff {
            path: path.clone(),
            old_text: Some(text(value, "old_string")?),
            new_text: text(value, "new_string")?,
        })
    };
    if let Some(edits) = input.get("edits").and_then(Value::as_array) {
        return edits.iter().map(one).collect();
    }
    if let Some(content) = text(input, "content") {
        return Some(vec![FileDiff { path, old_text: None, new_text: content }]);
    }
    one(input).map(|change| vec![change])
}

/// Whether the agent offers an "always" of its own.
pub(crate) fn can_always(ask: &Ask) -> bool {
    ask.options.iter().any(|o| o.kind == OptionKind::AllowAlways)
}

/// The keys that answer an ask without questions.
pub(crate) fn ask_keys(style: Style, ask: &Ask) -> String {
    let key = |k: &str, what: &str| format!("{} {what}", style.ask(k));
    let mut keys = vec![key("y", "yes"), key("n", "no")];
    if ask.kind == AskKind::Permission {
        keys.push(key("s", "yes, this session"));
    }
    if can_always(ask) {
        keys.push(key("a", "always"));
    }
    keys.push(key("m", "no, and say why"));
    if ask.kind == AskKind::Permission && ask.input.as_ref().is_some_and(Value::is_object) {
        keys.push(key("e", "edit"));
    }
    keys.join(&style.dim(" · "))
}

/// How an ask is answered from elsewhere.
pub(crate) fn how_to_answer(ask: &Ask) -> String {
    let form = form_usage(ask);
    if !form.is_empty() {
        format!("answer with `tenure allow {id}{form}` or `tenure deny {id}`", id = ask.id)
    } else if ask.questions.is_empty() {
        format!("answer with `tenure allow {id}` or `tenure deny {id}`", id = ask.id)
    } else {
        let questions: Vec<String> =
            (1..=ask.questions.len()).map(|n| format!(" --answer {n}=CHOICE")).collect();
        format!("answer with `tenure allow {}{}`", ask.id, questions.concat())
    }
}
