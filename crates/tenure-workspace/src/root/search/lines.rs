//! Lines of a file that match a pattern.

use std::io::{self, Read};
use std::path::PathBuf;

use regex::bytes::{Regex, RegexBuilder};

use super::walk::Visit;

/// Longest pattern, in bytes.
const LONGEST_PATTERN: usize = 1000;
/// Memory that a pattern may take, in bytes.
const PATTERN_SIZE: usize = 1 << 20;
/// Larger files are not searched.
const LARGEST: u64 = 16 << 20;
/// A zero byte in the first so many says that it is no text.
const LOOKED_AT: usize = 8 * 1024;
/// So much of a long line is told, in bytes.
const TOLD: usize = 1024;

/// A line that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The file, from the root.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: u64,
    /// Where in it the match begins, in bytes, from 1.
    pub column: u64,
    /// The line without its end; of a long one the part about the match. Bytes that are no UTF-8 are replaced.
    pub text: String,
    /// It is not the whole line.
    pub cut: bool,
}

/// A regular expression; it takes time in proportion to the text, whatever it says.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

/// It is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

impl Pattern {
    /// Reads one; with `fixed` every character means itself.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str, fixed: bool, ignore_case: bool) -> Result<Self, PatternError> {
        if text.is_empty() || text.len() > LONGEST_PATTERN {
            return Err(PatternError(format!("give a pattern of 1 to {LONGEST_PATTERN} bytes")));
        }
        let text = if fixed { regex::escape(text) } else { text.to_owned() };
        let regex = RegexBuilder::new(&text).case_insensitive(ignore_case).size_limit(PATTERN_SIZE).build();
        regex.map(Self).map_err(|error| PatternError(format!("{error}; `fixed=true` takes it as plain text")))
    }
}

/// What one file gave.
pub(super) struct Seen {
    pub lines: Vec<Line>,
    pub bytes: u64,
    /// There may be more after this line.
    pub stopped_at: Option<u64>,
}

/// Searches a file from after a line; none if it is not searched.
pub(super) fn grep_file(
    visit: &Visit<'_>,
    pattern: &Pattern,
    done: u64,
    room: usize,
) -> io::Result<Option<Seen>> {
    let Some((file, metadata)) = visit.open()? else { return Ok(None) };
    if metadata.len() > LARGEST {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST || bytes[..bytes.len().min(LOOKED_AT)].contains(&0) {
        return Ok(None);
    }
    let mut seen = Seen { lines: Vec::new(), bytes: bytes.len() as u64, stopped_at: None };
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if number <= done {
            continue;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(found) = pattern.0.find(line) else { continue };
        let (text, cut) = about(line, found.start());
        let column = found.start() as u64 + 1;
        seen.lines.push(Line { path: visit.path().to_owned(), line: number, column, text, cut });
        if seen.lines.len() >= room {
            seen.stopped_at = Some(number);
            break;
        }
    }
    Ok(Some(seen))
}

/// The line, or the part of it about a place.
fn about(line: &[u8], at: usize) -> (String, bool) {
    if line.len() <= TOLD {
        return (String::from_utf8_lossy(line).into_owned(), false);
    }
    let from = at.saturating_sub(TOLD / 4).min(line.len() - TOLD);
    (String::from_utf8_lossy(&line[from..from + TOLD]).into_owned(), true)
}
