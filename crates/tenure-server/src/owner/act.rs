//! What is done once a step is stored.

use std::sync::Arc;
use std::time::Duration;

use tenure_core::agent::{AgentError, AgentRequest, Signal};
use tenure_core::machine::{Act, Input, Ladder};
use tenure_crash_point::crash_point;
use tenure_event::ErrorInfo;
use tenure_host::process;

use super::Owner;
use super::files;
use super::launch::STORAGE;
use super::mail::Work;
use super::stored::{session_dir, write_private};
use crate::clock;
use crate::order;

/// How long a silent process is watched for a sign of work.
const WATCH: Duration = Duration::from_secs(5);
/// Processor time within [`WATCH`] that counts as work; an idle runtime uses a hundredth of a core.
const WORK: Duration = Duration::from_millis(150);

/// How a process is to be ended.
#[derive(Clone, Copy)]
pub(super) enum EndHow {
    Ladder(Ladder),
    Kill,
}

impl Owner {
    pub(super) async fn act(&mut self, act: Act) {
        match act {
            Act::Spawn(plan) => self.launch(plan),
            Act::End(ladder) => self.end(EndHow::Ladder(ladder)),
            Act::Kill => self.end(EndHow::Kill),
            Act::Serve { token, request } => {
                let Some(line) = &self.line else { return };
                let (generation, root) = (line.generation, self.machine.state().spec.cwd_canonical.clone());
                let out = self.work_out.clone();
                let (terminals, process) = (Arc::clone(&self.terminals), self.terminals.process());
                let hands = Arc::clone(&self.hands);
                self.shared.tasks.spawn(async move {
                    let (answer, hand) = match request {
                        AgentRequest::Terminal(request) => (terminals.serve(request, &process).await, None),
                        request => {
                            let hand = hands.acquire_owned().await.ok();
                            (files::serve(root, request).await, hand)
                        }
                    };
                    let _ = out.send(Work::Served { generation, token, answer, hand }).await;
                });
            }
            Act::Probe => self.probe(),
            Act::Measure => self.measure(),
            Act::Checkpoint(plan) => self.take_checkpoint(plan),
            Act::Rewind(rewind) => self.make_way(*rewind),
            Act::TellParent(parent) => self.tell_parent(parent),
            // Kept before the step was stored: see `keep_handshake`.
            Act::Handshake(_) => {}
            Act::Erase { keep_transcript } => {
                crash_point!("destroy.stored");
                for command in self.shared.execs.cancel_all(&self.id) {
                    command.kill_and_wait().await;
                }
                self.shared
                    .erase_files(&self.id, keep_transcript, &self.machine.state().spec.workspace_id)
                    .await;
                crash_point!("destroy.erased");
                self.gone = true;
            }
        }
    }

    /// Keeps what the agent told of itself. It is no truth of its own, so it may be there before its step is stored; if it
    /// came after, a kill between the two would lose it.
    pub(super) async fn keep_handshake(&mut self, acts: &[Act]) {
        for act in acts {
            let Act::Handshake(handshake) = act else { continue };
            let path = session_dir(&self.shared.home, &self.id).join("handshake.json");
            let text = serde_json::to_string(handshake);
            let text = text.map(|text| self.redactor.view::<tenure_event::Handshake>(text));
            let write = move || write_private(&path, text?.as_bytes());
            if let Err(e) = off_thread(write).await {
                tracing::warn!(session = %self.id, error = %e, "what the agent told of itself could not be kept");
            }
        }
    }

    pub(super) fn end(&mut self, how: EndHow) {
        let Some(shim) = self.line.as_ref().and_then(|l| l.shim.as_ref()) else {
            let generation = self.machine.state().process.as_ref().map(|p| p.generation);
            let harder = |(of, before): (u32, EndHow)| match before {
                EndHow::Kill if Some(of) == generation => before,
                _ => how,
            };
            // Of this process alone: what comes after it is not to be ended.
            self.end_later = generation.map(|g| (g, self.end_later.map_or(how, harder)));
            return;
        };
        match how {
            EndHow::Kill => shim.kill(),
            EndHow::Ladder(l) => {
                let (grace_ms, term_ms) = (l.grace_ms, l.term_ms);
                shim.end(tenure_host::Ladder { close_stdin: true, grace_ms, term_ms });
            }
        }
    }

    /// The end that was asked for before this process was there.
    pub(super) fn take_end_later(&mut self, generation: u32) -> Option<EndHow> {
        self.end_later.take().filter(|(of, _)| *of == generation).map(|(_, how)| how)
    }

    fn probe(&self) {
        let Some((generation, shim)) =
            self.line.as_ref().and_then(|l| Some((l.generation, l.shim.as_ref()?)))
        else {
            return;
        };
        let agent = shim.identity().agent.clone();
        let out = self.work_out.clone();
        self.shared.tasks.spawn(async move {
            let used = |pid| tokio::task::spawn_blocking(move || process::usage(&process::tree(pid)).cpu);
            let before = used(agent.pid).await.unwrap_or_default();
            tokio::time::sleep(WATCH).await;
            let after = used(agent.pid).await.unwrap_or_default();
            let busy = after.saturating_sub(before) >= WORK;
            let stopped = agent.is_stopped();
            let _ = out.send(Work::Probed { generation, busy, stopped }).await;
        });
    }

