//! Standard output and standard error of commands that print and are done. Followers of streams use `term::Screen`.

use std::io::{self, Write};

use serde::Serialize;

use crate::term::stdout_is_terminal;
use crate::text::{clean, clean_json};

/// Prints text as it is.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Takes it that nobody reads the output any more, where all is known that the exit code tells.
pub(crate) fn or_closed(printed: io::Result<()>) -> io::Result<()> {
    printed.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

/// Prints bytes as they are.
pub(crate) fn print_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Prints one JSON document on one line.
pub(crate) fn json(value: &impl Serialize) -> io::Result<()> {
    print(&json_line(&serde_json::to_string(value)?))
}

/// A JSON document as the line that is printed: as it is, unless a terminal would obey what is in it.
pub(crate) fn json_line(json: &str) -> String {
    let mut line = if stdout_is_terminal() { clean_json(json) } else { json.to_owned() };
    line.push('\n');
    line
}

/// Prints a transcript in one of its formats: byte for byte, unless a terminal would obey what is in it.
pub(crate) fn transcript(bytes: &[u8], format: &str) -> io::Result<()> {
    if !stdout_is_terminal() {
        return print_bytes(bytes);
    }
    let text = String::from_utf8_lossy(bytes);
    print(&if matches!(format, "jsonl" | "acp") { clean_json(&text) } else { clean(&text) })
}

/// A line beside the output: notes, warnings, errors. That nobody reads it is no error.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
