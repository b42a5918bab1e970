//! Doing what a step wants, in order: store, ring (the log does), act, reply.

use std::sync::Arc;

use bytes::Bytes;
use tenure_core::agent::Command;
use tenure_core::machine::{Act, Output};
use tenure_crash_point::crash_point;
use tenure_event::{EphemeralKind, Kind, MessageDelta, Seq};
use tenure_log::{Append, Class, EventLog, IdempotencyRow, LogError, OutboxRow, Write};

use super::mail::{Work, ephemeral};
use super::pieces::Pieces;
use super::{Answer, Owner, blobs, outgoing};
use crate::clock;
use crate::node::{IdempotencyKey, artifacts};

impl Owner {
    /// Stores a step and does the rest. On a failure nothing was stored, and nothing is done.
    pub(super) async fn commit(
        &mut self,
        mut out: Output,
        key: Option<&IdempotencyKey>,
    ) -> Result<Answer, LogError> {
        let base = self.machine.state().last_seq;
        if self.is_trivial(&out) {
            self.tell_ephemeral(out.ephemeral, base);
            return Ok(out.reply);
        }
        for event in &mut out.events {
            self.clean(event).await?;
            blobs::shrink(&self.shared.log, &self.id, &mut event.kind).await?;
        }
        self.machine.committed(Seq(base.0 + out.events.len() as u64));
        self.keep_handshake(&out.acts).await;
        let full =
            out.full || out.reply.is_some() || self.line.as_ref().is_some_and(super::line::Line::wants_full);
        let before = self.rows_of(&out.inputs);
        let mut unsaid = Vec::new();
        let (writes, outbox) = match self.writes(&out, base, key, &mut unsaid).await {
            Ok(both) => both,
            Err(e) => {
                self.put_rows_back(before);
                return Err(e);
            }
        };
        // What came before any of these events is told before them: text is shown before its message is whole.
        let (before_all, after): (Vec<_>, Vec<_>) = out.ephemeral.into_iter().partition(|(at, _)| *at == 0);
        self.tell_ephemeral(before_all, base);
        self.look_at_servers(&out.events);
        let turn_ended = out.events.iter().any(|e| matches!(e.kind, Kind::TurnCompleted(_)));
        let append = Append {
            session_id: self.id.clone(),
            expected: base,
            events: out.events,
            class: if full { Class::Full } else { Class::Normal },
            writes,
        };
        crash_point!("commit.before");
        if let Err(e) = self.shared.log.append(append).await {
            self.put_rows_back(before);
            return Err(e);
        }
        crash_point!("commit.after");
        self.stored(full, outbox);
        self.retry.extend(unsaid);
        self.tell_ephemeral(after, base);
        if self.line.as_ref().is_none_or(|line| line.codec.open_offset().is_none()) {
            self.pieces.clear();
        }
        if turn_ended && !self.private.artifacts.is_empty() {
            self.shared.tasks.spawn(artifacts::collect(Arc::clone(&self.shared), self.id.clone()));
        }
        for act in out.acts {
            crash_point!("act.before");
            self.act(act).await;
            crash_point!("act.after");
        }
        Ok(out.reply)
    }

    fn is_trivial(&self, out: &Output) -> bool {
        let nothing =
            out.events.is_empty() && out.commands.is_empty() && out.inputs.is_empty() && out.asks.is_empty();
        let refused = out.reply.as_ref().is_some_and(Result::is_err);
        let far_ahead = self.line.as_ref().is_some_and(super::line::Line::is_far_ahead);
        nothing && !out.store && out.acts.is_empty() && (refused || (out.reply.is_none() && !far_ahead))
    }

