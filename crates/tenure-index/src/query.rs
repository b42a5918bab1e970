//! Words as people write them, turned into what the full-text table understands. No text of a person's ever reaches it
//! but inside quotes.

use std::collections::VecDeque;
use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::IndexError;
use crate::piece::facet;

/// Words that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    /// All of these, each a word, a phrase, or (with a star) the beginning of a word.
    with: Vec<Word>,
    /// None of these.
    without: Vec<Word>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    text: String,
    prefix: bool,
    /// As the full-text table sees it.
    tokens: Vec<String>,
}

impl Word {
    fn new(text: &str, prefix: bool) -> Self {
        let tokens = tokens(text).map(|range| fold(&text[range])).collect();
        Self { text: text.to_owned(), prefix, tokens }
    }

    fn quoted(&self) -> String {
        format!("\"{}\"{}", self.text.replace('"', "\"\""), if self.prefix { "*" } else { "" })
    }

    /// These tokens begin with the word.
    fn begins(&self, ahead: &VecDeque<(Range<usize>, String)>) -> bool {
        let last = self.tokens.len().wrapping_sub(1);
        self.tokens.len() <= ahead.len()
            && self.tokens.iter().zip(ahead).enumerate().all(|(at, (token, (_, there)))| {
                if self.prefix && at == last { there.starts_with(token) } else { there == token }
            })
    }

    fn says_something(&self) -> bool {
        !self.tokens.is_empty()
    }
}

impl Words {
    /// Reads `one two "a phrase" begin* -without`. All positive ones must stand in one message; case and accents do
    /// not matter. A quote that is not closed goes to the end.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut words = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let negative = rest.starts_with('-') && rest.len() > 1;
            rest = if negative { &rest[1..] } else { rest };
            let (word, behind) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
            };
            let quoted = rest.starts_with('"');
            let starred = if quoted { behind.starts_with('*') } else { word.ends_with('*') };
            let behind = if quoted && starred { &behind[1..] } else { behind };
            let word = Word::new(word.trim_end_matches('*'), starred);
            if word.says_something() {
                if negative { &mut words.without } else { &mut words.with }.push(word);
            }
            rest = behind.trim_start();
        }
        words
    }

    /// Where any of the words is in a text, in order, by bytes. As the full-text table sees words, near enough to show them.
    pub(crate) fn found_in<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let longest = self.with.iter().map(|word| word.tokens.len()).max().unwrap_or(0);
        let mut ahead: VecDeque<(Range<usize>, String)> = VecDeque::new();
        let mut rest = tokens(text);
        std::iter::from_fn(move || {
            loop {
                while ahead.len() < longest
                    && let Some(range) = rest.next()
                {
                    let token = fold(&text[range.clone()]);
                    ahead.push_back((range, token));
                }
                let start = ahead.front()?.0.start;
                let fits =
                    self.with.iter().filter(|word| word.begins(&ahead)).map(|word| word.tokens.len()).max();
                let Some(length) = fits else {
                    ahead.pop_front();
                    continue;
                };
                let end = ahead.drain(..length).next_back().map_or(start, |(range, _)| range.end);
                return Some(start..end);
            }
        })
    }

    /// The whole expression, with what else a piece must be; none if all pieces would do.
    pub(crate) fn expression(
        &self,
        given: &str,
        roles: &[String],
        tools: &[String],
        file: Option<&str>,
    ) -> Result<Option<String>, IndexError> {
        let no_words = || IndexError::NoWords(given.to_owned());
        let mut all = Vec::new();
        if !self.with.is_empty() {
            all.push(column("text", &self.with, " AND "));
        } else if !given.trim().is_empty() {
            return Err(no_words());
        }
        if let Some(path) = file {
            let path = Word::new(path, false);
            all.push(column("files", &[path.says_something().then_some(path).ok_or_else(no_words)?], ""));
        }
        for (kind, values) in [('r', roles), ('t', tools)] {
            let any: Vec<String> = values.iter().map(|value| format!("\"{}\"", facet(kind, value))).collect();
            if !any.is_empty() {
                all.push(format!("facets : ({})", any.join(" OR ")));
            }
        }
        if all.is_empty() {
            return Ok(None);
        }
        let with = all.join(" AND ");
        Ok(Some(if self.without.is_empty() {
            with
        } else {
            format!("({with}) NOT {}", column("text", &self.without, " OR "))
        }))
    }
}

/// Runs of letters and digits, by bytes.
fn tokens(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(char::is_alphanumeric)?;
        let inside = |c: char| c.is_alphanumeric() || is_combining_mark(c);
        let end = text[start..].find(|c| !inside(c)).map_or(text.len(), |length| start + length);
        at = end;
        Some(start..end)
    })
}

/// Without case and accents.
fn fold(token: &str) -> String {
    if token.is_ascii() {
        return token.to_ascii_lowercase();
    }
    token.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

fn column(name: &str, words: &[Word], join: &str) -> String {
    let quoted: Vec<String> = words.iter().map(Word::quoted).collect();
    format!("{name} : ({})", quoted.join(join))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<String> {
        Words::parse(text).expression(text, &[], &[], None).unwrap()
    }

    #[test]
    fn words_phrases_beginnings_and_exclusions() {
        assert_eq!(said("  one two ").as_deref(), Some("text : (\"one\" AND \"two\")"));
        assert_eq!(said("\"a phrase\" beg*").as_deref(), Some("text : (\"a phrase\" AND \"beg\"*)"));
        assert_eq!(
            said("yes -no -\"not this\"").as_deref(),
            Some("(text : (\"yes\")) NOT text : (\"no\" OR \"not this\")")
        );
        assert_eq!(said("\"open to the end").as_deref(), Some("text : (\"open to the end\")"));
        assert_eq!(said("a-b - c").as_deref(), Some("text : (\"a-b\" AND \"c\")"));
    }

    #[test]
    fn what_a_person_writes_is_never_an_operator() {
        assert_eq!(
            said("a OR b) NEAR(").as_deref(),
            Some("text : (\"a\" AND \"OR\" AND \"b)\" AND \"NEAR(\")")
        );
        assert_eq!(said("x\"y").as_deref(), Some("text : (\"x\"\"y\")"));
    }

    #[test]
    fn nothing_to_look_for_is_said_unless_a_filter_stands_for_it() {
        assert_eq!(said(""), None);
        for empty in ["!!!", "-no", "\"\"", "*"] {
            let error = Words::parse(empty).expression(empty, &[], &[], None).unwrap_err();
            assert!(matches!(error, IndexError::NoWords(_)), "{empty}");
        }
        let by_tool = Words::default().expression("", &[], &["Bash".to_owned()], None).unwrap();
        assert_eq!(by_tool.as_deref(), Some("facets : (\"xt62617368\")"));
    }
}
