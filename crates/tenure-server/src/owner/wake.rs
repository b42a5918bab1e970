//! How an owner comes to be: of a session that is being created, or of one that is in the
//! store. Waking is the same after a rest and after a restart of the daemon.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tenure_api::InputView;
use tenure_core::machine::{ExitNews, Input, Machine};
use tenure_crash_point::crash_point;
use tenure_event::{Ephemeral, InputId, SessionId};
use tenure_host::{AttachError, Attached, Shim, attach, process};
use tenure_log::{EventLog, IdempotencyRow, LogError, OutboxRow, Write};
use tokio::sync::{Semaphore, broadcast, mpsc};

use super::act::EndHow;
use super::launch::{generation_dir, learn_secrets, read_record};
use super::line::{Line, Over};
use super::mail::{Birth, Work};
use super::redact::Redactor;
use super::stored::{Private, Stored, StoredLine, session_dir};
use super::{HANDS, Owner, blobs, joined, now, off_thread, outgoing};
use crate::node::{Shared, make_private_dir};
use crate::order::{self, InputRows};

/// Work that may wait to be taken back by its owner.
const WORK: usize = 64;

impl Owner {
    fn of(
        shared: Arc<Shared>,
        id: SessionId,
        machine: Machine,
        private: Private,
        redactor: Redactor,
        live: broadcast::Sender<Arc<Ephemeral>>,
    ) -> Self {
        let (work_out, work_in) = mpsc::channel(WORK);
        let secrets = private.context(&id);
        let terminals = super::terminals::Terminals::new(Arc::clone(&shared), id.clone());
        Self {
            shared,
            id,
            machine,
            private,
            secrets,
            redactor,
            line: None,
            closing: None,
            rows: InputRows::default(),
            words: BTreeMap::new(),
            pieces: super::Pieces::default(),
            room: 0,
            listed: None,
            unsent: VecDeque::new(),
            work_in,
            work_out,
            live,
            retry: VecDeque::new(),
            end_later: None,
            ended_generation: None,
            unsaid: Vec::new(),
            untold: BTreeSet::new(),
            hands: Arc::new(Semaphore::new(HANDS)),
            hands_held: Vec::new(),
            pause: None,
            launching: false,
            disk_told: false,
            sweep: None,
            outdated: false,
            stored_line: None,
            birth_writes: Vec::new(),
            settling: Vec::new(),
            asking: Vec::new(),
            terminals,
            config: None,
            gone: false,
        }
    }

    /// A session that is being created: its first step, and its first input, are one change of the log.
    pub(super) async fn born(
        shared: Arc<Shared>,
        id: SessionId,
        birth: Birth,
        live: broadcast::Sender<Arc<Ephemeral>>,
    ) -> Option<Self> {
        let Birth { machine, private, start, past, input, writes, key, one_at_a_time, reply } = birth;
        let redactor = redactor(&shared, &machine.state().spec.agent, &private);
        let mut owner = Self::of(Arc::clone(&shared), id, machine, private, redactor, live);
        if let Some(input) = &input {
            owner.rows.admitting(input);
        }
        let begun = now();
        let mut out = owner.machine.step(begun, Input::Created { start: start && input.is_none(), past });
        if let Some(admit) = input {
            // The second step counts its events after those of the first.
            owner.machine.committed(tenure_event::Seq(out.events.len() as u64));
            let second = owner.machine.step(now(), Input::Request(tenure_core::Request::Admit(admit)));
            owner.machine.committed(tenure_event::Seq(0));
            out = joined(out, second);
        }
        out.full = true;
        owner.birth_writes = writes;
        if let (Some(key), Some(Ok(_)) | None) = (key, &out.reply) {
            let reply = out.reply.as_ref().and_then(|r| r.as_ref().ok());
            // What a repeated create reads back: the session, and what became of its first input.
            let body = serde_json::to_string(&(&owner.id, reply)).unwrap_or_default();
            let (key, body_hash, at) = (key.key, key.body_hash, crate::clock::now());
            owner.birth_writes.push(Write::Idempotency(IdempotencyRow {
                key,
                body_hash,
                status: 201,
                body,
                at,
            }));
        }
        match order::commit(&mut owner, out, None).await {
            Ok(answer) => {
                crash_point!("create.stored");
                drop(one_at_a_time);
                let answer = answer.transpose();
                let _ = reply.send(answer);
                crash_point!("create.replied");
                Some(owner)
            }
            Err(e) => {
                // Nothing of it is in the log: nothing of it may be left, its secrets least of all.
                if matches!(shared.log.session(&owner.id).await, Ok(None)) {
                    let dir = session_dir(&shared.home, &owner.id);
                    let _ = off_thread(move || std::fs::remove_dir_all(dir)).await;
                }
                drop(one_at_a_time);
                let _ = reply.send(Err(crate::problem::from_log(&e)));
                None
            }
        }
    }

