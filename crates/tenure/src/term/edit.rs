//! A line editor: keys in, text out. It draws nothing itself but tells how its line looks.

use unicode_width::UnicodeWidthChar;

use super::Key;
use crate::style::Style;

/// Longest text that is taken.
const MAX_CHARS: usize = 1 << 20;

/// A text that is being written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LineEdit {
    chars: Vec<char>,
    at: usize,
}

/// What a key led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Edit {
    /// The text may have changed.
    Going,
    /// Enter: this is the text, and the editor is empty again.
    Done(String),
    /// Escape, or the end of input on an empty line.
    Given,
}

impl LineEdit {
    /// Begins with this text, the cursor behind it.
    pub(crate) fn with(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        Self { at: chars.len(), chars }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chars.is_empty()
    }

    pub(crate) fn key(&mut self, key: Key) -> Edit {
        match key {
            Key::Enter => {
                self.at = 0;
                return Edit::Done(std::mem::take(&mut self.chars).into_iter().collect());
            }
            Key::Escape => return Edit::Given,
            Key::Ctrl('d') if self.chars.is_empty() => return Edit::Given,
            Key::Char(c) => self.insert(&c.to_string()),
            Key::NewLine => self.insert("\n"),
            Key::Paste(text) => self.insert(&text),
            Key::Backspace if self.at > 0 => {
                self.at -= 1;
                self.chars.remove(self.at);
            }
            Key::Delete | Key::Ctrl('d') if self.at < self.chars.len() => {
                self.chars.remove(self.at);
            }
            Key::Left | Key::Ctrl('b') => self.at = self.at.saturating_sub(1),
            Key::Right | Key::Ctrl('f') => self.at = (self.at + 1).min(self.chars.len()),
            Key::Home | Key::Ctrl('a') => self.at = 0,
            Key::End | Key::Ctrl('e') => self.at = self.chars.len(),
            Key::Ctrl('u') => {
                self.chars.drain(..self.at);
                self.at = 0;
            }
            Key::Ctrl('k') => self.chars.truncate(self.at),
            Key::Ctrl('w') => self.delete_word(),
            _ => {}
        }
        Edit::Going
    }

    fn insert(&mut self, text: &str) {
        let room = MAX_CHARS.saturating_sub(self.chars.len());
        let new: Vec<char> = text.chars().filter(|c| *c == '\n' || !c.is_control()).take(room).collect();
        let count = new.len();
        self.chars.splice(self.at..self.at, new);
        self.at += count;
    }

    fn delete_word(&mut self) {
        let before = &self.chars[..self.at];
        let end = before.iter().rposition(|c| !c.is_whitespace()).map_or(0, |i| i + 1);
        let start = before[..end].iter().rposition(|c| c.is_whitespace()).map_or(0, |i| i + 1);
        self.chars.drain(start..self.at);
        self.at = start;
    }

    /// The line as it looks in so many cells, the cursor as a block. What does not fit scrolls away to the left.
    pub(crate) fn view(&self, style: Style, max: usize) -> String {
        let shown = |c: char| if c == '\n' { '⏎' } else { c };
        let cells = |c: char| shown(c).width().unwrap_or(0);
        let mut from = self.at;
        let mut used = 1 + self.chars.get(self.at).map_or(0, |&c| cells(c).saturating_sub(1));
        while from > 0 && used + cells(self.chars[from - 1]) <= max {
            from -= 1;
            used += cells(self.chars[from]);
        }
        let before: String = self.chars[from..self.at].iter().map(|&c| shown(c)).collect();
        let under = self.chars.get(self.at).map_or(' ', |&c| shown(c));
        let mut after = String::new();
        for &c in self.chars.iter().skip(self.at + 1) {
            used += cells(c);
            if used > max {
                break;
            }
            after.push(shown(c));
        }
        format!("{before}{}{after}", style.inverse(&under.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_in(edit: &mut LineEdit, text: &str) {
        text.chars().for_each(|c| assert_eq!(edit.key(Key::Char(c)), Edit::Going));
    }

    #[test]
    fn text_is_written_changed_and_given() {
        let mut edit = LineEdit::with("one two");
        for key in
            [Key::Ctrl('w'), Key::Char('3'), Key::Home, Key::Delete, Key::Char('O'), Key::End, Key::NewLine]
        {
            edit.key(key);
        }
        edit.key(Key::Paste("a\x07\nb".into()));
        edit.key(Key::Left);
        edit.key(Key::Backspace);
        assert_eq!(edit.key(Key::Enter), Edit::Done("One 3\nab".into()));
        assert!(edit.is_empty());
        type_in(&mut edit, "xyz");
        edit.key(Key::Left);
        edit.key(Key::Ctrl('u'));
        assert_eq!(edit.key(Key::Enter), Edit::Done("z".into()));
        assert_eq!(edit.key(Key::Ctrl('d')), Edit::Given);
        assert_eq!(edit.key(Key::Backspace), Edit::Going);
    }

    #[test]
    fn a_long_line_scrolls_with_its_cursor() {
        let mut edit = LineEdit::with("abcdefghij");
        let plain = |e: &LineEdit| e.view(Style::COLOURED, 5).replace("\x1b[7m", "[").replace("\x1b[0m", "]");
        assert_eq!(plain(&edit), "ghij[ ]");
        (0..9).for_each(|_| drop(edit.key(Key::Left)));
        assert_eq!(plain(&edit), "a[b]cde");
        assert_eq!(plain(&LineEdit::with("日本\n")), "本⏎[ ]");
    }
}
