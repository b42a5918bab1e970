//! The session machine: one session's state, and the one function that changes it.
//!
//! [`Machine::step`] takes what happened and returns what to do, in the order in which it
//! must be done: store the events and rows, then act, then reply. The machine never waits
//! and never looks at a clock; deadlines are told by [`Machine::next_deadline`].
//!
//! What it is not: it knows no agent's protocol (see [`crate::agent`]), no file, no
//! process and no client. Whoever wants to know when something is done follows the log.

mod artifact;
mod ask;
mod axes;
mod call;
mod care;
mod checkpoint;
mod clear;
mod configure;
mod count;
mod fork;
mod hold;
mod ids;
mod inside;
mod io;
mod limit;
mod mcp;
mod policy;
mod process;
mod queue;
mod reset;
mod restart;
mod rule;
mod serve;
mod signal;
mod state;
mod take_back;
mod turn;
mod update;
mod verb;
mod view;

#[cfg(test)]
mod tests;

use tenure_api::Problem;
use tenure_event::{Kind, NewEvent, Seq, Timestamp, TurnId};

pub use artifact::ArtifactMark;
pub use checkpoint::{
    CheckpointPlan, CheckpointTrouble, Checkpoints, PendingCheckpoint, PendingRewind, RewindGoal,
    RewindOutcome, TakenCheckpoint, Undo, Why,
};
pub use configure::check_rules;
pub use inside::Inside;
pub use io::{Act, ExitNews, Input, InputChange, Ladder, Now, Output, SpawnPlan};
pub use limit::{Ceilings, LimitKind, Meter, check_limits};
pub use mcp::{McpName, McpRequest, McpServers};
pub use policy::{Policy, fits};
pub use reset::Retry;
pub use restart::check_restart;
pub use state::{QueuedInput, Spec, State};
pub use take_back::{Cut, TakeBack, Way};

use crate::Reply;
use state::OpenAsk;

/// One session.
#[derive(Debug, Clone)]
pub struct Machine {
    state: State,
}

impl Machine {
    /// A session that was just asked for. Its first step must be [`Input::Created`].
    #[must_use]
    pub fn new(spec: Spec, at: Timestamp) -> Self {
        Self { state: State::new(spec, at) }
    }

    /// Gives a new session its title, tags, metadata and draft, before its first step.
    pub fn describe(
        &mut self,
        title: Option<String>,
        tags: Vec<String>,
        metadata: std::collections::BTreeMap<String, serde_json::Value>,
        draft: Option<String>,
    ) {
        let s = &mut self.state;
        (s.title, s.tags, s.metadata, s.draft) = (title, tags, metadata, draft);
    }

    /// Gives a new session the model, mode and effort to begin with, before its first step.
    pub fn configure(&mut self, model: Option<String>, mode: Option<String>, effort: Option<String>) {
        let s = &mut self.state;
        (s.model, s.mode, s.effort) = (model, mode, effort);
    }

    /// Tells a new session of the tool servers that it begins with, before its first step.
    pub fn equip(&mut self, servers: McpServers) {
        self.state.servers = servers;
    }

    /// A session as it was stored. Words of queued inputs come back by [`Machine::hydrate`].
    #[must_use]
    pub fn from_state(state: State) -> Self {
        Self { state }
    }

    /// The session was just read from the store: the process that it had may be gone since. Inputs wait until it was
    /// found ([`Input::Started`]) or its end is known ([`Input::Exited`]); one that began on a process which is gone
    /// would end with it.
    pub fn woken(&mut self) {
        if let Some(process) = &mut self.state.process {
            process.unseen = true;
        }
    }

    /// The state, to be stored.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Tells how far the log has come: set after each commit.
    pub fn committed(&mut self, last: Seq) {
        self.state.last_seq = last;
    }

    /// Gives a queued input its words back after the state was read from the store.
    pub fn hydrate(&mut self, id: &tenure_event::InputId, parts: Vec<tenure_event::Part>) {
        for q in &mut self.state.queue {
            if &q.input_id == id {
                q.parts = std::sync::Arc::new(parts.clone());
            }
        }
    }

    /// Takes what happened; says what to do.
    pub fn step(&mut self, now: Now, input: Input) -> Output {
        let mut step = Step { s: &mut self.state, now, minted: 0, out: Output::default() };
        step.take(input);
        step.rest_at_limit();
        step.sync_axes();
        step.out
    }
}

/// One step in progress: the state, and the output so far.
struct Step<'a> {
    s: &'a mut State,
    now: Now,
    minted: u32,
    out: Output,
}

