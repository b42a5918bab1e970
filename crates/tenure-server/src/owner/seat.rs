//! What the daemon's owner works with, for the order in which it works: see [`crate::order`].

use std::collections::BTreeMap;
use std::sync::Arc;

use tenure_core::agent::Signal;
use tenure_core::machine::{Act, Machine, Now, Output};
use tenure_crash_point::crash_point;
use tenure_event::{EphemeralKind, InputId, Seq};
use tenure_log::{Append, EventLog, IdempotencyRow, LogError, OutboxRow, Write};

use super::commit::unwritable;
use super::line::{Line, Over, exit_news};
use super::wake::{AfterSweep, is_lasting};
use super::{Owner, blobs, now, outgoing, pass_limits};
use crate::clock;
use crate::node::{IdempotencyKey, artifacts};
use crate::order::{self, End, Heard, InputRows, Present, Seat};

impl Seat for Owner {
    type Failure = LogError;
    /// Where the words of inputs lie.
    type Before = BTreeMap<InputId, String>;

    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn now(&mut self) -> Now {
        now()
    }

    fn ready(&mut self) -> Result<(), LogError> {
        self.take_policy();
        self.straighten()
    }

    fn before(&self) -> Self::Before {
        self.words.clone()
    }

    fn take_back(&mut self, before: Self::Before, why: &LogError) {
        self.words = before;
        self.unsaid.clear();
        self.outdated |= matches!(why, LogError::Conflict { .. });
        // The codec has read lines or written commands for it.
        if let Some(line) = &mut self.line
            && let Err(e) = line.rewind()
        {
            tracing::error!(session = %self.id, error = %e, "the agent's output cannot be read again yet");
        }
    }

    fn applied(&mut self, before: &Machine) {
        self.tell_settled();
        self.tell_servers_told();
        pass_limits(before, &self.machine);
    }

    fn rows(&mut self) -> &mut InputRows {
        &mut self.rows
    }

    fn is_far_ahead(&self) -> bool {
        self.line.as_ref().is_some_and(Line::is_far_ahead)
    }

    fn wants_full(&self) -> bool {
        self.line.as_ref().is_some_and(Line::wants_full)
    }

    async fn dress(&mut self, out: &mut Output) -> Result<(), LogError> {
        for event in &mut out.events {
            self.clean(event).await?;
            blobs::shrink(&self.shared.log, &self.id, &mut event.kind).await?;
        }
        self.keep_handshake(&out.acts).await;
        Ok(())
    }

    async fn writes(
        &mut self,
        out: &Output,
        base: Seq,
        key: Option<&IdempotencyKey>,
    ) -> Result<(Vec<Write>, Vec<OutboxRow>), LogError> {
        let mut writes = self.birth_writes.clone();
        if out.acts.iter().any(|a| matches!(a, Act::Erase { keep_transcript: false })) {
            writes.push(Write::Erase);
        }
        for (id, parts) in order::edited(self.machine.state(), &out.inputs) {
            let mut parts = self.shown_words(&id, parts).await?;
            blobs::shrink_parts(&self.shared.log, &self.id, &mut parts).await?;
            self.rows.edit(&id, &parts);
        }
        writes.extend(self.rows.writes(self.machine.state(), &out.inputs, &out.events, base));
        let ended = out.inputs.iter().map(order::id_of).filter(|id| self.rows.get(id).is_none());
        ended.for_each(|id| drop(self.words.remove(id)));
        writes.extend(self.ask_writes(&out.asks).map_err(|e| unwritable(&e))?);
        let outbox = self.encode(&out.commands)?;
        writes.extend(outbox.iter().cloned().map(Write::Outbox));
        writes.extend(self.outbox_done());
        if let (Some(key), Some(Ok(reply))) = (key, &out.reply) {
            let body = serde_json::to_string(reply).map_err(|e| unwritable(&e))?;
            let (key, body_hash) = (key.key.clone(), key.body_hash.clone());
            writes.push(Write::Idempotency(IdempotencyRow {
                key,
                body_hash,
                status: 200,
                body,
                at: clock::now(),
            }));
        }
        let state = self.private_state().map_err(|e| unwritable(&e))?;
        let quiet =
            out.events.is_empty() && out.inputs.is_empty() && out.acts.is_empty() && out.reply.is_none();
        if quiet {
            writes.push(Write::State(state));
        } else {
            let mut row = self.session_row(state).map_err(|e| unwritable(&e))?;
            row.view = self.redactor.view::<tenure_api::Session>(row.view);
            writes.push(Write::Session(Box::new(row)));
        }
        Ok((writes, outbox))
    }

    async fn append(&mut self, append: Append) -> Result<(), LogError> {
        self.look_at_servers(&append.events);
        self.shared.log.append(append).await.map(drop)
    }