    /// Adds up the memory of the agent and of all that it started.
    fn measure(&self) {
        let Some((generation, shim)) =
            self.line.as_ref().and_then(|l| Some((l.generation, l.shim.as_ref()?)))
        else {
            return;
        };
        let pid = shim.identity().agent.pid;
        let out = self.work_out.clone();
        self.shared.tasks.spawn(async move {
            let used = move || process::usage(&process::tree(pid)).memory_bytes;
            let bytes = tokio::task::spawn_blocking(used).await.unwrap_or_default();
            let _ = out.send(Work::Measured { generation, bytes }).await;
        });
    }

    pub(super) async fn take_work(&mut self, work: Work) {
        match work {
            Work::Launched { generation, result } => self.launched(generation, *result).await,
            Work::Announce { generation } => self.announce(generation).await,
            Work::Failed { generation, error } => self.could_not_start(generation, error).await,
            Work::Served { generation, token, answer, hand } => {
                let input = Input::Served { generation, token: token.clone(), answer: answer.clone() };
                if self.apply(input, None).await.is_err() {
                    return self.later(Work::Served { generation, token, answer, hand });
                }
                // The next file is read when the agent has taken in what is for it.
                self.hands_held.extend(hand);
                self.pump();
            }
            Work::Recover => self.recover().await,
            Work::Unsaid { generation, n, error } => self.tell_unsaid(generation, n, error).await,
            Work::Probed { generation, busy, stopped } => {
                // A probe that cannot be stored is simply made again.
                if self.apply(Input::Vitals { generation, busy, stopped }, None).await.is_err() {
                    self.rest();
                }
            }
            Work::Measured { generation, bytes } => {
                if self.apply(Input::Measured { generation, bytes }, None).await.is_err() {
                    self.later(Work::Measured { generation, bytes });
                }
            }
            Work::Swept { generation } => self.swept(generation).await,
            Work::Checkpointed { n, result } => self.checkpointed(n, result).await,
            Work::Rewound { id, result } => self.rewound(id, result).await,
            Work::TellParent { parent } => self.tell_parent(parent),
            Work::ParentTold { parent, told } => self.parent_told(parent, told).await,
            Work::Reattach { generation } => self.reattach(generation),
            Work::StartAgain { generation } => self.never_ran(generation).await,
            Work::Attached { generation, result } => self.attached(generation, *result).await,
        }
    }

    /// A process could not be started: the machine is told, as soon as the store takes it.
    pub(super) async fn could_not_start(&mut self, generation: u32, error: ErrorInfo) {
        self.launching = false;
        if error.code == STORAGE {
            return self.start_later(generation, &error).await;
        }
        let input = Input::SpawnFailed { generation, error: error.clone() };
        if self.apply(input, None).await.is_err() {
            self.later(Work::Failed { generation, error });
        }
    }

    /// The disk refused a start: inputs wait, and it is tried again until it can be.
    async fn start_later(&mut self, generation: u32, error: &ErrorInfo) {
        if !std::mem::replace(&mut self.disk_told, true) {
            let message =
                format!("the agent is not started yet: {}; it is tried again by itself", error.message);
            tracing::warn!(session = %self.id, "{message}");
            let signals = vec![Signal::Warning { code: STORAGE.to_owned(), message }];
            // Where this cannot be stored either, callers are told so themselves.
            let _ = self.apply(Input::Agent { generation, signals, stderr: None }, None).await;
        }
        self.later(Work::StartAgain { generation });
    }

    /// What becomes of a command that no process can be told. Its number is used only when that is stored: nobody would know
    /// afterwards.
    async fn tell_unsaid(&mut self, generation: u32, n: u64, error: AgentError) {
        tracing::warn!(session = %self.id, n, why = error.message, "a command cannot be told to the agent");
        self.untold.remove(&(generation, n));
        let input = Input::Unsaid { generation, n, error: error.clone() };
        if self.apply(input, None).await.is_err() {
            self.untold.insert((generation, n));
            return self.later(Work::Unsaid { generation, n, error });
        }
        self.pump();
    }

    pub(super) async fn try_again(&mut self) {
        if let Some(work) = self.retry.pop_front() {
            self.take_work(work).await;
        }
    }

    /// A process is there: the machine is told, and its first commands are sent.
    pub(super) async fn announce(&mut self, generation: u32) {
        if order::announce(self, generation).await.is_err() {
            self.later(Work::Announce { generation });
        }
    }

    pub(super) fn register_process(&self) {
        let Some(line) = &self.line else { return };
        if let Some(shim) = &line.shim {
            let agent = &shim.identity().agent;
            let started = i64::try_from(shim.identity().started_at_ms).unwrap_or(0);
            let at =
                tenure_event::Timestamp::from_millis(started).max(tenure_event::Timestamp::from_millis(1));
            self.shared.processes.started(&self.id, line.generation, agent.clone(), at, clock::now());
        }
    }
}

/// Waits for work on the disk without holding up other sessions.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| Err(std::io::Error::other(e)))
}