    /// A session from the store.
    pub(super) async fn wake(
        shared: Arc<Shared>,
        id: SessionId,
        live: broadcast::Sender<Arc<Ephemeral>>,
    ) -> Option<Self> {
        match Self::from_store(shared, id.clone(), live).await {
            Ok(owner) => owner,
            Err(e) => {
                tracing::error!(session = %id, error = %e, "the session cannot be read");
                None
            }
        }
    }

    async fn from_store(
        shared: Arc<Shared>,
        id: SessionId,
        live: broadcast::Sender<Arc<Ephemeral>>,
    ) -> Result<Option<Self>, LogError> {
        let Some((state, last_seq, outbox)) = shared.log.state(&id).await? else { return Ok(None) };
        if state.is_empty() {
            return Ok(None);
        }
        let corrupt = |e: &dyn std::fmt::Display| LogError::Corrupt(format!("state of session {id}: {e}"));
        let private = Private::read(&session_dir(&shared.home, &id)).unwrap_or_else(|e| {
            tracing::warn!(session = %id, error = %e, "its private file cannot be read: its environment is lost");
            Private::default()
        });
        let agent = shared.log.session(&id).await?.map(|row| row.agent).unwrap_or_default();
        let redactor = redactor(&shared, &agent, &private);
        let state = redactor.unhidden(String::from_utf8(state).map_err(|e| corrupt(&e))?);
        let stored: Stored = serde_json::from_str(&state).map_err(|e| corrupt(&e))?;
        let (machine, waiting) = order::woken(Machine::from_state(stored.machine), last_seq);
        let mut owner = Self::of(shared, id, machine, private, redactor, live);
        owner.words = stored.words;
        owner.hydrate(waiting).await?;
        owner.find_process(stored.line, outbox);
        let state = owner.machine.state();
        if state.checkpoints.is_busy() || state.parent_untold {
            owner.recover().await;
        }
        Ok(Some(owner))
    }

    /// What the last daemon left undone is done, as soon as the store takes it.
    pub(super) async fn recover(&mut self) {
        if let Err(e) = self.apply(Input::Recovered, None).await {
            tracing::warn!(session = %self.id, error = %e, "what was left undone cannot be stored; trying again");
            self.later(Work::Recover);
        }
    }

    /// Gives waiting inputs their words and rows back.
    async fn hydrate(&mut self, waiting: Vec<InputId>) -> Result<(), LogError> {
        for input_id in waiting {
            let Some(row) = self.shared.log.input(&self.id, &input_id).await? else { continue };
            if let Ok(mut view) = serde_json::from_str::<InputView>(&row.view) {
                let parts = match self.true_words(&input_id).await? {
                    Some(parts) => parts,
                    None => {
                        blobs::make_whole(&self.shared.log, &self.id, &mut view.parts).await?;
                        view.parts
                    }
                };
                self.machine.hydrate(&input_id, parts);
            }
            self.rows.insert(row);
        }
        Ok(())
    }

    /// Finds out what became of the process that the store knows.
    fn find_process(&mut self, stored: Option<StoredLine>, outbox: Vec<OutboxRow>) {
        let Some(process) = self.machine.state().process.clone() else { return };
        let generation = process.generation;
        self.unsent = outbox.into_iter().filter(|row| row.generation == generation).collect();
        self.stored_line = stored.filter(|line| line.generation == generation);
        self.find_untold(generation);
        self.reattach(generation);
    }

    /// Commands without words of which the last daemon did not come to store what became of them.
    fn find_untold(&mut self, generation: u32) {
        let Some(turn) = self.machine.state().turn.as_ref() else { return };
        let is_open = |n| turn.prompt_n == Some(n) || turn.steered.iter().any(|steered| steered.n == n);
        let wordless = self.unsent.iter().filter(|row| row.bytes.is_empty() && is_open(row.n));
        for n in wordless.map(|row| row.n).collect::<Vec<_>>() {
            let why = "what was said has no words in the agent's protocol".to_owned();
            self.hold_back(generation, n, outgoing::wordless(why));
        }
    }

