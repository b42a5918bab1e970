//! How the program is started: arguments and environment. Nothing secret and nothing that
//! a person wrote is in them: prompts, instructions and tool servers go over stdin.

use tenure_core::agent::{Back, Point, ResumeHow, StartRecord};

/// The mode that asks for nothing.
pub(super) const BYPASS_MODE: &str = "bypassPermissions";
/// Every mode in which it asks nobody.
pub(crate) const BYPASS: &[&str] = &[BYPASS_MODE];

/// Arguments after the program. Values are joined with `=`, so that none can be taken for
/// a flag.
#[must_use]
pub fn command_line(record: &StartRecord) -> Vec<String> {
    let mut args: Vec<String> = [
        "--output-format=stream-json",
        "--verbose",
        "--input-format=stream-json",
        "--include-partial-messages",
        "--permission-prompt-tool=stdio",
    ]
    .map(str::to_owned)
    .into();
    match &record.resume {
        ResumeHow::New => {}
        ResumeHow::NewAs(id) => args.push(format!("--session-id={id}")),
        ResumeHow::Resume(id) | ResumeHow::Back(Back { id, .. }) => args.push(format!("--resume={id}")),
        ResumeHow::Fork(fork) => {
            args.extend([format!("--resume={}", fork.from), "--fork-session".to_owned()]);
            args.extend(fork.chosen.as_ref().map(|id| format!("--session-id={id}")));
        }
    }
    args.extend(record.resume.point().map(|point| format!("--resume-session-at={}", last_record(point))));
    if let Some(model) = &record.model {
        args.push(format!("--model={model}"));
    }
    if record.allow_bypass {
        args.push("--allow-dangerously-skip-permissions".to_owned());
    }
    if let Some(mode) = record.mode.as_deref().filter(|mode| *mode != BYPASS_MODE || record.allow_bypass) {
        args.push(format!("--permission-mode={mode}"));
    }
    if let Some(effort) = &record.effort {
        args.push(format!("--effort={effort}"));
    }
    if record.append_instructions.is_some() || record.replace_instructions.is_some() {
        // A resumed conversation otherwise keeps the instructions it was recorded with.
        args.push("--system-prompt-snapshot=off".to_owned());
    }
    if !record.project_trusted {
        // Without a terminal the program runs a project's hooks and tool servers unasked.
        args.push("--setting-sources=user".to_owned());
        args.push("--strict-mcp-config".to_owned());
    }
    args
}

/// The last record that is kept. The ids of records are UUIDs, those of the model and of requests are not; a name that
/// the program does not know ends it with an error.
fn last_record(point: &Point) -> &str {
    let is_uuid = |id: &&String| id.len() == 36 && id.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
    let record = point.kept.iter().rev().find(is_uuid);
    record.or(point.kept.last()).map_or("", String::as_str)
}

/// Variables that the program needs for what the codec relies on.
#[must_use]
pub fn environment(_record: &StartRecord) -> Vec<(String, String)> {
    [
        ("CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS", "1"),
        ("CLAUDE_CODE_ENABLE_SDK_FILE_CHECKPOINTING", "true"),
        ("CLAUDE_CODE_ENABLE_TODO_TOOLS", "1"),
        ("DISABLE_AUTOUPDATER", "1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Names that must not reach the program: marks of another session that it would take for
/// its own, and options of runtimes that it would run under.
#[must_use]
pub fn scrub() -> &'static [&'static str] {
    &[
        "CLAUDECODE",
        "CLAUDE_CODE_CHILD_SESSION",
        "CLAUDE_CODE_ENTRYPOINT",
        "CLAUDE_CODE_PARENT_SESSION_ID",
        "CLAUDE_CODE_SDK_READS_SESSION_STATE",
        "CLAUDE_CODE_SESSION_ID",
        "CLAUDE_CODE_SSE_PORT",
        "NODE_OPTIONS",
        "BUN_OPTIONS",
    ]
}
