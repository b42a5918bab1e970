//! What a commit is made of: commands as lines for the process, what was acknowledged, what is told without a number.
//! Their order is not here: see [`crate::order`].

use std::sync::Arc;

use bytes::Bytes;
use tenure_core::agent::{AgentError, Command};
use tenure_event::{EphemeralKind, MessageDelta, Seq, TaskOutput};
use tenure_log::{LogError, OutboxRow, Write};

use super::mail::{Work, ephemeral};
use super::pieces::Pieces;
use super::{Owner, UNSENT, outgoing};

impl Owner {
    pub(super) fn outbox_done(&mut self) -> Option<Write> {
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
    ///
    /// # Errors
    /// While its process cannot be spoken to.
    pub(super) fn encode(&mut self, commands: &[(u64, Command)]) -> Result<Vec<OutboxRow>, LogError> {
        let Some(line) = &mut self.line else { return self.numbers_alone(commands) };
        let generation = line.generation;
        let mut rows = Vec::new();
        for (n, command) in commands {
            if matches!(command, Command::Prompt { .. }) {
                line.mark_stderr();
            }
            let bytes = line.codec.encode(*n, command, &self.secrets).unwrap_or_else(|e| {
                // The number must be used all the same: the shim takes them without a gap.
                self.unsaid.push((generation, *n, e.to_string()));
                Vec::new()
            });
            rows.push(OutboxRow { generation, n: *n, bytes: self.redactor.hidden_bytes(bytes) });
        }
        Ok(rows)
    }

    /// Commands that nobody here can put into words. Those of an end need none, but their numbers must be used all the same.
    /// Any other would be stored as done, and the agent would never hear of it.
    fn numbers_alone(&self, commands: &[(u64, Command)]) -> Result<Vec<OutboxRow>, LogError> {
        let state = self.machine.state();
        let Some(process) = state.process.as_ref().filter(|p| p.pid.is_some() && !commands.is_empty()) else {
            return Ok(Vec::new());
        };
        if state.ending.is_none() {
            let message = "its process cannot be spoken to at the moment".to_owned();
            return Err(LogError::Storage { message, full: false });
        }
        let row = |(n, _): &(u64, Command)| OutboxRow {
            generation: process.generation,
            n: *n,
            bytes: Bytes::new(),
        };
        Ok(commands.iter().map(row).collect())
    }

    /// More waits for the process than it should: it does not take it in.
    pub(super) fn is_behind(&self) -> bool {
        self.unsent.iter().map(|row| row.bytes.len()).sum::<usize>() >= UNSENT
    }

    /// A command cannot be told: it waits until it is stored what became of it.
    pub(super) fn hold_back(&mut self, generation: u32, n: u64, error: AgentError) {
        if self.untold.insert((generation, n)) {
            self.retry.push_back(Work::Unsaid { generation, n, error });
        }
    }

    /// Hands commands to the shim as far as it takes them.
    pub(super) fn pump(&mut self) {
        let Some((generation, shim)) =
            self.line.as_ref().and_then(|l| Some((l.generation, l.shim.as_ref()?)))
        else {
            return;
        };
        let fill_in = |bytes: &Bytes| self.redactor.unhidden_bytes(self.private.fill_in(bytes, &self.id));
        let send = |n, bytes: Bytes| shim.try_send(n, bytes);
        let too_large = outgoing::hand_over(&mut self.unsent, generation, &self.untold, fill_in, send);
        if let Some((n, len)) = too_large {
            self.hold_back(generation, n, outgoing::too_large(len));
        }
        if !self.is_behind() {
            self.hands_held.clear();
        }
    }

    /// Sends ephemeral news to whoever listens now; pieces of one part as one.
    pub(super) fn tell_ephemeral(&mut self, news: Vec<(usize, EphemeralKind)>, base: Seq) {
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

    /// What a running task wrote so far.
    pub(super) fn task_output(&self, task_id: &str) -> Option<TaskOutput> {
        Some(match self.line.as_ref()?.codec.task_output(task_id)? {
            TaskOutput::Text { text, truncated } => {
                TaskOutput::Text { text: self.redactor.plain(text), truncated }
            }
            file @ TaskOutput::File { .. } => file,
        })
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

pub(super) fn unwritable(e: &serde_json::Error) -> LogError {
    LogError::Corrupt(format!("a row cannot be written as JSON: {e}"))
}
