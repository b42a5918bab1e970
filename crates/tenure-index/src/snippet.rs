//! The words around what was found. Made here and not by SQLite: what it has for this takes a time that grows with the
//! square of the number of found words, and whoever writes a transcript chooses that number.

use crate::query::Words;

/// Characters before the first found word, and in all.
const BEFORE: usize = 60;
const WHOLE: usize = 200;

/// A found word, by characters of the snippet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Where it begins.
    pub start: usize,
    /// How long it is.
    pub length: usize,
}

/// What stands around the first word that was found, on one line, and where found words are in it.
pub(crate) fn around(text: &str, words: &Words) -> (String, Vec<Mark>) {
    let first = words.found_in(text).next().map_or(0, |found| found.start);
    let start = begin(text, first);
    let stop = end(&text[start..]).map(|end| start + end);
    let shown = &text[start..stop.unwrap_or(text.len())];
    let lead = if start > 0 { "…" } else { "" };
    let tail = if stop.is_some() { "…" } else { "" };
    let chars = |bytes: &str| bytes.chars().count();
    let mark = |found: std::ops::Range<usize>| Mark {
        start: chars(lead) + chars(&shown[..found.start]),
        length: chars(&shown[found]),
    };
    let marks = words.found_in(shown).map(mark).collect();
    let line = shown.chars().map(|c| if c.is_control() { ' ' } else { c });
    (lead.chars().chain(line).chain(tail.chars()).collect(), marks)
}

/// Where to begin, so that the first found word has some before it; between two words, if there is such a place.
fn begin(text: &str, first: usize) -> usize {
    let Some((back, _)) = text[..first].char_indices().rev().nth(BEFORE) else { return 0 };
    text[back..first]
        .find(char::is_whitespace)
        .map_or(back, |space| back + space + text[back + space..].chars().next().map_or(0, char::len_utf8))
}

/// Where to end; none if all fits.
fn end(text: &str) -> Option<usize> {
    let (enough, _) = text.char_indices().nth(WHOLE)?;
    let more = text[enough..].char_indices().take(WHOLE).find(|(_, c)| c.is_whitespace());
    Some(enough + more.map_or(0, |(at, _)| at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, words: &str) -> (String, Vec<String>) {
        let (snippet, marks) = around(text, &Words::parse(words));
        let found = |mark: &Mark| snippet.chars().skip(mark.start).take(mark.length).collect();
        let found = marks.iter().map(found).collect();
        (snippet, found)
    }

    #[test]
    fn found_words_are_told_by_characters_and_lines_become_one() {
        let (text, found) = cut("é\nWörd and phrases of words", "word \"phrases of\" and");
        assert_eq!(text, "é Wörd and phrases of words");
        assert_eq!(found, ["Wörd", "and", "phrases of"]);
        assert_eq!(cut("wording", "word*").1, ["wording"]);
        assert!(cut("wording", "word").1.is_empty());
    }

    #[test]
    fn a_long_text_is_cut_around_the_first_found_word() {
        let filler = "lorem ".repeat(100_000);
        let (text, found) = cut(&format!("{filler}here {filler}"), "here");
        assert!(text.starts_with("…lorem ") && text.ends_with("lorem…"), "{text}");
        assert_eq!(found, ["here"]);
        assert!(text.chars().count() < 220, "{text}");
    }

    #[test]
    fn what_has_no_end_is_cut_and_what_is_not_there_shows_the_beginning() {
        assert_eq!(cut(&"x".repeat(5_000), "y").0.chars().count(), WHOLE + 1);
        assert_eq!(cut("only this", "tool").0, "only this");
        assert_eq!(cut("", "x"), (String::new(), Vec::new()));
    }
}
