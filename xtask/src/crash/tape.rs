//! What an agent said and did as one sequence of tokens: lines of text, tools, asks, turns. Two such sequences, one
//! from the agent's record and one from the log, are compared here; how they are read is others' business.

use std::collections::{BTreeMap, BTreeSet};

/// One thing, and where it stands in the log (0 for the record).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) what: String,
    pub(super) seq: u64,
}

/// Gathers tokens. Text is cut at newlines only, so that it does not matter how it came in pieces.
#[derive(Debug, Default)]
pub(super) struct Tape {
    tokens: Vec<Token>,
    open: Option<(&'static str, String, u64)>,
    tools: BTreeSet<String>,
}

impl Tape {
    pub(super) fn text(&mut self, kind: &'static str, text: &str, seq: u64) {
        if self.open.as_ref().is_some_and(|(open, ..)| *open != kind) {
            self.close();
        }
        let (_, gathered, at) = self.open.get_or_insert_with(|| (kind, String::new(), seq));
        gathered.push_str(text);
        *at = seq;
    }

    pub(super) fn mark(&mut self, what: String, seq: u64) {
        self.close();
        self.tokens.push(Token { what, seq });
    }

    /// A tool is told: its start counts at its first sight.
    pub(super) fn tool(&mut self, id: &str, seq: u64) {
        if self.tools.insert(id.to_owned()) {
            self.mark(format!("tool {id} begins"), seq);
        }
    }

    fn close(&mut self) {
        let Some((kind, text, seq)) = self.open.take() else { return };
        let lines = text.split_inclusive('\n');
        self.tokens.extend(lines.map(|line| Token { what: format!("{kind} {line}"), seq }));
    }

    /// The tokens; what occurs more than once is told apart by its number.
    pub(super) fn finish(mut self) -> Vec<Token> {
        self.close();
        let mut count: BTreeMap<String, u32> = BTreeMap::new();
        for token in &mut self.tokens {
            let n = count.entry(token.what.clone()).or_default();
            *n += 1;
            if *n > 1 {
                token.what = format!("{}#{n}", token.what);
            }
        }
        self.tokens
    }
}

/// How a process ended, as far as it bears on what may be missing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ending {
    /// It was killed in the act: its last line may be written and not recorded.
    pub(super) killed: bool,
    /// Its shim was killed: what was on the way from one to the other is gone.
    pub(super) shim_killed: bool,
}

/// What differs.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub(super) lost: Vec<Token>,
    pub(super) repeated: Vec<Token>,
    pub(super) out_of_order: Vec<Token>,
    /// Nobody said it.
    pub(super) invented: Vec<Token>,
}

/// Compares what a process did with what the log has of it.
pub(super) fn compare(agent: &[Token], log: &[Token], ending: Ending) -> Difference {
    let same = agent.iter().zip(log).take_while(|(a, b)| a.what == b.what).count();
    let (agent, log) = (&agent[same..], &log[same..]);
    if is_cut(agent, log, ending) {
        return Difference::default();
    }
    let place: BTreeMap<&str, usize> = agent.iter().enumerate().map(|(n, t)| (t.what.as_str(), n)).collect();
    let mut difference = Difference::default();
    let mut seen = BTreeSet::new();
    let mut last = None;
    for token in log {
        match place.get(token.what.as_str()) {
            Some(at) => {
                if last.is_some_and(|last| *at < last) {
                    difference.out_of_order.push(token.clone());
                }
                last = Some(*at);
                seen.insert(*at);
            }
            // A further copy of something carries a higher number.
            None if token.what.contains('#') => difference.repeated.push(token.clone()),
            None => difference.invented.push(token.clone()),
        }
    }
    let lost = agent.iter().enumerate().filter(|(n, _)| !seen.contains(n));
    difference.lost = lost.map(|(_, token)| token.clone()).collect();
    difference
}

/// Whether the two differ only in what a kill explains.
fn is_cut(agent: &[Token], log: &[Token], ending: Ending) -> bool {
    let goes_on = |short: &[Token], long: &[Token]| match (short.first(), long.first()) {
        (None, _) => true,
        (Some(short_line), Some(long_line)) => {
            short.len() == 1
                && long_line.what.starts_with(&*short_line.what)
                && short_line.what.starts_with('t')
        }
        (Some(_), None) => false,
    };
    // One line, or piece of one, more than the record has; the end of the turn may be recorded and not written.
    let agent_left = match agent {
        [rest @ .., last] if ending.killed && last.what.starts_with("end ") => rest,
        all => all,
    };
    let one_more = ending.killed && log.len() <= 3 && goes_on(agent_left, log);
    let one_less = ending.shim_killed && goes_on(log, agent);
    one_more || one_less
}

#[cfg(test)]
mod tests;
