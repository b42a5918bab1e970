//! Text for people: foreign text made harmless, widths, lengths of time, sizes. Knows no colour.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

/// Takes what terminals obey out of text that others wrote: escape sequences, control characters and marks that
/// turn the direction of writing. Remembers a sequence that is cut in two.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cleaner {
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum State {
    #[default]
    Text,
    Escape,
    /// `ESC [ …`, ends at a letter.
    Control,
    /// `ESC ] …` and its like, ends at BEL or `ESC \`.
    Message,
}

impl Cleaner {
    /// The next piece without what is not text. Line ends become `\n`, tabs four blanks.
    pub(crate) fn clean(&mut self, piece: &str) -> String {
        let mut out = String::with_capacity(piece.len());
        for c in piece.chars() {
            self.state = match (self.state, c) {
                (_, '\u{1b}') => State::Escape,
                (State::Escape, '[') => State::Control,
                (State::Escape, ']' | 'P' | 'X' | '^' | '_') => State::Message,
                (State::Escape, _) => State::Text,
                (State::Control, '\u{40}'..='\u{7e}') | (State::Message, '\u{7}') => State::Text,
                // A sequence never goes over a line's end; what looks like it was none.
                (State::Control | State::Message, '\n') => {
                    out.push('\n');
                    State::Text
                }
                (State::Control | State::Message, _) => self.state,
                (State::Text, _) => {
                    push_text(&mut out, c);
                    State::Text
                }
            };
        }
        out
    }
}

fn push_text(out: &mut String, c: char) {
    match c {
        '\n' => out.push('\n'),
        '\t' => out.push_str("    "),
        c if is_obeyed(c) => {}
        c => out.push(c),
    }
}

/// Whether a terminal obeys this character instead of showing it: control characters, and marks that turn the
/// direction of writing.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// JSON whose texts no terminal obeys, with the same meaning: what it would obey is written as `\uXXXX`.
pub(crate) fn clean_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // What is left of control characters in a document of JSON stands between its values.
        if is_obeyed(c) && !c.is_ascii_whitespace() {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Foreign text made harmless, whole.
pub(crate) fn clean(text: &str) -> String {
    Cleaner::default().clean(text)
}

/// Foreign text as one line of at most `max` cells.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let joined = clean(text).split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&joined, max)
}

/// At most `max` cells of a line without escape codes, with an ellipsis where it was cut.
pub(crate) fn cut(line: &str, max: usize) -> String {
    if width(line) <= max {
        return line.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in line.chars() {
        used += c.width().unwrap_or(0);
        if used + 1 > max {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// Cells that a line takes; escape codes that we wrote take none.
pub(crate) fn width(line: &str) -> usize {
    let mut escape = false;
    let cell = |c: char| {
        if c == '\u{1b}' {
            escape = true;
        }
        if escape {
            escape = c != 'm';
            return 0;
        }
        c.width().unwrap_or(0)
    };
    line.chars().map(cell).sum()
}

/// A length of time, short: `12 ms`, `4.2 s`, `3 min`, `2 h 5 min`, `4 d`.
pub(crate) fn duration(ms: u64) -> String {
    let s = ms / 1000;
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..10_000 => format!("{}.{} s", s, ms % 1000 / 100),
        10_000..120_000 => format!("{s} s"),
        120_000..3_600_000 => format!("{} min", s / 60),
        3_600_000..172_800_000 => format!("{} h {} min", s / 3600, s / 60 % 60),
        _ => format!("{} d", s / 86_400),
    }
}

/// How long ago, in whole units: `now`, `12 s`, `3 min`, `5 h`, `4 d`.
pub(crate) fn age(ms: u64) -> String {
    match ms / 1000 {
        0..2 => "now".to_owned(),
        s @ 2..120 => format!("{s} s"),
        s @ 120..7200 => format!("{} min", s / 60),
        s @ 7200..172_800 => format!("{} h", s / 3600),
        s => format!("{} d", s / 86_400),
    }
}

/// How long ago, in words.
pub(crate) fn ago(ms: u64) -> String {
    match age(ms) {
        now if now == "now" => now,
        age => format!("{age} ago"),
    }
}

/// A count in at most four characters: `950`, `1.8k`, `200k`, `1.2M`.
pub(crate) fn count(n: u64) -> String {
    match n {
        0..1000 => n.to_string(),
        1000..10_000 => format!("{}.{}k", n / 1000, n % 1000 / 100),
        10_000..1_000_000 => format!("{}k", n / 1000),
        _ => format!("{}.{}M", n / 1_000_000, n % 1_000_000 / 100_000),
    }
}

/// Bytes in powers of ten: `512 B`, `4.0 KB`, `12 GB`.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut scale = 1;
    while unit + 1 < UNITS.len() && n / scale >= 1000 {
        scale *= 1000;
        unit += 1;
    }
    let (whole, tenth) = (n / scale, n % scale * 10 / scale);
    if unit == 0 || whole >= 10 {
        format!("{whole} {}", UNITS[unit])
    } else {
        format!("{whole}.{tenth} {}", UNITS[unit])
    }
}

/// A cost that is known.
pub(crate) fn dollars(usd: f64) -> String {
    if usd > 0.0 && usd < 0.1 { format!("${usd:.4}") } else { format!("${usd:.2}") }
}

/// `1 task`, `2 tasks`.
pub(crate) fn plural(n: usize, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}

/// Every line with `prefix` before it.
pub(crate) fn indent(text: &str, prefix: &str) -> String {
    let mut out = String::new();
    for line in text.trim_end_matches('\n').split('\n') {
        let _ = writeln!(out, "{prefix}{line}");
    }
    out
}

#[cfg(test)]
mod tests;
