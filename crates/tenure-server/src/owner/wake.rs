//! How an owner comes to be: of a session that is being created, or of one that is in the
//! store. Waking is the same after a rest and after a restart of the daemon.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tenure_api::InputView;
use tenure_core::agent::EncodeContext;
use tenure_core::machine::{ExitNews, Input, Machine};
use tenure_event::{Ephemeral, InputId, SessionId};
use tenure_host::{AttachError, Attached, attach};
use tenure_log::{EventLog, IdempotencyRow, LogError, OutboxRow, Write};
use tokio::sync::{broadcast, mpsc};

use super::launch::{generation_dir, read_record};
use super::line::{Line, Over};
use super::mail::{Birth, Work};
use super::redact::Redactor;
use super::stored::{Private, Stored, StoredLine, session_dir};
use super::{Owner, blobs, joined, now};
use crate::node::Shared;

/// Work that may wait to be taken back by its owner.
const WORK: usize = 64;

impl Owner {
    fn of(
        shared: Arc<Shared>,
        id: SessionId,
        machine: Machine,
        private: Private,
        live: broadcast::Sender<Arc<Ephemeral>>,
    ) -> Self {
        let (work_out, work_in) = mpsc::channel(WORK);
        let secrets = EncodeContext { mcp_secrets: private.placeholders(&id) };
        let redactor = Redactor::new(private.secret_values());
        Self {
            shared,
            id,
            machine,
            private,
            secrets,
            redactor,
            line: None,
            rows: BTreeMap::new(),
            unsent: VecDeque::new(),
            work_in,
            work_out,
            live,
            retry: VecDeque::new(),
            end_when_launched: None,
            ended_generation: None,
            admitting: None,
            stored_line: None,
            birth_writes: Vec::new(),
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
        let Birth { machine, private, start, input, writes, key, reply } = birth;
        let mut owner = Self::of(Arc::clone(&shared), id, machine, private, live);
        if let Some(input) = &input {
            owner.admitting = Some((input.input_id.clone(), input.body_hash.clone()));
        }
        let begun = now();
        let mut out = owner.machine.step(begun, Input::Created { start: start && input.is_none() });
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
        match owner.commit(out, None).await {
            Ok(answer) => {
                let answer = answer.transpose();
                let _ = reply.send(answer);
                Some(owner)
            }
            Err(e) => {
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
        let stored: Stored = serde_json::from_slice(&state).map_err(|e| corrupt(&e))?;
        let private = Private::read(&session_dir(&shared.home, &id)).unwrap_or_else(|e| {
            tracing::warn!(session = %id, error = %e, "its private file cannot be read: its environment is lost");
            Private::default()
        });
        let mut machine = Machine::from_state(stored.machine);
        machine.committed(last_seq);
        let mut owner = Self::of(shared, id, machine, private, live);
        owner.hydrate().await?;
        owner.find_process(stored.line, outbox).await;
        Ok(Some(owner))
    }

    /// Gives waiting inputs their words and rows back.
    async fn hydrate(&mut self) -> Result<(), LogError> {
        let state = self.machine.state();
        let mut ids: Vec<InputId> = state.queue.iter().map(|q| q.input_id.clone()).collect();
        if let Some(turn) = &state.turn {
            ids.extend(turn.inputs.iter().map(|i| i.input_id.clone()));
            ids.extend(turn.steered.iter().map(|s| s.queued.input_id.clone()));
        }
        for input_id in ids {
            let Some(row) = self.shared.log.input(&self.id, &input_id).await? else { continue };
            if let Ok(mut view) = serde_json::from_str::<InputView>(&row.view) {
                blobs::make_whole(&self.shared.log, &self.id, &mut view.parts).await?;
                self.machine.hydrate(&input_id, view.parts);
            }
            self.rows.insert(input_id, row);
        }
        Ok(())
    }

    /// Finds out what became of the process that the store knows.
    async fn find_process(&mut self, stored: Option<StoredLine>, outbox: Vec<OutboxRow>) {
        let Some(process) = self.machine.state().process.clone() else { return };
        let generation = process.generation;
        self.unsent = outbox.into_iter().filter(|row| row.generation == generation).collect();
        self.stored_line = stored.filter(|line| line.generation == generation);
        self.reattach(generation).await;
    }

    /// Takes up a process again, or learns how it ended.
    pub(super) async fn reattach(&mut self, generation: u32) {
        let current = self.machine.state().process.as_ref().filter(|p| p.generation == generation);
        let Some(announced) = current.map(|p| p.pid.is_some()) else { return };
        let dir = session_dir(&self.shared.home, &self.id);
        let (shim, over) = match attach(&generation_dir(&dir, generation)).await {
            Ok(Attached::Live(shim)) => (Some(shim), None),
            Ok(Attached::Exited(record)) => (None, Some(Over::Exited(Arc::new(record)))),
            Ok(Attached::Lost(lost)) if lost.identity.is_none() => return self.never_ran(generation).await,
            Ok(Attached::Lost(lost)) => (None, Some(Over::Lost(Arc::new(lost)))),
            Err(AttachError::NoShim { .. }) => return self.never_ran(generation).await,
            Err(e) => {
                tracing::warn!(session = %self.id, error = %e, "a process cannot be taken up; trying again");
                self.retry.push_back(Work::Reattach { generation });
                return;
            }
        };
        if let Some(shim) = &shim {
            let applied = shim.applied();
            self.unsent.retain(|row| row.n > applied);
        }
        let Some(protocol) = self.protocol() else {
            tracing::error!(session = %self.id, "its agent is not configured any more; configure it again");
            self.retry.push_back(Work::Reattach { generation });
            return;
        };
        // Kept until the process is taken up: a second try must not begin anew.
        let stored = self.stored_line.clone();
        let opened = read_record(&dir, generation).and_then(|record| {
            Line::open(&generation_dir(&dir, generation), record, protocol, shim, over.clone(), stored)
        });
        match opened {
            Ok(line) => {
                self.register_process(&line);
                let lives = line.shim.is_some();
                self.line = Some(line);
                self.stored_line = None;
                // A process that is known already is told as found: what its last daemon left undone is done again.
                if lives || !announced {
                    self.announce(generation).await;
                }
                self.end_again();
                self.pump();
            }
            Err(e) if over.is_some() => {
                tracing::error!(session = %self.id, error = %e, "the output of an ended process cannot be read");
                self.ended_unread(generation, &over).await;
            }
            Err(e) => {
                tracing::error!(session = %self.id, error = %e, "the output of a process cannot be read; trying again");
                self.retry.push_back(Work::Reattach { generation });
            }
        }
    }

    /// An end that was asked for before the daemon was restarted is asked for again.
    fn end_again(&mut self) {
        if self.machine.state().ending.is_some()
            && let Some(shim) = self.line.as_ref().and_then(|l| l.shim.as_ref())
        {
            shim.end(tenure_host::Ladder { close_stdin: true, grace_ms: 2_000, term_ms: 3_000 });
        }
    }

    async fn never_ran(&mut self, generation: u32) {
        let exit = ExitNews { never_ran: true, unseen: true, ..ExitNews::default() };
        self.tell_end(generation, exit).await;
    }

    async fn ended_unread(&mut self, generation: u32, over: &Option<Over>) {
        let exit = over.as_ref().map(super::line::exit_news).unwrap_or_default();
        self.tell_end(generation, exit).await;
    }

    async fn tell_end(&mut self, generation: u32, exit: ExitNews) {
        self.ended_generation = Some(generation);
        if self.apply(Input::Exited { generation, exit, cut: Vec::new() }, None).await.is_err() {
            self.ended_generation = None;
            self.retry.push_back(Work::Reattach { generation });
        }
    }
}