    /// Whether this is the process of the session now, and if so whether it was told that it began.
    fn announced(&self, generation: u32) -> Option<bool> {
        let current = self.machine.state().process.as_ref().filter(|p| p.generation == generation);
        current.map(|p| p.pid.is_some())
    }

    /// Looks for a process, in the background: one that does not answer must not keep requests waiting. It comes back
    /// as [`Work::Attached`]; until then commands for it are stored, and sent later.
    pub(super) fn reattach(&mut self, generation: u32) {
        let Some(announced) = self.announced(generation) else { return };
        if announced && let Err(e) = self.open_line(generation) {
            tracing::warn!(session = %self.id, error = %e, "the output of a process cannot be read yet");
        }
        let dir = generation_dir(&session_dir(&self.shared.home, &self.id), generation);
        let (out, stopping) = (self.work_out.clone(), self.shared.stopping.clone());
        self.shared.tasks.spawn(async move {
            let look = async {
                // A start that never came so far must not come so far later: it finds the mark in here.
                make_private_dir(&dir).map_err(|source| AttachError::Files { dir: dir.clone(), source })?;
                crash_point!("attach.before");
                attach(&dir).await
            };
            tokio::select! {
                result = look => {
                    crash_point!("attach.found");
                    let _ = out.send(Work::Attached { generation, result: Box::new(result) }).await;
                }
                () = stopping.cancelled() => {}
            }
        });
    }

    /// Takes up the output of a process from where it was stored, unless that is done.
    fn open_line(&mut self, generation: u32) -> std::io::Result<()> {
        if self.line.is_some() {
            return Ok(());
        }
        let unconfigured =
            || std::io::Error::other("its agent is not configured any more; configure it again");
        let protocol = self.protocol().ok_or_else(unconfigured)?;
        let dir = session_dir(&self.shared.home, &self.id);
        let stored = self.stored_line.clone().filter(|line| line.generation == generation);
        let record = read_record(&dir, generation)?;
        self.line = Some(Line::open(&generation_dir(&dir, generation), record, protocol, stored)?);
        // From here on the line knows. Before, a failure must not forget where it was.
        self.stored_line = None;
        Ok(())
    }

    /// Takes up a process again, or learns how it ended.
    pub(super) async fn attached(&mut self, generation: u32, result: Result<Attached, AttachError>) {
        if self.announced(generation).is_none() {
            return;
        }
        let (shim, over) = match result {
            Ok(Attached::Live(shim)) => (Some(shim), None),
            Ok(Attached::Exited(record)) => (None, Some(Over::Exited(Arc::new(record)))),
            Ok(Attached::Lost(lost)) if !lost.ran => return self.never_ran(generation).await,
            Ok(Attached::Lost(lost)) => (None, Some(Over::Lost(Arc::new(lost)))),
            Err(AttachError::NoShim { .. }) => return self.never_ran(generation).await,
            Err(e) => {
                tracing::warn!(session = %self.id, error = %e, "a process cannot be taken up; trying again");
                self.insist(generation, &e);
                return self.later(Work::Reattach { generation });
            }
        };
        if let Some(shim) = &shim {
            let applied = shim.applied();
            self.unsent.retain(|row| row.n > applied);
        }
        if let Err(e) = self.open_line(generation) {
            return self.unreadable(generation, shim, over, &e).await;
        }
        let Some(line) = &mut self.line else { return };
        let lives = shim.is_some();
        line.join(shim, over);
        crash_point!("attach.joined");
        self.register_process();
        if order::found(self, generation, lives).await.is_err() {
            self.later(Work::Announce { generation });
        }
    }

    /// The output of a process cannot be read: if it never can be, its end is told without. It can be ended all the same.
    async fn unreadable(
        &mut self,
        generation: u32,
        shim: Option<Shim>,
        over: Option<Over>,
        e: &std::io::Error,
    ) {
        tracing::error!(session = %self.id, error = %e, "the output of a process cannot be read");
        let ending = self.machine.state().ending.is_some();
        match (over, shim) {
            (Some(over), _) if ending || is_lasting(e) => {
                self.tell_end(generation, super::line::exit_news(&over)).await;
            }
            (_, Some(shim)) if ending => {
                shim.kill();
                self.later(Work::Reattach { generation });
            }
            _ => self.later(Work::Reattach { generation }),
        }
    }

