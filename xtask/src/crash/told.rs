//! What the harness itself did and was told, by any session's driver: the third record beside the log and the agents'
//! own. It is only written here; the checks read it.

use std::collections::BTreeSet;

/// An input as it was sent.
#[derive(Debug, Clone)]
pub(super) struct SentInput {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) delivery: &'static str,
    /// `seq` of the receipt, once there was one.
    pub(super) receipt: Option<u64>,
    /// The daemon said that it is not taken, or nobody waits for an answer any more.
    pub(super) given_up: bool,
    /// The daemon said that it was cancelled.
    pub(super) cancelled: bool,
}

/// An answer to an ask that the daemon took.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub(super) ask_id: String,
    pub(super) decision: &'static str,
}

/// A verb that the daemon said is done, and the event that must tell of it after a position.
#[derive(Debug, Clone)]
pub(super) struct DoneVerb {
    pub(super) event: &'static str,
    pub(super) after: u64,
}

/// All of one session.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) inputs: Vec<SentInput>,
    pub(super) answers: Vec<Answered>,
    /// Decisions that were sent, whether or not an answer came.
    pub(super) sent_decisions: BTreeSet<(String, &'static str)>,
    pub(super) titles: Vec<String>,
    pub(super) verbs: Vec<DoneVerb>,
    /// Answers that nothing explains.
    pub(super) odd: Vec<String>,
    /// What had not ended when the run's patience was over.
    pub(super) stuck: Vec<String>,
    /// What `wait: finished` said of an input long after: input, turn, outcome.
    pub(super) results: Vec<(String, String, String)>,
    pub(super) requests: u64,
    /// Requests whose answer never came, because the daemon was killed under them.
    pub(super) cut: u64,
}

/// What was killed on purpose.
#[derive(Debug, Default)]
pub(super) struct Kills {
    pub(super) daemons: u64,
    pub(super) during_start: u64,
    /// Daemons that were killed together with a session's shim and agent.
    pub(super) trees: u64,
    pub(super) freezes: u64,
    /// How often the daemon was left alone for somebody who had waited long.
    pub(super) spared: u64,
    /// How long daemons stood still in the longest of them, together.
    pub(super) still_seconds: u64,
    /// Processes of ours that got the number of a shim or agent that was gone; and those that records were made to name.
    pub(super) numbers_again: u64,
    pub(super) numbers_forged: u64,
    /// Innocents among them that were signalled.
    pub(super) innocents_hit: Vec<String>,
    /// Process ids of agents that were killed.
    pub(super) agents: BTreeSet<u32>,
    /// Process ids of shims that were killed.
    pub(super) shims: BTreeSet<u32>,
    /// Agents that lived when all work had ended, before their sessions were closed.
    pub(super) alive: BTreeSet<u32>,
    /// Sessions that had two agents at a moment, as `/proc` showed.
    pub(super) two_at_once: Vec<String>,
    /// Milliseconds from start to ready.
    pub(super) ready_ms: Vec<f64>,
    /// What was done when, in milliseconds since the start; written to the scratch directory.
    pub(super) journal: Vec<String>,
    /// Daemons that ended by themselves.
    pub(super) ended: Vec<String>,
}

impl Kills {
    /// Adds another round's.
    pub(super) fn add(&mut self, mut other: Self) {
        self.daemons += other.daemons;
        self.during_start += other.during_start;
        self.trees += other.trees;
        self.freezes += other.freezes;
        self.still_seconds += other.still_seconds;
        self.spared += other.spared;
        self.numbers_again += other.numbers_again;
        self.numbers_forged += other.numbers_forged;
        self.agents.append(&mut other.agents);
        self.shims.append(&mut other.shims);
        self.ready_ms.append(&mut other.ready_ms);
    }
}
