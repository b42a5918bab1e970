//! Letters to an owner, and work that comes back to it.

use std::sync::Arc;

use tenure_api::{Problem, SetMcpServers};
use tenure_core::agent::{AgentError, FsAnswer};
use tenure_core::machine::{CheckpointTrouble, Inside, Machine, RewindOutcome, State, TakenCheckpoint};
use tenure_core::{Admit, Reply, Request};
use tenure_event::{Ephemeral, EphemeralKind, MessageCompleted, Parent, RewindId, SessionId, TaskOutput};
use tenure_host::{AttachError, Attached, LaunchError, Shim};
use tenure_log::Write;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, broadcast, mpsc, oneshot};

use super::stored::Private;
use crate::node::{IdempotencyKey, Shared};

/// What a session's task can be sent.
pub(crate) enum Mail {
    /// Ask something of the session.
    Request {
        /// What.
        request: Request,
        /// To be remembered with the reply.
        key: Option<IdempotencyKey>,
        /// Where the reply goes, once it is stored.
        reply: oneshot::Sender<Result<Reply, Problem>>,
    },
    /// What clients may know of its state beyond its view.
    Inside {
        /// Where it goes.
        reply: oneshot::Sender<Inside>,
    },
    /// All of its state.
    State {
        /// Where it goes.
        reply: oneshot::Sender<Box<State>>,
    },
    /// Tell when no checkpoint is being taken by itself.
    FilesSettled {
        /// Where that goes.
        reply: oneshot::Sender<()>,
    },
    /// Replace the tool servers that were set before.
    Servers {
        /// By these.
        set: SetMcpServers,
        /// To be remembered with the reply.
        key: Option<IdempotencyKey>,
        /// Where the reply goes, once it is stored.
        reply: oneshot::Sender<Result<Reply, Problem>>,
    },
    /// Tell when the agent has told how its tool servers stand, if it was asked.
    ServersTold {
        /// Where that goes.
        reply: oneshot::Sender<()>,
    },
    /// What a running task wrote so far, where its agent tells that.
    TaskOutput {
        /// Which.
        task_id: String,
        /// Where it goes.
        reply: oneshot::Sender<Option<TaskOutput>>,
    },
    /// What is being written at this moment.
    OpenText {
        /// Where it goes.
        reply: oneshot::Sender<Vec<Arc<Ephemeral>>>,
    },
}

/// A session that is being created.
pub(crate) struct Birth {
    /// The session before its first step.
    pub machine: Machine,
    /// What is kept beside the log.
    pub private: Private,
    /// Its agent is to be started now.
    pub start: bool,
    /// What was said in the session that it is forked from.
    pub past: Vec<MessageCompleted>,
    /// Its first input.
    pub input: Option<Admit>,
    /// Rows that are stored with it (workspace, project).
    pub writes: Vec<Write>,
    /// To be remembered with the reply.
    pub key: Option<IdempotencyKey>,
    /// No other session is created before this one is stored.
    pub one_at_a_time: OwnedMutexGuard<()>,
    /// Where the reply of its first input goes, once it is stored.
    pub reply: oneshot::Sender<Result<Option<Reply>, Problem>>,
}

