//! What became of all trials, counted and printed. A trial counts in the gravest column that fits it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use super::injector::Hit;
use super::plan::{CLASSES, Case};
use super::trial::Trial;

/// Trials of one class, one error, one way of lasting.
#[derive(Debug, Default)]
struct Row {
    trials: usize,
    /// The life was over before the n-th call, or took another way.
    missed: usize,
    faults: usize,
    refused_start: usize,
    refused: usize,
    failed_turns: usize,
    unnoticed: usize,
    wrong: usize,
}

/// The book of a run.
pub(super) struct Table {
    calls: [u32; CLASSES.len()],
    rows: BTreeMap<(usize, &'static str, bool), Row>,
    hit: BTreeSet<Hit>,
    words: BTreeSet<String>,
}

impl Table {
    pub(super) fn new(calls: [u32; CLASSES.len()]) -> Self {
        Self { calls, rows: BTreeMap::new(), hit: BTreeSet::new(), words: BTreeSet::new() }
    }

    pub(super) fn add(&mut self, case: &Case, trial: Trial) {
        let class = CLASSES.iter().position(|class| class == case.class).unwrap_or(0);
        let row = self.rows.entry((class, case.error, case.lasting)).or_default();
        row.trials += 1;
        row.faults += trial.hits.len();
        let column = if !trial.report.is_clean() {
            &mut row.wrong
        } else if trial.hits.is_empty() {
            &mut row.missed
        } else if trial.refused_start.is_some() {
            &mut row.refused_start
        } else if trial.failed_turns > 0 {
            &mut row.failed_turns
        } else if trial.refusals.storage + trial.refusals.not_ready > 0 {
            &mut row.refused
        } else {
            &mut row.unnoticed
        };
        *column += 1;
        self.hit.extend(trial.hits);
        self.words.extend(trial.refused_start.into_iter().chain(trial.refusals.words));
    }

    pub(super) fn is_clean(&self) -> bool {
        self.rows.values().all(|row| row.wrong == 0)
    }

    /// For people.
    pub(super) fn shown(&self, took: Duration) -> String {
        let mut out = String::from(
            "class              calls  error   how      trials faults | missed unnoticed refused turn-failed start-refused WRONG\n",
        );
        let mut sum = Row::default();
        for ((class, error, lasting), row) in &self.rows {
            let how = if *lasting { "lasting" } else { "once" };
            let name = CLASSES[*class].name;
            let _ = write!(out, "{name:<18} {:>5}  {error:<7} {how:<8} ", self.calls[*class]);
            out += &row.shown();
            sum.take(row);
        }
        let _ = write!(out, "{:<42}", "all");
        out += &sum.shown();
        let _ = writeln!(out, "{:.0} s; {} different calls failed:", took.as_secs_f64(), self.hit.len());
        let mut by_call: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for hit in &self.hit {
            by_call.entry(&hit.call).or_default().push(&hit.file);
        }
        for (call, files) in by_call {
            let _ = writeln!(out, "  {call}: {}", files.join(" "));
        }
        let _ = writeln!(out, "what callers were told, for example:");
        for words in self.words.iter().take(12) {
            let _ = writeln!(out, "  {}", words.chars().take(260).collect::<String>());
        }
        out.trim_end().to_owned()
    }
}

impl Row {
    fn shown(&self) -> String {
        let Self { trials, missed, faults, refused_start, refused, failed_turns, unnoticed, wrong } = self;
        format!(
            "{trials:>6} {faults:>6} | {missed:>6} {unnoticed:>9} {refused:>7} {failed_turns:>11} {refused_start:>13} {wrong:>5}\n"
        )
    }

    fn take(&mut self, other: &Self) {
        self.trials += other.trials;
        self.missed += other.missed;
        self.faults += other.faults;
        self.refused_start += other.refused_start;
        self.refused += other.refused;
        self.failed_turns += other.failed_turns;
        self.unnoticed += other.unnoticed;
        self.wrong += other.wrong;
    }
}
