//! A conversation's entry, read off the two ends of its transcript and the marks beside it. The rules are those of the
//! program's own list, so that both show the same.

use std::path::Path;

use tenure_event::Timestamp;

use super::beside;
use super::prompt;
use super::scan::is_session;
use crate::ends::{Ends, first_under, last, last_under};
use crate::fields::{self, flag, object, record, text, time};
use crate::files;
use crate::{Conversation, Found, ReadError};

/// Longest mark that is read, in bytes.
const MARK_MAX: u64 = 4096;
/// Longest title of a person, in characters.
const TITLE_MAX: usize = 200;

record!(
    /// `archived.json`.
    ArchivedMark { archived: "archived", at: "at" }
);
record!(
    /// `custom-title.json`.
    TitleMark { title: "customTitle" }
);
record!(
    /// A record that may show that somebody asked something.
    Later {
        kind: "type", continued: "continuedInSessionId", is_error: "isApiErrorMessage", message: "message", is_meta: "isMeta",
        at: "timestamp", attachment: "attachment", origin: "origin",
    }
);
record!(
    /// What was said.
    Inner { content: "content", stop: "stop_reason", prompt: "prompt", origin: "origin", kind: "kind" }
);

pub(super) fn describe(found: &Found) -> Result<Option<Conversation>, ReadError> {
    let ends = Ends::read(&found.path)?;
    if let Some(entry) = entry(found, &ends) {
        return Ok(Some(entry));
    }
    // What was asked first may be long, or stand behind something long.
    Ok(if ends.is_whole() { None } else { entry(found, &Ends::wider(&found.path)?) })
}

/// What its ends tell.
fn entry(found: &Found, ends: &Ends) -> Option<Conversation> {
    let (head, tail) = (ends.head(), ends.tail());
    let line = head.split('\n').next().unwrap_or_default();
    if line.contains("\"isSidechain\":true") || line.contains("\"isSidechain\": true") {
        return None;
    }
    if continued_elsewhere(found, &tail) {
        return None;
    }
    let titled = |end: &str, kind, key| last(end, key, Some(kind), true).filter(|title| !title.is_empty());
    let custom_title = titled(&tail, "custom-title", "customTitle")
        .or_else(|| title_mark(&found.path))
        .or_else(|| titled(&head, "custom-title", "customTitle"))
        .or_else(|| titled(&tail, "ai-title", "aiTitle"))
        .or_else(|| titled(&head, "ai-title", "aiTitle"));
    let first_input = Some(prompt::first(&head)).filter(|prompt| !prompt.is_empty());
    let said = |key| last(&tail, key, None, false).filter(|text| !text.is_empty());
    let title = custom_title
        .clone()
        .or_else(|| said("lastPrompt"))
        .or_else(|| said("summary"))
        .or_else(|| first_input.clone())
        .or_else(|| prompt::wordless(&head).map(str::to_owned));
    title.as_ref()?;
    let told = |key| first_under(&head, key);
    Some(Conversation {
        created_at: told("timestamp").and_then(|at| at.parse::<Timestamp>().ok()),
        cwd: last(&tail, "relocatedCwd", Some("relocated"), false)
            .or_else(|| told("cwd"))
            .filter(|cwd| !cwd.is_empty()),
        git_branch: last_under(&tail, "gitBranch")
            .or_else(|| told("gitBranch"))
            .filter(|branch| !branch.is_empty()),
        tags: last(&tail, "tag", Some("tag"), true).filter(|tag| !tag.is_empty()).into_iter().collect(),
        archived: archived(&found.path, ends, &head, &tail),
        model: last_under(&tail, "model").filter(|model| model != "<synthetic>"),
        version: last_under(&tail, "version").or_else(|| told("version")),
        programmatic: is_programmatic(&head, &tail),
        forked_from: forked_from(&head),
        title,
        custom_title,
        first_input,
        ..Conversation::of(found)
    })
}

/// A program spoke to it, or a daemon did.
fn is_programmatic(head: &str, tail: &str) -> bool {
    let entry = first_under(head, "entrypoint").or_else(|| last_under(tail, "entrypoint"));
    if matches!(entry.as_deref(), Some("sdk-cli" | "sdk-ts" | "sdk-py")) {
        return true;
    }
    let chained = head.split('\n').find(|line| line.contains("\"parentUuid\":")).unwrap_or(head);
    matches!(first_under(chained, "sessionKind").as_deref(), Some("daemon" | "daemon-worker"))
}