    fn stored(&mut self, full: bool, commands: Vec<OutboxRow>) {
        self.ended_generation = None;
        self.birth_writes.clear();
        self.unsent.extend(commands);
        if let Some(line) = &mut self.line {
            line.committed(full);
        }
        for (generation, n, why) in std::mem::take(&mut self.unsaid) {
            self.hold_back(generation, n, outgoing::wordless(why));
        }
        self.pump();
    }

    fn tell(&mut self, news: Vec<(usize, EphemeralKind)>, base: Seq) {
        self.tell_ephemeral(news, base);
    }

    fn told(&mut self, turn_ended: bool) {
        if self.line.as_ref().is_none_or(|line| line.codec.open_offset().is_none()) {
            self.pieces.clear();
        }
        if turn_ended && !self.private.artifacts.is_empty() {
            self.shared.tasks.spawn(artifacts::collect(Arc::clone(&self.shared), self.id.clone()));
        }
    }

    async fn act(&mut self, act: Act) {
        Self::act(self, act).await;
    }

    fn cut_off_text(&mut self) -> Option<(u32, Vec<Signal>)> {
        let line = self.line.as_mut()?;
        line.codec.open_offset()?;
        Some((line.generation, line.codec.cut()))
    }

    fn listen(&mut self) -> Result<Heard, LogError> {
        let behind = self.is_behind();
        let Some(line) = &mut self.line else { return Ok(Heard::Nothing) };
        crash_point!("spool.before_read");
        let ended = line.over().is_some();
        // What it asks for would only add to that. It is kept from writing by its spool in the end.
        if behind && !ended {
            self.rest();
            return Ok(Heard::Nothing);
        }
        match line.read() {
            Ok(batch) if batch.any => {
                let silent_end = |s: &Signal| matches!(s, Signal::TurnEnded(end) if !end.said);
                let stderr = batch.signals.iter().any(silent_end).then(|| line.new_stderr());
                return Ok(Heard::Lines { generation: line.generation, signals: batch.signals, stderr });
            }
            Ok(_) if ended => return Ok(Heard::End),
            Ok(_) if line.has_more() => {
                tracing::error!(session = %self.id, "output that was announced is not in the spool");
            }
            Ok(_) => return Ok(Heard::Nothing),
            Err(e) => {
                tracing::error!(session = %self.id, error = %e, "the agent's output cannot be read; trying again");
                if ended && is_lasting(&e) {
                    return Ok(Heard::End);
                }
            }
        }
        self.rest();
        Ok(Heard::Nothing)
    }

    fn close_line(&mut self) -> Option<End> {
        let line = self.line.as_ref()?;
        let (generation, over) = (line.generation, line.over()?);
        if matches!(over, Over::Lost(_)) && !self.is_swept(generation, AfterSweep::Ended) {
            return None;
        }
        let line = self.line.as_mut()?;
        if let Err(e) = line.straighten()
            && !is_lasting(&e)
        {
            tracing::error!(session = %self.id, error = %e, "the agent's output cannot be read again yet");
            self.rest();
            return None;
        }
        let (exit, cut) = (exit_news(&over), line.codec.cut());
        self.closing = self.line.take();
        self.ended_generation = Some(generation);
        Some(End { generation, exit, cut })
    }

    fn reopen_line(&mut self) {
        (self.line, self.ended_generation) = (self.closing.take(), None);
        // Its codec has cut off what was open; if that cannot be undone now, it is before the next step.
        let _ = self.line.as_mut().map(Line::rewind);
    }

    fn forget_process(&mut self, generation: u32) {
        self.unsent.clear();
        self.hands_held.clear();
        // Its commands were its own.
        self.terminals.clear();
        let exit = self.closing.take().and_then(|line| line.over()).map(|over| exit_news(&over));
        let exit = exit.map_or((None, None), |exit| (exit.code, exit.signal));
        self.shared.processes.exited(&self.id, generation, exit, clock::now());
    }

    fn present(&mut self, generation: u32) -> Option<Present> {
        let line = self.line.as_ref().filter(|l| l.generation == generation)?;
        let (pid, hello) = match &line.shim {
            Some(shim) => (shim.identity().agent.pid, line.codec.hello()),
            // It has ended already, and nobody told yet that it began.
            None => (line.identity()?.agent.pid, Vec::new()),
        };
        Some(Present { generation, pid: u32::try_from(pid).unwrap_or(0), hello })
    }

    fn end_later(&mut self, generation: u32) {
        if let Some(how) = self.take_end_later(generation)
            && self.line.as_ref().is_some_and(|line| line.shim.is_some())
        {
            self.end(how);
        }
    }

    fn end_again(&mut self, generation: u32) {
        self.end_as_before(generation);
    }

    fn pump(&mut self) {
        Self::pump(self);
    }
}
