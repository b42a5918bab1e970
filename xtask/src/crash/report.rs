//! What was found, counted by kind, and printed: every kind always, so that a zero is seen.

use std::collections::BTreeMap;

use crate::process::say;

macro_rules! faults {
    ($($variant:ident = $words:literal,)*) => {
        /// A kind of fault; none may be found.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Fault {
            $($variant,)*
        }

        impl Fault {
            const ALL: &[Self] = &[$(Self::$variant),*];

            fn words(self) -> &'static str {
                match self {
                    $(Self::$variant => $words,)*
                }
            }
        }
    };
}

faults! {
    Lost = "events lost",
    Repeated = "events repeated",
    OutOfOrder = "events out of order",
    Invented = "events that no agent caused",
    Text = "messages whose text differs",
    Seq = "gaps or repeats in seq",
    Gseq = "gseq out of order or repeated",
    Envelope = "envelopes that differ from their row",
    Page = "pages that differ from the store",
    Live = "followers that saw something else than the store",
    InputLost = "acknowledged inputs missing",
    InputOpen = "inputs without an end",
    InputEnds = "inputs with two ends",
    InputTwice = "inputs that an agent got twice",
    InputUndelivered = "inputs served that no agent got",
    InputText = "inputs whose text changed",
    TurnOpen = "turns without completion",
    TurnTwice = "turns completed twice",
    TurnsAtOnce = "two turns at once",
    AskLost = "asks lost",
    AskOpen = "asks without an end",
    AskEnds = "asks with two ends",
    AnsweredTwice = "requests answered twice at the agent",
    AnswerLost = "answers that the agent never got",
    AnswerChanged = "answers that differ from what was decided",
    ReplyLost = "other acknowledged replies missing",
    TwoProcesses = "sessions with two agents at once",
    Process = "processes that the log does not tell rightly",
    Innocent = "processes hit that only have the number of one",
    Orphan = "orphans 5 s after the end",
    Leftover = "leftovers of destroyed sessions",
    Tombstone = "destroyed sessions that do not tell so",
    Between = "verbs that a death left between before and after",
    Unpassed = "crash points that were never passed",
    Idle = "crash points passed with nothing in flight only",
    Answer = "answers of the daemon that nothing explains",
    Panic = "panics in the daemon's log",
    Ended = "daemons that ended or hung by themselves",
    Record = "faults of the agents' record",
}

/// One finding.
#[derive(Debug)]
pub(super) struct Finding {
    fault: Fault,
    words: String,
}

impl Finding {
    fn line(&self) -> String {
        let words: String = self.words.chars().take(LONGEST).collect();
        format!("{}: {words}", self.fault.words())
    }
}

/// All findings of a run.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

/// So many findings of a kind are printed.
const SHOWN: usize = 5;
const LONGEST: usize = 400;

impl Report {
    pub(super) fn add(&mut self, fault: Fault, words: impl Into<String>) {
        self.findings.push(Finding { fault, words: words.into() });
    }

    pub(super) fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.findings.len()
    }

    /// All kinds, then what is wrong.
    pub(super) fn print(&self) -> anyhow::Result<()> {
        say(self.table().trim_end())?;
        if self.is_clean() { Ok(()) } else { say(self.details().trim_end()) }
    }

    /// What was found since there were so many, as soon as it is known: a run may be broken off.
    pub(super) fn print_since(&self, known: usize) -> anyhow::Result<()> {
        for finding in self.findings.iter().skip(known).take(SHOWN) {
            say(&finding.line())?;
        }
        Ok(())
    }

    /// A line for each kind.
    fn table(&self) -> String {
        let mut counts: BTreeMap<Fault, usize> = BTreeMap::new();
        for finding in &self.findings {
            *counts.entry(finding.fault).or_default() += 1;
        }
        let line = |fault: &Fault| {
            let count = counts.get(fault).copied().unwrap_or(0);
            let mark = if count == 0 { ' ' } else { '!' };
            format!("{mark} {count:>5}  (required 0)  {}\n", fault.words())
        };
        Fault::ALL.iter().map(line).collect()
    }

    /// The first findings of each kind.
    pub(super) fn details(&self) -> String {
        let mut out = String::new();
        for fault in Fault::ALL {
            let of_kind = self.findings.iter().filter(|finding| finding.fault == *fault);
            for finding in of_kind.take(SHOWN) {
                out += &finding.line();
                out.push('\n');
            }
        }
        out
    }
}