/// Slow work that is done.
pub(crate) enum Work {
    /// A process was started, or not.
    Launched {
        /// Which.
        generation: u32,
        /// How it went.
        result: Box<Result<Shim, LaunchError>>,
    },
    /// A process could not be started, as far as the machine must know.
    Failed {
        /// Which.
        generation: u32,
        /// Why.
        error: tenure_event::ErrorInfo,
    },
    /// A process is there and the machine must be told.
    Announce {
        /// Which.
        generation: u32,
    },
    /// The session that this one was forked from is to be told again.
    TellParent {
        /// Which.
        parent: Parent,
    },
    /// The session that this one was forked from was told.
    ParentTold {
        /// Which.
        parent: Parent,
        /// It has recorded that.
        told: bool,
    },
    /// A process may be there and could not be reached.
    Reattach {
        /// Which.
        generation: u32,
    },
    /// The disk refused to let a process start, some time ago.
    StartAgain {
        /// Which; the next one is another.
        generation: u32,
    },
    /// It was found out what became of a process.
    Attached {
        /// Which.
        generation: u32,
        /// What.
        result: Box<Result<Attached, AttachError>>,
    },
    /// What the last daemon left undone could not be stored, some time ago.
    Recover,
    /// A command cannot be told to its process.
    Unsaid {
        /// Which process.
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
        /// What was held meanwhile.
        hand: Option<OwnedSemaphorePermit>,
    },
    /// What a lost process may have left is ended.
    Swept {
        /// Which.
        generation: u32,
    },
    /// Files were recorded, or not.
    Checkpointed {
        /// The number of the plan.
        n: u64,
        /// How it went.
        result: Result<TakenCheckpoint, CheckpointTrouble>,
    },
    /// Files were taken back, or not.
    Rewound {
        /// Which way back.
        id: RewindId,
        /// How it went.
        result: Result<Box<RewindOutcome>, String>,
    },
    /// A process was looked at.
    Probed {
        /// Which.
        generation: u32,
        /// It used the processor.
        busy: bool,
        /// It is stopped by a signal.
        stopped: bool,
    },
    /// The memory of a process and of all that it started was added up.
    Measured {
        /// Which.
        generation: u32,
        /// Bytes.
        bytes: u64,
    },
}

/// The way to a session's task.
#[derive(Clone)]
pub(crate) struct OwnerHandle {
    pub(super) mail: mpsc::Sender<Mail>,
    pub(super) urgent: mpsc::Sender<Mail>,
    pub(super) live: broadcast::Sender<Arc<Ephemeral>>,
}

impl OwnerHandle {
    /// Sends a letter; gives it back if the task is gone. Requests that end something overtake others.
    pub(crate) async fn send(&self, letter: Mail) -> Result<(), Mail> {
        let urgent = matches!(
            &letter,
            Mail::Request {
                request: Request::Interrupt { .. } | Request::Kill | Request::Close | Request::Destroy { .. },
                ..
            }
        );
        let way = if urgent { &self.urgent } else { &self.mail };
        way.send(letter).await.map_err(|e| e.0)
    }

    /// A handle without a task: whoever holds the mailboxes is the task.
    #[cfg(test)]
    pub(crate) fn without_task() -> (Self, mpsc::Receiver<Mail>, mpsc::Receiver<Mail>) {
        let ((mail, letters), (urgent, urgent_letters)) = (mpsc::channel(1), mpsc::channel(1));
        (Self { mail, urgent, live: broadcast::channel(1).0 }, letters, urgent_letters)
    }

    /// Whether its task still takes letters.
    pub(crate) fn is_there(&self) -> bool {
        !self.mail.is_closed()
    }

    /// Ephemeral events from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Arc<Ephemeral>> {
        self.live.subscribe()
    }
}

/// Answers what is still in the mailbox of a task that ends.
pub(super) async fn refuse_all(
    shared: &Shared,
    id: &SessionId,
    mut mail: mpsc::Receiver<Mail>,
    mut urgent: mpsc::Receiver<Mail>,
) {
    shared.registry.forget(id);
    mail.close();
    urgent.close();
    while let Some(letter) = urgent.recv().await {
        refuse(shared, id, letter);
    }
    while let Some(letter) = mail.recv().await {
        refuse(shared, id, letter);
    }
}

fn refuse(shared: &Shared, id: &SessionId, letter: Mail) {
    if let Mail::Request { reply, .. } | Mail::Servers { reply, .. } = letter {
        let _ = reply.send(Err(shared.owner_gone(id)));
    }
}

/// One ephemeral event as it is sent.
pub(super) fn ephemeral(
    id: &SessionId,
    after: u64,
    turn: Option<&tenure_event::TurnId>,
    kind: EphemeralKind,
) -> Arc<Ephemeral> {
    Arc::new(Ephemeral {
        session_id: id.clone(),
        after: tenure_event::Seq(after),
        ts: crate::clock::now(),
        turn_id: turn.cloned(),
        kind,
    })
}