impl Step<'_> {
    fn take(&mut self, input: Input) {
        match input {
            Input::Created { start, past } => self.created(start, past),
            Input::ParentTold => {
                self.s.parent_untold = false;
                self.out.store = true;
            }
            Input::Request(request) => {
                let reply = self.request(request);
                self.out.reply = Some(reply);
            }
            Input::Started { generation, pid, hello } => self.started(generation, pid, hello),
            Input::SpawnFailed { generation, error } => self.spawn_failed(generation, error),
            Input::Agent { generation, signals, stderr } => {
                if self.is_current(generation) {
                    self.sign_of_life();
                    self.signals(signals, stderr.as_deref());
                }
            }
            Input::Unsaid { generation, n, error } => {
                if self.is_current(generation) {
                    self.unsaid(n, error);
                }
            }
            Input::Served { generation, token, answer } => {
                if self.is_current(generation) {
                    self.served(token, answer);
                }
            }
            Input::Exited { generation, exit, cut } => {
                if self.is_current(generation) {
                    self.exited(exit, cut);
                }
            }
            Input::Vitals { generation, busy, stopped } => {
                if self.is_current(generation) {
                    self.vitals(busy, stopped);
                }
            }
            Input::Measured { generation, bytes } => {
                if self.is_current(generation) {
                    self.measured(bytes);
                }
            }
            Input::Spool { generation, blocked } => {
                if self.is_current(generation) {
                    self.spool(blocked);
                }
            }
            Input::Checkpointed { n, result } => self.checkpointed(n, result),
            Input::Rewound { id, result } => self.rewound(&id, result),
            Input::Recovered => {
                self.checkpoints_again();
                self.tell_parent();
            }
            Input::Deadline => self.deadlines(),
        }
    }

    fn is_current(&self, generation: u32) -> bool {
        self.s.process.as_ref().is_some_and(|p| p.generation == generation)
    }

    /// Records an event of the running turn, if there is one.
    fn emit(&mut self, kind: Kind) {
        let turn = self.s.turn.as_ref().map(|t| t.id.clone());
        self.emit_in(turn, kind);
    }

    /// Records an event that belongs to no turn.
    fn emit_bare(&mut self, kind: Kind) {
        self.emit_in(None, kind);
    }

    fn emit_in(&mut self, turn_id: Option<TurnId>, kind: Kind) {
        self.out.full |= is_told(&kind);
        self.s.counts.note(&kind);
        self.out.events.push(NewEvent { ts: self.now.at, turn_id, kind });
    }

    /// The position that the event recorded last will have.
    fn last_emitted(&self) -> Seq {
        Seq(self.s.last_seq.0 + self.out.events.len() as u64)
    }

    /// Sends a command to the process; returns its number.
    fn send(&mut self, command: crate::agent::Command) -> u64 {
        let n = self.s.next_n;
        self.s.next_n += 1;
        self.out.commands.push((n, command));
        n
    }

    fn supports(&self, verb: &str) -> bool {
        self.s.supports.get(verb).is_some_and(tenure_event::Support::is_supported)
    }

    /// The agent has told that it has no way for this. Before its handshake nothing is known.
    fn lacks(&self, verb: &str) -> bool {
        matches!(self.s.supports.get(verb), Some(tenure_event::Support::No(_)))
    }

    fn why_not(&self, verb: &str) -> String {
        match self.s.supports.get(verb) {
            Some(tenure_event::Support::No(why)) => why.clone(),
            _ if self.s.supports.is_empty() => "its handshake has not told yet".to_owned(),
            _ => "the agent has no way for it".to_owned(),
        }
    }

    fn unsupported(&self, verb: &str) -> Problem {
        Problem::unsupported(&self.s.spec.agent, verb, &self.why_not(verb)).about(&self.s.spec.id)
    }

    fn done(&self, hit: Vec<String>, until: crate::Until) -> Reply {
        Reply::Done { hit, seq: self.last_emitted(), until }
    }
}

/// Whether a caller is told of it: then it must survive a loss of power.
fn is_told(kind: &Kind) -> bool {
    !matches!(
        kind,
        Kind::SessionActivityChanged(_)
            | Kind::SessionHealthChanged(_)
            | Kind::MessageCompleted(_)
            | Kind::ToolStarted(_)
            | Kind::ToolCompleted(_)
            | Kind::TodosUpdated(_)
            | Kind::UsageUpdated(_)
            | Kind::McpChanged(_)
            | Kind::TaskStarted(_)
            | Kind::TaskCompleted(_)
            | Kind::CompactionStarted(_)
            | Kind::CompactionCompleted(_)
            | Kind::CheckpointCreated(_)
            | Kind::NativeReceived(_)
            | Kind::WarningRaised(_)
            | Kind::Unknown { .. }
    )
}
