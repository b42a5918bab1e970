//! What was asked first, as the program's own list shows it: not what tools gave, not what the program wrote itself;
//! a command of the program only where nothing else was asked.

use std::borrow::Cow;

use crate::fields::{self, Field, object, record, text};

/// Longest line that is shown, in UTF-16 units as the program counts.
const SHOWN: usize = 200;

record!(
    /// A record, as far as it may be a prompt.
    Asked { kind: "type", is_meta: "isMeta", is_summary: "isCompactSummary", message: "message" }
);
record!(
    /// A message, as far as it may be a prompt.
    AskedMessage { content: "content" }
);
record!(
    /// A block of one.
    AskedBlock { kind: "type", text: "text" }
);

/// The first prompt in the beginning of a transcript; empty if there is none.
pub(super) fn first(head: &str) -> String {
    let mut command = String::new();
    for line in head.split('\n') {
        if !is_user(line)
            || line.contains("\"tool_result\"")
            || ["isMeta", "isCompactSummary"].iter().any(|key| says_true(line, key))
        {
            continue;
        }
        let Some(record) = fields::parse::<Asked<'_>>(line) else { continue };
        if let Some(prompt) = prompt_of(&record, &mut command) {
            return prompt;
        }
    }
    command
}

/// A word for a first prompt without words.
pub(super) fn wordless(head: &str) -> Option<&'static str> {
    let lines = head
        .split('\n')
        .filter(|line| is_user(line) && !line.contains("\"tool_result\"") && !says_true(line, "isMeta"));
    let mut found = lines.filter_map(|line| match line {
        _ if has_block(line, "image") => Some("Image"),
        _ if has_block(line, "document") => Some("Document"),
        _ => None,
    });
    found.next()
}

fn is_user(line: &str) -> bool {
    has_block(line, "user")
}

fn has_block(line: &str, kind: &str) -> bool {
    line.contains(&format!("\"type\":\"{kind}\"")) || line.contains(&format!("\"type\": \"{kind}\""))
}

fn says_true(line: &str, key: &str) -> bool {
    line.contains(&format!("\"{key}\":true")) || line.contains(&format!("\"{key}\": true"))
}

/// What a record asks, if it asks something. A command is put aside.
fn prompt_of(record: &Asked<'_>, command: &mut String) -> Option<String> {
    if text(record.kind)? != "user" || fields::flag(record.is_meta) || fields::flag(record.is_summary) {
        return None;
    }
    let message: AskedMessage<'_> = object(record.message)?;
    for said in texts(message.content)? {
        let line = said.replace('\n', " ");
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if let Some(name) = between(line, "<command-name>", "</command-name>") {
            if command.is_empty() {
                name.clone_into(command);
            }
            continue;
        }
        if let Some(shell) = between(line, "<bash-input>", "</bash-input>") {
            return Some(format!("! {}", shell.trim()));
        }
        if !is_own_note(line) {
            return Some(shortened(line));
        }
    }
    None
}

/// The texts of a prompt; none if a tool gave it.
fn texts(content: Field<'_>) -> Option<Vec<Cow<'_, str>>> {
    if let Some(whole) = text(content) {
        return Some(vec![whole]);
    }
    let blocks: Vec<&serde_json::value::RawValue> = serde_json::from_str(content?.get()).ok()?;
    let mut all = Vec::new();
    for block in blocks {
        let Some(block) = object::<AskedBlock<'_>>(Some(block)) else { continue };
        match text(block.kind).as_deref() {
            Some("tool_result") => return None,
            Some("text") => all.extend(text(block.text)),
            _ => {}
        }
    }
    Some(all)
}

fn between<'a>(line: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let start = line.find(open)? + open.len();
    let len = line[start..].find(close)?;
    Some(&line[start..start + len])
}

/// Text that the program wrote in the user's place: a tag that it opens with, or the note of an interrupt.
pub(super) fn is_own_note(line: &str) -> bool {
    if let Some(rest) = line.strip_prefix("[Request interrupted by user") {
        return rest.contains(']');
    }
    let Some(tag) = line.trim_start().strip_prefix('<') else { return false };
    let name = tag.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
    tag.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
        && tag[name..].chars().next().is_some_and(|next| next == '>' || next.is_whitespace())
}

/// Cut to what fits a line.
fn shortened(line: &str) -> String {
    let mut units = 0;
    for (at, c) in line.char_indices() {
        units += c.len_utf16();
        if units > SHOWN {
            let whole: usize = line.chars().map(char::len_utf16).sum();
            debug_assert!(whole > SHOWN);
            return format!("{}…", line[..at].trim());
        }
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(content: &str) -> String {
        format!("{{\"type\":\"user\",\"message\":{{\"content\":{content}}}}}\n")
    }

    #[test]
    fn the_first_that_a_person_said_counts() {
        let lines = [
            user("\"<local-command-caveat>x</local-command-caveat>\""),
            user("\"<command-name>/cost</command-name>\""),
            user("[{\"type\":\"tool_result\"},{\"type\":\"text\",\"text\":\"no\"}]"),
            user("\"[Request interrupted by user for tool use]\""),
            user("[{\"type\":\"text\",\"text\":\" two\\nlines \"}]"),
        ];
        assert_eq!(first(&lines.concat()), "two lines");
        assert_eq!(first(&lines[..4].concat()), "/cost");
        assert_eq!(first(&user("\"<3 is no tag\"")), "<3 is no tag");
        assert_eq!(first(&user("\"<bash-input> ls </bash-input>\"")), "! ls");
        assert_eq!(first("{\"type\":\"user\",\"mess"), "");
    }

    #[test]
    fn long_prompts_are_cut_as_the_program_cuts_them() {
        assert_eq!(shortened(&"ü".repeat(200)), "ü".repeat(200));
        assert_eq!(shortened(&"x".repeat(201)), format!("{}…", "x".repeat(200)));
        // A pair of surrogates is not torn apart.
        assert_eq!(shortened(&format!("{}😀", "x".repeat(199))), format!("{}…", "x".repeat(199)));
    }

    #[test]
    fn what_has_no_words_has_a_word() {
        assert_eq!(wordless(&user("[{\"type\":\"image\"}]")), Some("Image"));
        assert_eq!(wordless(&user("\"x\"")), None);
    }
}