    async fn writes(
        &mut self,
        out: &Output,
        base: Seq,
        key: Option<&IdempotencyKey>,
        unsaid: &mut Vec<Work>,
    ) -> Result<(Vec<Write>, Vec<OutboxRow>), LogError> {
        let mut writes = self.birth_writes.clone();
        if out.acts.iter().any(|a| matches!(a, Act::Erase { keep_transcript: false })) {
            writes.push(Write::Erase);
        }
        for (id, parts) in self.edited_parts(&out.inputs) {
            let mut parts = self.shown_words(&id, parts).await?;
            blobs::shrink_parts(&self.shared.log, &self.id, &mut parts).await?;
            self.put_parts(&id, &parts);
        }
        writes.extend(self.input_writes(&out.inputs, &out.events, base));
        writes.extend(self.ask_writes(&out.asks).map_err(|e| unwritable(&e))?);
        let outbox = self.encode(&out.commands, unsaid);
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

    fn outbox_done(&mut self) -> Option<Write> {
        if let Some(generation) = self.ended_generation {
            return Some(Write::OutboxDone { generation, n: u64::MAX });
        }
        let line = self.line.as_mut()?;
        let (acked, _) = line.look();
        // Until it is stored, each commit tries again.
        line.acked_next = acked;
        (acked > line.acked_stored).then_some(Write::OutboxDone { generation: line.generation, n: acked })
    }

    /// Commands as lines for the process, numbered. Of one that has no words in this protocol the machine is told that
    /// it was refused.
    fn encode(&mut self, commands: &[(u64, Command)], unsaid: &mut Vec<Work>) -> Vec<OutboxRow> {
        let Some(line) = &mut self.line else { return self.numbers_alone(commands) };
        let generation = line.generation;
        let mut rows = Vec::new();
        for (n, command) in commands {
            if matches!(command, Command::Prompt { .. }) {
                line.mark_stderr();
            }
            let bytes = line.codec.encode(*n, command, &self.secrets).unwrap_or_else(|e| {
                // The number must be used all the same: the shim takes them without a gap.
                tracing::warn!(session = %self.id, error = %e, "a command has no words in this protocol");
                unsaid.push(Work::Unsaid { generation, n: *n, why: e.to_string() });
                Vec::new()
            });
            rows.push(OutboxRow { generation, n: *n, bytes: self.redactor.hidden_bytes(bytes) });
        }
        rows
    }

    /// Commands of an end that nobody here can put into words: their numbers must be used all the same.
    fn numbers_alone(&self, commands: &[(u64, Command)]) -> Vec<OutboxRow> {
        let Some(process) = self.machine.state().process.as_ref().filter(|p| p.pid.is_some()) else {
            return Vec::new();
        };
        let row = |(n, _): &(u64, Command)| OutboxRow {
            generation: process.generation,
            n: *n,
            bytes: Bytes::new(),
        };
        commands.iter().map(row).collect()
    }

    fn stored(&mut self, full: bool, outbox: Vec<OutboxRow>) {
        self.ended_generation = None;
        self.birth_writes.clear();
        self.unsent.extend(outbox);
        if let Some(line) = &mut self.line {
            line.committed(full);
        }
        self.pump();
    }

    /// Hands commands to the shim as far as it takes them.
    pub(super) fn pump(&mut self) {
        let Some(line) = &self.line else { return };
        let Some(shim) = &line.shim else { return };
        let fill_in = |bytes: &Bytes| self.redactor.unhidden_bytes(self.private.fill_in(bytes, &self.id));
        let send = |n, bytes: Bytes| shim.try_send(n, bytes);
        let too_large = outgoing::hand_over(&mut self.unsent, line.generation, fill_in, send);
        self.retry.extend(too_large);
    }

    /// Sends ephemeral news to whoever listens now; pieces of one part as one.
    fn tell_ephemeral(&mut self, news: Vec<(usize, EphemeralKind)>, base: Seq) {
        let nobody = self.live.receiver_count() == 0 && self.shared.live.receiver_count() == 0;
        // With secrets it is to be known what was said, also if nobody listens yet.
        if news.is_empty() || (nobody && self.redactor.is_empty()) {
            return;
        }
        let turn = self.machine.state().turn.as_ref().map(|t| t.id.clone());
        for (at, kind) in coalesced(news) {
            let Some(kind) = self.redacted(kind).filter(|_| !nobody) else { continue };
            let event = ephemeral(&self.id, base.0 + at as u64, turn.as_ref(), kind);
            // Nobody listening is no failure.
            let _ = self.live.send(Arc::clone(&event));
            let _ = self.shared.live.send(event);
        }
    }

    /// What may be shown of it now.
    fn redacted(&mut self, kind: EphemeralKind) -> Option<EphemeralKind> {
        if self.redactor.is_empty() {
            return Some(kind);
        }
        let EphemeralKind::MessageDelta(delta) = kind else {
            let json = self.redactor.view::<EphemeralKind>(serde_json::to_string(&kind).ok()?);
            return serde_json::from_str(&json).ok();
        };
        let line = self.line.as_ref();
        let whole = |delta: &MessageDelta| {
            let open = line?.codec.open_text().deltas.into_iter();
            let mut same = open.filter(|d| d.message_id == delta.message_id && d.part_id == delta.part_id);
            same.next().map(|part| part.text)
        };
        self.pieces.show(&self.redactor, delta, whole).map(EphemeralKind::MessageDelta)
    }

    /// What is being written at this moment, from the beginning of each part.
    pub(super) fn open_text(&self) -> Vec<Arc<tenure_event::Ephemeral>> {
        let Some(line) = &self.line else { return Vec::new() };
        let state = self.machine.state();
        let turn = state.turn.as_ref().map(|t| &t.id);
        let deltas = line.codec.open_text().deltas.into_iter();
        deltas
            .map(|d| {
                let shown = Pieces::from_start(&self.redactor, d);
                ephemeral(&self.id, state.last_seq.0, turn, EphemeralKind::MessageDelta(shown))
            })
            .collect()
    }
}

fn coalesced(news: Vec<(usize, EphemeralKind)>) -> Vec<(usize, EphemeralKind)> {
    let mut out: Vec<(usize, EphemeralKind)> = Vec::with_capacity(news.len());
    for (at, kind) in news {
        if let (Some((before, EphemeralKind::MessageDelta(last))), EphemeralKind::MessageDelta(next)) =
            (out.last_mut(), &kind)
            && *before == at
            && last.part_id == next.part_id
            && last.offset + last.text.chars().count() as u64 == next.offset
        {
            last.text.push_str(&next.text);
            continue;
        }
        out.push((at, kind));
    }
    out
}

fn unwritable(e: &serde_json::Error) -> LogError {
    LogError::Corrupt(format!("a row cannot be written as JSON: {e}"))
}
