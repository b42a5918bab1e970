//! Where a person answers asks with keys: one ask at a time, in the order they came. Pure: keys in, an answer out.

use std::collections::VecDeque;

use serde_json::{Map, Value};
use tenure_api::AnswerAsk;
use tenure_event::{Ask, AskId, Question, Scope};

use crate::style::Style;
use crate::term::{Edit, Key, LineEdit};
use crate::view::{ask_keys, can_always};

/// An answer to send.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) ask: AskId,
    pub(crate) answer: AnswerAsk,
}

/// What the person does with the first ask at this moment.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    /// A key chooses.
    Choose,
    /// Writes why not.
    Why(LineEdit),
    /// Changes what the tool is called with.
    Input(LineEdit),
    /// Answers the questions one after the other.
    Question { line: LineEdit, answers: Map<String, Value> },
}

/// Open asks and the answer that is being given.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    asks: VecDeque<Ask>,
    step: Option<Step>,
    /// Answered, and the daemon has not confirmed it.
    sent: Option<AskId>,
    /// Why the last key or answer was no good.
    complaint: Option<String>,
}

impl Desk {
    /// Another ask waits.
    pub(crate) fn opened(&mut self, ask: Ask) {
        if self.asks.iter().all(|a| a.id != ask.id) {
            self.asks.push_back(ask);
        }
    }

    /// It is answered, here or elsewhere, or no longer wanted.
    pub(crate) fn ended(&mut self, id: &AskId) {
        if self.asks.front().is_some_and(|a| a.id == *id) {
            self.step = None;
            self.complaint = None;
        }
        self.asks.retain(|a| a.id != *id);
        if self.sent.as_ref() == Some(id) {
            self.sent = None;
        }
    }

    /// The daemon did not take the answer: it may be given again.
    pub(crate) fn refused(&mut self, id: &AskId, why: &str) {
        if self.sent.as_ref() == Some(id) {
            self.sent = None;
            self.complaint = Some(why.to_owned());
        }
    }

    /// Whether a person has something to answer.
    pub(crate) fn is_asking(&self) -> bool {
        self.current().is_some()
    }

    fn current(&self) -> Option<&Ask> {
        self.asks.front().filter(|a| self.sent.as_ref() != Some(&a.id))
    }

    /// The lines that ask for a key or a text.
    pub(crate) fn prompt(&self, style: Style, columns: usize) -> Vec<String> {
        let Some(ask) = self.current() else { return Vec::new() };
        let room = |before: &str| columns.saturating_sub(crate::text::width(before) + 2);
        let edit = |before: &str, line: &LineEdit| {
            format!("{}{}", style.ask(before), line.view(style, room(before)))
        };
        let mut lines: Vec<String> =
            self.complaint.iter().map(|c| style.red(&crate::text::one_line(c, columns))).collect();
        let last = match (&self.step, ask.questions.is_empty()) {
            (None | Some(Step::Choose), true) => format!("{} {}", style.ask("?"), ask_keys(style, ask)),
            (Some(Step::Why(line)), _) => edit("no, because: ", line),
            (Some(Step::Input(line)), _) => edit("with: ", line),
            (step, _) => {
                let empty = (LineEdit::default(), Map::new());
                let (line, answers) = match step {
                    Some(Step::Question { line, answers }) => (line, answers),
                    _ => (&empty.0, &empty.1),
                };
                let question = ask.questions.get(answers.len());
                lines.push(style.dim(&hint(question)));
                let number =
                    if ask.questions.len() > 1 { format!("{}. ", answers.len() + 1) } else { String::new() };
                edit(&format!("{number}› "), line)
            }
        };
        lines.push(last);
        lines
    }

    /// A key for the first ask. Some when it completes an answer.
    pub(crate) fn key(&mut self, key: Key) -> Option<Answer> {
        let ask = self.current()?.clone();
        self.complaint = None;
        let first = if ask.questions.is_empty() {
            Step::Choose
        } else {
            Step::Question { line: LineEdit::default(), answers: Map::new() }
        };
        let answer = match self.step.take().unwrap_or(first) {
            Step::Choose => self.choose(&ask, &key),
            Step::Why(mut line) => match line.key(key) {
                Edit::Going => self.stay(Step::Why(line)),
                Edit::Given => None,
                Edit::Done(why) => {
                    let message = Some(why).filter(|w| !w.trim().is_empty());
                    Some(AnswerAsk { message, ..deny() })
                }
            },
            Step::Input(mut line) => match line.key(key) {
                Edit::Going => self.stay(Step::Input(line)),
                Edit::Given => None,
                Edit::Done(text) => self.edited(&text),
            },
            Step::Question { line, answers } => self.question(&ask, line, answers, key),
        }?;
        self.sent = Some(ask.id.clone());
        Some(Answer { ask: ask.id, answer })
    }