/// The conversation whose records it begins with.
fn forked_from(head: &str) -> Option<String> {
    record!(
        /// A record that was carried along.
        Carried { from: "forkedFrom" }
    );
    record!(
        /// Where it stood.
        From { session: "sessionId" }
    );
    let line = head.split('\n').find(|line| line.contains("\"forkedFrom\":"))?;
    let carried: Carried<'_> = fields::parse(line)?;
    fields::word(object::<From<'_>>(carried.from)?.session)
}

/// A title beside the transcript, without what no line can show.
fn title_mark(transcript: &Path) -> Option<String> {
    let bytes = files::small(&beside(transcript).join("custom-title.json"), MARK_MAX)?;
    let line = fields::line_text(&bytes);
    let title = text(fields::parse::<TitleMark<'_>>(&line)?.title)?;
    let one_line: String = title.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let short: String = one_line.chars().take(TITLE_MAX).collect();
    Some(short.trim().to_owned()).filter(|title| !title.is_empty())
}

/// Whether it is put away: somebody said so, and nobody asked anything since.
fn archived(transcript: &Path, ends: &Ends, head: &str, tail: &str) -> Option<bool> {
    let bytes = files::small(&beside(transcript).join("archived.json"), MARK_MAX)?;
    let line = fields::line_text(&bytes);
    let mark: ArchivedMark<'_> = fields::parse(&line)?;
    let said = mark.archived?.get();
    let at = time(mark.at)?;
    match said {
        "true" => Some(!(asked_after(tail, at) || (!ends.is_whole() && asked_after(head, at)))),
        "false" => Some(false),
        _ => None,
    }
}

fn asked_after(end: &str, at: Timestamp) -> bool {
    let may = |line: &&str| {
        (line.contains("\"user\"") || line.contains("\"queued_command\""))
            && !line.contains("\"tool_result\"")
    };
    end.split('\n').filter(may).filter_map(fields::parse::<Later<'_>>).any(|later| {
        let inner = object::<Inner<'_>>(later.message.or(later.attachment));
        let Some(inner) = inner.filter(|_| !flag(later.is_meta)) else { return false };
        let origin = object::<Inner<'_>>(later.origin.or(inner.origin));
        let human = origin.is_none_or(|origin| text(origin.kind).as_deref() == Some("human"));
        let said = inner.content.or(inner.prompt).map(|raw| raw.get()).unwrap_or_default();
        human && says_something(said) && time(later.at).is_some_and(|when| when > at)
    })
}

/// Whether a prompt is more than what the program wrote itself.
fn says_something(content: &str) -> bool {
    if content.contains("\"type\":\"image\"") || content.contains("\"type\":\"document\"") {
        return true;
    }
    let asked = format!("{{\"type\":\"user\",\"message\":{{\"content\":{content}}}}}");
    let first = prompt::first(&asked);
    !first.is_empty() && !content.contains("<command-name>")
}

/// The conversation went on under another id, and that is there.
fn continued_elsewhere(found: &Found, tail: &str) -> bool {
    let Some(next) = continued_in(tail) else { return false };
    let path = found.path.with_file_name(format!("{next}.jsonl"));
    Ends::read(&path)
        .is_ok_and(|ends| ends.head().contains("\"parentUuid\":") || ends.tail().contains("\"parentUuid\":"))
}

/// The id under which it went on, unless it went on here later.
fn continued_in(tail: &str) -> Option<String> {
    const MARK: &str = "\"type\":\"continued-in\"";
    if !tail.contains(MARK) {
        return None;
    }
    for line in tail.rsplit('\n') {
        let is_mark = line.contains(MARK);
        if !is_mark && !line.contains("\"type\":\"user\"") && !line.contains("\"type\":\"assistant\"") {
            continue;
        }
        let Some(record) = fields::parse::<Later<'_>>(line) else { continue };
        if is_mark && text(record.kind).as_deref() == Some("continued-in") {
            return text(record.continued).filter(|id| is_session(id)).map(|id| id.into_owned());
        }
        if goes_on(&record, line) {
            return None;
        }
    }
    None
}

fn goes_on(record: &Later<'_>, line: &str) -> bool {
    if text(record.kind).as_deref() == Some("assistant") {
        let stopped = object::<Inner<'_>>(record.message).is_some_and(|message| text(message.stop).is_some());
        return stopped && !flag(record.is_error);
    }
    !prompt::first(line).is_empty()
}
