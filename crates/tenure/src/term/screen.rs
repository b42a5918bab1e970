//! Output that grows downwards, with a few lines below it (the bottom) that are redrawn in place.
//!
//! The output is never rewritten: before more of it comes the bottom is erased, and drawn again after it, also when
//! the output stops in the middle of a line. So what scrolls away, or is piped to a file, is the output alone.

use std::fmt::Write as _;
use std::io::{self, Write};

use unicode_width::UnicodeWidthChar;

use crate::text;

const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
const ERASE_BELOW: &str = "\x1b[J";

/// Standard output, as a terminal or not.
pub(crate) struct Screen {
    sink: Box<dyn Write + Send>,
    /// None when it is no terminal: then there is no bottom.
    columns: Option<Box<dyn Fn() -> usize + Send>>,
    /// Cells of the output's last line.
    column: usize,
    /// The last line was full and was wrapped here: a line's end that comes next is there already.
    wrapped: bool,
    bottom: Vec<String>,
    drawn: bool,
    hidden: bool,
}

impl Screen {
    /// Standard output.
    pub(crate) fn stdout() -> Self {
        let columns = super::stdout_is_terminal()
            .then(|| -> Box<dyn Fn() -> usize + Send> { Box::new(|| super::columns().unwrap_or(80)) });
        Self::new(Box::new(io::stdout()), columns)
    }

    /// Nothing is shown.
    pub(crate) fn nowhere() -> Self {
        Self::new(Box::new(io::sink()), None)
    }

    fn new(sink: Box<dyn Write + Send>, columns: Option<Box<dyn Fn() -> usize + Send>>) -> Self {
        Self { sink, columns, column: 0, wrapped: false, bottom: Vec::new(), drawn: false, hidden: false }
    }

    /// Whether there can be a bottom.
    pub(crate) fn is_terminal(&self) -> bool {
        self.columns.is_some()
    }

    /// More output, which may end anywhere in a line.
    pub(crate) fn print(&mut self, output: &str) -> io::Result<()> {
        let mut frame = String::new();
        if !output.is_empty() {
            self.erase(&mut frame);
            let there = std::mem::take(&mut self.wrapped);
            let output = if there { output.strip_prefix('\n').unwrap_or(output) } else { output };
            frame.push_str(output);
            self.advance(output);
        }
        self.draw(&mut frame);
        self.write(&frame)
    }

    /// What stands below the output from now on.
    pub(crate) fn set_bottom(&mut self, lines: Vec<String>) -> io::Result<()> {
        if !self.is_terminal() || (lines == self.bottom && self.drawn) {
            return Ok(());
        }
        let mut frame = String::new();
        self.erase(&mut frame);
        self.bottom = lines;
        self.draw(&mut frame);
        self.write(&frame)
    }

    /// Ends the last line if it is open, takes the bottom away and shows the cursor again.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        let mut frame = String::new();
        self.erase(&mut frame);
        self.bottom.clear();
        if self.column > 0 {
            frame.push('\n');
            self.column = 0;
        }
        if std::mem::take(&mut self.hidden) {
            frame.push_str(SHOW_CURSOR);
        }
        self.write(&frame)
    }

    fn write(&mut self, frame: &str) -> io::Result<()> {
        if frame.is_empty() {
            return Ok(());
        }
        self.sink.write_all(frame.as_bytes())?;
        self.sink.flush()
    }

    /// The cursor stands at the end of the output, also while the bottom is drawn: all below it goes.
    fn erase(&mut self, frame: &mut String) {
        if std::mem::take(&mut self.drawn) {
            frame.push_str(ERASE_BELOW);
        }
    }

    fn draw(&mut self, frame: &mut String) {
        let Some(columns) = self.columns.as_ref().map(|c| c()) else { return };
        if self.bottom.is_empty() || self.drawn {
            return;
        }
        if !std::mem::replace(&mut self.hidden, true) {
            frame.push_str(HIDE_CURSOR);
        }
        // A full line has not been wrapped by the terminal yet; wrapping it here looks the same.
        if self.column >= columns {
            frame.push_str("\r\n");
            self.column = 0;
            self.wrapped = true;
        }
        let below = self.column > 0;
        if below {
            frame.push_str("\r\n");
        }
        let lines: Vec<String> = self.bottom.iter().map(|l| fit(l, columns.saturating_sub(1))).collect();
        frame.push_str(&lines.join("\r\n"));
        let up = lines.len() - usize::from(!below);
        if up > 0 {
            let _ = write!(frame, "\x1b[{up}A");
        }
        frame.push('\r');
        if below {
            let _ = write!(frame, "\x1b[{}C", self.column);
        }
        self.drawn = true;
    }

    /// Follows the cursor over output, wrapping where the terminal does.
    fn advance(&mut self, output: &str) {
        let columns = self.columns.as_ref().map_or(usize::MAX, |c| c());
        let (mut escape, mut back) = (false, 0);
        for c in output.chars() {
            match c {
                '\u{1b}' => (escape, back) = (true, 0),
                _ if escape => match c {
                    '0'..='9' => back = back * 10 + c as usize - '0' as usize,
                    ';' => back = 0,
                    'D' => (escape, self.column) = (false, self.column.saturating_sub(back)),
                    c => escape = !c.is_ascii_alphabetic(),
                },
                '\n' => self.column = 0,
                c => {
                    let cells = c.width().unwrap_or(0);
                    self.column = if self.column + cells > columns { cells } else { self.column + cells };
                }
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

/// A line that may hold our colour codes, cut to a number of cells.
fn fit(line: &str, max: usize) -> String {
    if text::width(line) <= max {
        return line.to_owned();
    }
    let (mut out, mut used, mut escape) = (String::new(), 0, false);
    for c in line.chars() {
        escape |= c == '\u{1b}';
        let cells = if escape { 0 } else { c.width().unwrap_or(0) };
        if used + cells > max {
            break;
        }
        used += cells;
        out.push(c);
        escape &= c != 'm';
    }
    out.push_str("\x1b[0m");
    out
}

#[cfg(test)]
mod tests;