    fn stay(&mut self, step: Step) -> Option<AnswerAsk> {
        self.step = Some(step);
        None
    }

    fn choose(&mut self, ask: &Ask, key: &Key) -> Option<AnswerAsk> {
        match key {
            Key::Char('y') => Some(allow()),
            Key::Char('n') => Some(deny()),
            Key::Char('s') => Some(AnswerAsk { scope: Some(Scope::Session), ..allow() }),
            Key::Char('a') if can_always(ask) => Some(AnswerAsk { scope: Some(Scope::Always), ..allow() }),
            Key::Char('m') => self.stay(Step::Why(LineEdit::default())),
            Key::Char('e') => {
                let input = ask.input.as_ref().filter(|i| i.is_object())?;
                self.stay(Step::Input(LineEdit::with(&input.to_string())))
            }
            _ => None,
        }
    }

    fn edited(&mut self, text: &str) -> Option<AnswerAsk> {
        match serde_json::from_str::<Value>(text) {
            Ok(input) if input.is_object() => Some(AnswerAsk { updated_input: Some(input), ..allow() }),
            Ok(_) => self.complain("a JSON object is needed", Step::Input(LineEdit::with(text))),
            Err(error) => self.complain(&format!("not JSON: {error}"), Step::Input(LineEdit::with(text))),
        }
    }

    fn complain(&mut self, what: &str, step: Step) -> Option<AnswerAsk> {
        self.complaint = Some(what.to_owned());
        self.stay(step)
    }

    fn question(
        &mut self,
        ask: &Ask,
        mut line: LineEdit,
        mut answers: Map<String, Value>,
        key: Key,
    ) -> Option<AnswerAsk> {
        let question = ask.questions.get(answers.len())?;
        // A digit decides at once where it can mean nothing else.
        let at_once = line.is_empty() && !question.multiple && question.choices.len() < 10;
        let text = match key {
            Key::Char(c)
                if at_once
                    && c.to_digit(10)
                        .is_some_and(|d| (1..=question.choices.len()).contains(&(d as usize))) =>
            {
                c.to_string()
            }
            key => match line.key(key) {
                Edit::Going => return self.stay(Step::Question { line, answers }),
                Edit::Given if answers.is_empty() => return Some(deny()),
                Edit::Given => return None,
                Edit::Done(text) => text,
            },
        };
        match read_choice(question, &text) {
            Ok(value) => drop(answers.insert(question.question.clone(), value)),
            Err(what) => {
                let step = Step::Question { line: LineEdit::with(&text), answers };
                return self.complain(&what, step);
            }
        }
        if answers.len() < ask.questions.len() {
            return self.stay(Step::Question { line: LineEdit::default(), answers });
        }
        Some(AnswerAsk { answers: Some(Value::Object(answers)), ..allow() })
    }
}

fn hint(question: Option<&Question>) -> String {
    match question {
        Some(q) if q.choices.is_empty() => "your words, then Enter · Esc answers nothing".to_owned(),
        Some(q) if q.multiple => {
            "numbers like 1,3 or your own words, then Enter · Esc answers nothing".to_owned()
        }
        _ => "a number, or your own words and Enter · Esc answers nothing".to_owned(),
    }
}

/// An answer as a person writes it: numbers of choices, their labels, or other words. Also what `--answer` takes.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read_choice(question: &Question, text: &str) -> Result<Value, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("an answer is needed".to_owned());
    }
    let pieces: Vec<&str> = text.split(',').map(str::trim).collect();
    let label = |piece: &&str| {
        let by_number = piece.parse::<usize>().ok().and_then(|n| question.choices.get(n.checked_sub(1)?));
        by_number.or_else(|| question.choices.iter().find(|c| c.label == *piece)).map(|c| c.label.clone())
    };
    let labels: Option<Vec<String>> = pieces.iter().map(label).collect();
    match labels {
        Some(labels) if question.multiple => Ok(Value::from(labels)),
        Some(labels) if labels.len() == 1 => Ok(Value::from(labels.concat())),
        Some(_) => Err("only one may be chosen".to_owned()),
        None if text.parse::<usize>().is_ok() && !question.choices.is_empty() => {
            Err(format!("there are {} choices", question.choices.len()))
        }
        None => Ok(Value::from(text)),
    }
}

pub(crate) fn allow() -> AnswerAsk {
    decision("allow")
}

pub(crate) fn deny() -> AnswerAsk {
    decision("deny")
}

fn decision(word: &str) -> AnswerAsk {
    AnswerAsk {
        decision: word.into(),
        scope: None,
        message: None,
        updated_input: None,
        answers: None,
        option_id: None,
    }
}

#[cfg(test)]
mod tests;