    /// A shim that does not answer cannot be told to end its agent. It is woken if it is stopped; a person's `kill` ends
    /// both.
    fn insist(&self, generation: u32, e: &AttachError) {
        let AttachError::Deaf { dir, .. } = e else { return };
        let asked = self.end_later.filter(|(of, _)| *of == generation).map(|(_, how)| how);
        if asked.is_none() && self.machine.state().ending.is_none() {
            return;
        }
        let (dir, kill) = (dir.clone(), matches!(asked, Some(EndHow::Kill)));
        self.shared.tasks.spawn_blocking(move || {
            let Ok(Some(identity)) = tenure_host::read_identity(&dir) else { return };
            if kill {
                let report = process::sweep(&[identity.shim]);
                tracing::warn!(ended = ?report.killed, "a shim that does not answer was killed");
            } else if identity.shim.wake() {
                tracing::warn!(pid = identity.shim.pid, "a shim that is to end its agent was stopped; woken");
            }
        });
    }

    /// An end that was asked for before the daemon was restarted, or before the process was found, is asked for again.
    pub(super) fn end_as_before(&mut self, generation: u32) {
        let ladder = tenure_core::machine::Ladder { grace_ms: 2_000, term_ms: 3_000 };
        let again = self.machine.state().ending.is_some().then_some(EndHow::Ladder(ladder));
        if let Some(how) = self.take_end_later(generation).or(again)
            && self.line.as_ref().is_some_and(|line| line.shim.is_some())
        {
            self.end(how);
        }
    }

    pub(super) async fn never_ran(&mut self, generation: u32) {
        // It ran, and its files are gone: the old process is proven dead before a new one.
        if self.announced(generation) == Some(true) && !self.is_swept(generation, AfterSweep::NeverRan) {
            return;
        }
        let exit = ExitNews { never_ran: true, unseen: true, ..ExitNews::default() };
        self.tell_end(generation, exit).await;
    }

    /// Whether what a lost process may have left behind is ended. If not, that is begun: it may take seconds, which nobody
    /// who asks something of the session waits for. It comes back as [`Work::Swept`].
    pub(super) fn is_swept(&mut self, generation: u32, after: AfterSweep) -> bool {
        match self.sweep {
            Some(Sweep { of, over, .. }) if of == generation => over,
            _ => {
                self.sweep = Some(Sweep { of: generation, over: false, after });
                let (shared, id) = (Arc::clone(&self.shared), self.id.clone());
                let out = self.work_out.clone();
                self.shared.tasks.spawn(async move {
                    shared.sweep_session(&id).await;
                    let _ = out.send(Work::Swept { generation }).await;
                });
                false
            }
        }
    }

    /// Goes on where [`Self::is_swept`] was asked.
    pub(super) async fn swept(&mut self, generation: u32) {
        let Some(sweep) = self.sweep.as_mut().filter(|sweep| sweep.of == generation) else { return };
        sweep.over = true;
        match sweep.after {
            AfterSweep::NeverRan => self.never_ran(generation).await,
            // It is seen again with the next look at the line.
            AfterSweep::Ended => {}
        }
    }

    /// A lost process is being cleared away: nothing is taken in from it meanwhile.
    pub(super) fn is_sweeping(&self) -> bool {
        self.sweep.as_ref().is_some_and(|sweep| !sweep.over)
    }

    async fn tell_end(&mut self, generation: u32, exit: ExitNews) {
        let line = self.line.take();
        self.ended_generation = Some(generation);
        let told = self.apply(Input::Exited { generation, exit, cut: Vec::new() }, None).await;
        if told.is_err() {
            (self.line, self.ended_generation) = (line, None);
            self.later(Work::Reattach { generation });
        }
    }
}

/// The clearing away of what a lost process may have left.
pub(super) struct Sweep {
    /// Which process.
    of: u32,
    over: bool,
    after: AfterSweep,
}

/// Where an owner goes on after it.
#[derive(Clone, Copy)]
pub(super) enum AfterSweep {
    /// Its end is told as that of one that nobody saw.
    NeverRan,
    /// Its end is taken in from the line.
    Ended,
}

/// Knows the session's own values, and what its agent is given.
fn redactor(shared: &Shared, agent: &str, private: &Private) -> Redactor {
    let mut redactor = Redactor::new(private.secret_values());
    learn_secrets(&mut redactor, shared, agent, private);
    redactor
}

/// Whether trying again cannot help: the bytes are gone or are not what they were.
pub(super) fn is_lasting(e: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, NotFound, UnexpectedEof};
    matches!(e.kind(), NotFound | InvalidData | UnexpectedEof)
}
