//! How the program is started: arguments and environment. Nothing secret and nothing that a
//! person wrote is in them: prompts go over stdin, instructions into files.

use tenure_core::agent::{Back, ResumeHow, StartRecord};

/// Files with instructions, where there are any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instructions {
    /// Path of a file whose text is added to the program's own instructions.
    pub append: Option<String>,
    /// Path of a file whose text is used instead of them.
    pub replace: Option<String>,
}

/// Arguments after the program. Each flag that is used takes the next argument whatever it is.
#[must_use]
pub fn command_line(record: &StartRecord, instructions: &Instructions) -> Vec<String> {
    let mut args = vec!["--mode".to_owned(), "rpc".to_owned()];
    let mut add = |flag: &str, value: Option<&str>| {
        if let Some(value) = value {
            args.extend([flag.to_owned(), value.to_owned()]);
        }
    };
    match &record.resume {
        ResumeHow::New => {}
        // One that somebody else began must be there; it is never made anew.
        ResumeHow::Resume(id) if record.generation == 1 && is_plain(id) => add("--session", Some(id)),
        // Nothing is written before the first answer: what was begun here may have to be begun again.
        ResumeHow::NewAs(id) | ResumeHow::Resume(id) | ResumeHow::Back(Back { id, .. }) => {
            add("--session-id", Some(id));
        }
        ResumeHow::Fork(fork) => {
            add("--fork", Some(&fork.from).filter(|id| is_plain(id)).map(String::as_str));
            add("--session-id", fork.chosen.as_deref());
        }
    }
    add("--model", record.model.as_deref());
    add("--thinking", record.effort.as_deref());
    add("--system-prompt", instructions.replace.as_deref());
    add("--append-system-prompt", instructions.append.as_deref());
    let trust = if record.project_trusted { "--approve" } else { "--no-approve" };
    args.push(trust.to_owned());
    args
}

/// An id, and no path.
fn is_plain(id: &str) -> bool {
    !id.starts_with(['.', '-']) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Variables that the program is given unless they are set otherwise.
#[must_use]
pub fn environment() -> Vec<(String, String)> {
    vec![("PI_SKIP_VERSION_CHECK".to_owned(), "1".to_owned())]
}

/// Names that must not reach the program: marks of another session that it would take for
/// its own, and options of the runtime that it runs under.
#[must_use]
pub fn scrub() -> &'static [&'static str] {
    &[
        "PI_CODING_AGENT",
        "PI_SESSION_ID",
        "PI_SESSION_FILE",
        "PI_PROVIDER",
        "PI_MODEL",
        "PI_REASONING_LEVEL",
        "NODE_OPTIONS",
    ]
}
