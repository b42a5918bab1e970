//! What goes into a step and what comes out of it.

use tenure_api::Problem;
use tenure_event::{
    Ask, EphemeralKind, ErrorInfo, InputId, MessageCompleted, NewEvent, Parent, RewindId, Seq, Timestamp,
    TurnId,
};

use super::checkpoint::{CheckpointPlan, CheckpointTrouble, PendingRewind, RewindOutcome, TakenCheckpoint};
use crate::agent::{AgentError, AgentRequest, Command, Fork, FsAnswer, ResumeHow, Signal};
use crate::{Reply, Request};

/// When a step happens, and the randomness that it may use.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// The wall clock.
    pub at: Timestamp,
    /// Different for each step.
    pub entropy: u64,
}

/// How a process ended, as far as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExitNews {
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The end of its standard error.
    pub stderr_tail: String,
    /// Nobody saw how it ended.
    pub unseen: bool,
    /// No process ever ran: the daemon ended between its decision and the start.
    pub never_ran: bool,
    /// Process ids that had to be killed.
    pub hit: Vec<u32>,
    /// Process ids that could not be ended.
    pub remained: Vec<u32>,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// The session was asked for.
    Created {
        /// Its agent is to be started now.
        start: bool,
        /// What was said in the session that it is forked from, oldest first.
        past: Vec<MessageCompleted>,
    },
    /// Answer to [`Act::TellParent`].
    ParentTold,
    /// A client asks for something.
    Request(Request),
    /// The process was started (or, after a restart of the daemon, found).
    Started {
        /// Which.
        generation: u32,
        /// Its process id.
        pid: u32,
        /// The first commands for it, from its codec.
        hello: Vec<Command>,
    },
    /// The process could not be started.
    SpawnFailed {
        /// Which.
        generation: u32,
        /// Why.
        error: ErrorInfo,
    },
    /// The process said something.
    Agent {
        /// Which.
        generation: u32,
        /// What its codec made of it.
        signals: Vec<Signal>,
        /// The end of its standard error, given with a [`Signal::TurnEnded`] that said nothing.
        stderr: Option<String>,
    },
    /// A command cannot be told to the process: there are no words for it, or too many.
    Unsaid {
        /// Which.
        generation: u32,
        /// The number of the command.
        n: u64,
        /// Why.
        error: AgentError,
    },
    /// A file request was served.
    Served {
        /// For which process.
        generation: u32,
        /// The agent's id of its request.
        token: String,
        /// The answer.
        answer: FsAnswer,
    },
    /// The process ended.
    Exited {
        /// Which.
        generation: u32,
        /// How.
        exit: ExitNews,
        /// What its codec still held: messages cut short, tools cancelled.
        cut: Vec<Signal>,
    },
    /// Answer to [`Act::Probe`].
    Vitals {
        /// Which.
        generation: u32,
        /// Its process tree used the processor since the last probe.
        busy: bool,
        /// It is stopped by a signal.
        stopped: bool,
    },
    /// Answer to [`Act::Measure`].
    Measured {
        /// Which.
        generation: u32,
        /// Memory of its whole process tree.
        bytes: u64,
    },
    /// The agent is kept from writing because its output cannot be stored, or no longer so.
    Spool {
        /// Which.
        generation: u32,
        /// It is blocked.
        blocked: bool,
    },
    /// Answer to [`Act::Checkpoint`].
    Checkpointed {
        /// The number of the plan.
        n: u64,
        /// What was recorded.
        result: Result<TakenCheckpoint, CheckpointTrouble>,
    },
    /// Answer to [`Act::Rewind`].
    Rewound {
        /// Which.
        id: RewindId,
        /// What was done, or why nothing was.
        result: Result<Box<RewindOutcome>, String>,
    },
    /// The session was read from the store: what was being done for it is done again.
    Recovered,
    /// The time told by [`super::Machine::next_deadline`] has come (or was passed while nobody looked).
    Deadline,
}

/// How a process is to be ended: its protocol's own end was sent before, if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ladder {
    /// Milliseconds until SIGTERM.
    pub grace_ms: u64,
    /// Milliseconds from SIGTERM to SIGKILL of the whole tree.
    pub term_ms: u64,
}

/// A process to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpawnPlan {
    /// Its number.
    pub generation: u32,
    /// How it takes up the conversation.
    pub resume: ResumeHow,
    /// The model to use.
    pub model: Option<String>,
    /// The mode to use.
    pub mode: Option<String>,
    /// The effort to use.
    pub effort: Option<String>,
    /// How the conversation is begun again where the agent has kept nothing of it.
    pub fork: Option<Fork>,
}

/// Something to do once the step is stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Start a process.
    Spawn(SpawnPlan),
    /// End the process step by step.
    End(Ladder),
    /// End the process and its whole tree at once.
    Kill,
    /// Serve a file request.
    Serve {
        /// The agent's id of its request.
        token: String,
        /// What it wants.
        request: AgentRequest,
    },
    /// Tell whether the process works: [`Input::Vitals`].
    Probe,
    /// Tell how much memory its process tree uses: [`Input::Measured`].
    Measure,
    /// Record the files: [`Input::Checkpointed`].
    Checkpoint(CheckpointPlan),
    /// Take files back, or finish it if it was begun: [`Input::Rewound`].
    Rewind(Box<PendingRewind>),
    /// Let the session that this one was forked from record it, once: [`Input::ParentTold`].
    TellParent(Parent),
    /// Keep what the agent told of itself.
    Handshake(Box<tenure_event::Handshake>),
    /// Remove the session's data.
    Erase {
        /// The events stay readable.
        keep_transcript: bool,
    },
}

/// A row of an input that changes.
#[derive(Debug, Clone, PartialEq)]
pub enum InputChange {
    /// It was admitted with this event.
    Admitted {
        /// Which.
        input_id: InputId,
        /// Its `input.admitted`.
        seq: Seq,
    },
    /// Its words were changed.
    Edited {
        /// Which.
        input_id: InputId,
    },
    /// It went back into the queue.
    Requeued {
        /// Which.
        input_id: InputId,
    },
    /// A turn took it in.
    Started {
        /// Which.
        input_id: InputId,
        /// The turn.
        turn_id: TurnId,
    },
    /// Its turn ended with this event.
    Completed {
        /// Which.
        input_id: InputId,
        /// The turn.
        turn_id: TurnId,
        /// The `turn.completed`.
        seq: Seq,
    },
    /// It will not be served.
    Cancelled {
        /// Which.
        input_id: InputId,
        /// The `input.cancelled`.
        seq: Seq,
    },
}

/// What a step wants done, in this order: store, ring, act, reply.
#[derive(Debug, Default)]
pub struct Output {
    /// Events, in order.
    pub events: Vec<NewEvent>,
    /// A caller is told of something in it: it must survive a loss of power.
    pub full: bool,
    /// The state changed in a way that must be stored, though nothing else tells of it.
    pub store: bool,
    /// Commands for the process, with their numbers, stored with the events.
    pub commands: Vec<(u64, Command)>,
    /// Asks that changed, as they are now.
    pub asks: Vec<Ask>,
    /// Inputs that changed.
    pub inputs: Vec<InputChange>,
    /// Things to do once it is stored.
    pub acts: Vec<Act>,
    /// Ephemeral news, each with the number of `events` that come before it.
    pub ephemeral: Vec<(usize, EphemeralKind)>,
    /// The answer to a request.
    pub reply: Option<Result<Reply, Problem>>,
}
