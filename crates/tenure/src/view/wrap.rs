//! Streamed text broken between words for a terminal. Text comes in pieces that end anywhere, so a word that turns
//! out to be too long for its line is taken back and written again on the next one.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

use crate::text::width;

/// Where the writing stands.
#[derive(Debug, Default)]
pub(crate) struct Wrap {
    /// Cells of a line; none writes text as it is.
    columns: Option<usize>,
    column: usize,
    /// The unfinished word at the end of what was written before.
    word: String,
}

impl Wrap {
    /// Lines have so many cells from now on. The last one stays empty: terminals differ in what they do there.
    pub(crate) fn set_columns(&mut self, columns: Option<usize>) {
        self.columns = columns.map(|c| c.saturating_sub(1).max(10));
    }

    /// A new line was begun, with so many cells on it.
    pub(crate) fn begin(&mut self, column: usize) {
        self.column = column;
        self.word.clear();
    }

    /// The next piece, with line ends between its words.
    pub(crate) fn push(&mut self, piece: &str) -> String {
        let Some(columns) = self.columns else { return piece.to_owned() };
        let mut out = String::with_capacity(piece.len() + 16);
        let carried = std::mem::take(&mut self.word);
        // Where the current word begins in `out`; none while it began before this piece.
        let mut start = if carried.is_empty() { Some(0) } else { None };
        for c in piece.chars() {
            let cells = c.width().unwrap_or(0);
            let fits = self.column + cells <= columns;
            match c {
                '\n' => {
                    out.push(c);
                    (self.column, start) = (0, Some(out.len()));
                }
                ' ' => {
                    if fits {
                        out.push(c);
                        self.column += 1;
                    } else {
                        out.push('\n');
                        self.column = 0;
                    }
                    start = Some(out.len());
                }
                c => {
                    if !fits {
                        self.column = break_line(&mut out, start, &carried, columns);
                        // A word that was taken back stands in `out` now.
                        start = start.or(Some(out.len() - tail_of(&out).len())).map(|s| s.min(out.len()));
                    }
                    out.push(c);
                    self.column += cells;
                }
            }
        }
        self.word = match start {
            Some(start) => tail_of(&out[start..]).to_owned(),
            None => carried + &out,
        };
        out
    }
}

/// The last word of a text that has no blank after it.
fn tail_of(text: &str) -> &str {
    text.rsplit([' ', '\n']).next().unwrap_or(text)
}

/// Puts a line's end before the current word, or inside of it if it fills a line alone. Returns the column after it.
fn break_line(out: &mut String, start: Option<usize>, carried: &str, columns: usize) -> usize {
    let word = match start {
        Some(start) => tail_of(&out[start..]).to_owned(),
        None => format!("{carried}{out}"),
    };
    let cells = width(&word);
    if cells == 0 || cells >= columns {
        out.push('\n');
        return 0;
    }
    match start {
        Some(_) => out.insert(out.len() - word.len(), '\n'),
        None => {
            out.clear();
            let _ = write!(out, "\x1b[{}D\x1b[K\n{word}", width(carried));
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands on the screen after pieces were written.
    fn written(columns: usize, pieces: &[&str]) -> String {
        let mut wrap = Wrap::default();
        wrap.set_columns(Some(columns + 1));
        let mut shown = String::new();
        for piece in pieces {
            let mut out = wrap.push(piece);
            while let Some(at) = out.find('\u{1b}') {
                shown.push_str(&out[..at]);
                let code = out[at + 2..].split_once('D').unwrap();
                let back: usize = code.0.parse().unwrap();
                let keep = shown.chars().count() - back;
                shown = shown.chars().take(keep).collect();
                out = code.1.strip_prefix("\x1b[K").unwrap().to_owned();
            }
            shown.push_str(&out);
        }
        shown
    }

    #[test]
    fn lines_end_between_words_wherever_the_pieces_are_cut() {
        let text = "The quick brown fox, a veryveryverylongwordthatfillslines and\nthe end of it all";
        let whole = written(12, &[text]);
        assert_eq!(
            whole,
            "The quick \nbrown fox, a\nveryveryvery\nlongwordthat\nfillslines \nand\nthe end of \nit all"
        );
        for size in 1..10 {
            let pieces: Vec<String> =
                text.chars().collect::<Vec<_>>().chunks(size).map(|c| c.iter().collect()).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            assert_eq!(written(12, &pieces), whole, "pieces of {size}");
        }
    }

    #[test]
    fn without_columns_text_is_left_alone() {
        assert_eq!(
            Wrap::default().push("any long line of text that goes on"),
            "any long line of text that goes on"
        );
    }
}
