//! Storing a step, and doing what follows.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use tenure_api::InputView;
use tenure_core::agent::{Command, EncodeContext};
use tenure_core::machine::{InputChange, Output};
use tenure_event::{Ephemeral, EphemeralKind, InputId, Kind, NewEvent, Seq};
use tenure_log::{Append, Class, EventLog, InputRow, OutboxRow, SessionRow, StoredAsk, Write};

use super::{Answer, Owner};
use crate::env::{Env, Killed, at_once};

impl Owner {
    pub(super) fn commit(&mut self, env: &mut Env, out: Output) -> Result<Answer, Killed> {
        let base = self.machine.state().last_seq;
        if is_trivial(&out) {
            self.tell(env, out.ephemeral, base);
            return Ok(out.reply);
        }
        self.machine.committed(Seq(base.0 + out.events.len() as u64));
        let (before, after): (Vec<_>, Vec<_>) = out.ephemeral.iter().cloned().partition(|(at, _)| *at == 0);
        let (writes, outbox) = self.writes(env, &out, base);
        self.tell(env, before, base);
        env.point()?;
        let session_id = env.plans[self.index].id.clone();
        let class = if out.full { Class::Full } else { Class::Normal };
        let append = Append { session_id, expected: base, events: out.events, class, writes };
        at_once(env.log.append(append)).expect("an owner is the only writer of its session");
        env.point()?;
        self.ended_generation = None;
        self.unsent.extend(outbox);
        self.pump(env);
        self.tell(env, after, base);
        for act in out.acts {
            env.point()?;
            self.act(env, act);
        }
        self.show_open_text(env);
        env.point()?;
        Ok(out.reply)
    }

    fn writes(&mut self, env: &mut Env, out: &Output, base: Seq) -> (Vec<Write>, Vec<OutboxRow>) {
        let mut writes = self.input_writes(env, &out.inputs, &out.events, base);
        for ask in &out.asks {
            writes.push(Write::Ask(Box::new(StoredAsk {
                id: ask.id.clone(),
                session_id: ask.session_id.clone(),
                state: ask.state,
                expires_at: ask.expires_at,
                opened_at: ask.opened_at,
                view: serde_json::to_string(ask).expect("an ask can be written"),
            })));
        }
        let outbox = self.encode(&out.commands);
        writes.extend(outbox.iter().cloned().map(Write::Outbox));
        writes.extend(self.outbox_done(env));
        let line = self.line.as_ref().map(super::line::Line::to_store);
        env.states.push((self.machine.state().clone(), line));
        let state = (env.states.len() - 1).to_le_bytes().to_vec();
        writes.push(Write::Session(Box::new(self.row(state))));
        (writes, outbox)
    }

    fn row(&self, state: Vec<u8>) -> SessionRow {
        let s = self.machine.state();
        SessionRow {
            id: s.spec.id.clone(),
            lifecycle: s.lifecycle.as_str().to_owned(),
            activity: s.axes().activity.as_ref().map(|a| a.state.as_str().to_owned()),
            agent: s.spec.agent.clone(),
            native_id: s.native_id.clone(),
            project_id: s.spec.project_id.clone(),
            workspace_id: s.spec.workspace_id.clone(),
            cwd: s.spec.cwd_canonical.clone(),
            title: s.title.clone(),
            tags: Vec::new(),
            archived: s.archived,
            live: s.is_live(),
            created_at: s.created_at,
            updated_at: s.updated_at,
            view: "{}".to_owned(),
            state,
        }
    }

    fn encode(&mut self, commands: &[(u64, Command)]) -> Vec<OutboxRow> {
        let Some(line) = &self.line else {
            assert!(commands.is_empty(), "commands for nobody: {commands:?}");
            return Vec::new();
        };
        let generation = line.generation;
        let rows = commands.iter().map(|(n, command)| {
            let bytes = line.codec.encode(*n, command, &EncodeContext::default());
            // The number must be used all the same.
            OutboxRow { generation, n: *n, bytes: Bytes::from(bytes.unwrap_or_default()) }
        });
        rows.collect()
    }

    fn outbox_done(&mut self, env: &Env) -> Option<Write> {
        if let Some(generation) = self.ended_generation {
            return Some(Write::OutboxDone { generation, n: u64::MAX });
        }
        let line = self.line.as_mut()?;
        let acked = env.shims.get(&(self.index, line.generation))?.applied;
        (acked > line.acked_stored).then(|| {
            line.acked_stored = acked;
            Write::OutboxDone { generation: line.generation, n: acked }
        })
    }

    fn input_writes(
        &mut self,
        env: &Env,
        changes: &[InputChange],
        events: &[NewEvent],
        base: Seq,
    ) -> Vec<Write> {
        let mut writes = Vec::new();
        for change in changes {
            let (id, state, turn, ended) = told(change);
            if let InputChange::Admitted { seq, .. } = change {
                self.rows.insert(id.clone(), self.admitted(env, id, events, base, *seq));
            } else if let Some(row) = self.rows.get_mut(id)
                && let Some(state) = state
            {
                (row.state, row.turn_id, row.ended_seq) = (state.to_owned(), turn, ended);
            }
            if let InputChange::Edited { .. } = change {
                let queued = self.machine.state().queue.iter().find(|q| &q.input_id == id);
                let (Some(queued), Some(row)) = (queued, self.rows.get_mut(id)) else { continue };
                let mut view: serde_json::Value = serde_json::from_str(&row.view).expect("a view");
                view["parts"] = json!(queued.parts);
                row.view = view.to_string();
            }
            let row = self.rows.get(id).expect("an input that changes has its row");
            writes.push(Write::Input(Box::new(row.clone())));
            if row.ended_seq.is_some() {
                self.rows.remove(id);
            }
        }
        writes
    }

    fn admitted(&self, env: &Env, id: &InputId, events: &[NewEvent], base: Seq, seq: Seq) -> InputRow {
        let at = usize::try_from(seq.0 - base.0 - 1).expect("small");
        let Kind::InputAdmitted(admitted) = &events[at].kind else { panic!("{seq} admits nothing") };
        let hash = self.admitting.as_ref().filter(|(known, _)| known == id).map(|(_, hash)| hash.clone());
        let view = InputView {
            input_id: id.clone(),
            delivery: admitted.delivery,
            state: "queued".to_owned(),
            parts: admitted.parts.clone(),
            seq,
            turn_id: None,
            position: admitted.position,
            admitted_at: events[at].ts,
        };
        InputRow {
            id: id.clone(),
            session_id: env.plans[self.index].id.clone(),
            body_hash: hash.unwrap_or_default(),
            state: "queued".to_owned(),
            admitted_seq: seq,
            turn_id: None,
            ended_seq: None,
            view: serde_json::to_string(&view).expect("a view can be written"),
        }
    }

    fn tell(&self, env: &Env, news: Vec<(usize, EphemeralKind)>, base: Seq) {
        for (at, kind) in news {
            env.desk.tell(&self.ephemeral(env, base.0 + at as u64, kind));
        }
    }

    fn ephemeral(&self, env: &Env, after: u64, kind: EphemeralKind) -> Arc<Ephemeral> {
        let turn_id = self.machine.state().turn.as_ref().map(|turn| turn.id.clone());
        let session_id = env.plans[self.index].id.clone();
        Arc::new(Ephemeral { session_id, after: Seq(after), ts: env.at(), turn_id, kind })
    }

    pub(super) fn show_open_text(&self, env: &Env) {
        let after = self.machine.state().last_seq.0;
        let deltas = self.line.as_ref().map(|line| line.codec.open_text().deltas).unwrap_or_default();
        let open = deltas.into_iter().map(|d| self.ephemeral(env, after, EphemeralKind::MessageDelta(d)));
        env.desk.set_open(&env.plans[self.index].id, open.collect());
    }
}

type Told<'a> = (&'a InputId, Option<&'static str>, Option<tenure_event::TurnId>, Option<Seq>);

fn told(change: &InputChange) -> Told<'_> {
    match change {
        InputChange::Admitted { input_id, .. } | InputChange::Edited { input_id } => {
            (input_id, None, None, None)
        }
        InputChange::Requeued { input_id } => (input_id, Some("queued"), None, None),
        InputChange::Started { input_id, turn_id } => {
            (input_id, Some("started"), Some(turn_id.clone()), None)
        }
        InputChange::Completed { input_id, turn_id, seq } => {
            (input_id, Some("completed"), Some(turn_id.clone()), Some(*seq))
        }
        InputChange::Cancelled { input_id, seq } => (input_id, Some("cancelled"), None, Some(*seq)),
    }
}

fn is_trivial(out: &Output) -> bool {
    let nothing = out.events.is_empty()
        && out.commands.is_empty()
        && out.inputs.is_empty()
        && out.asks.is_empty()
        && out.acts.is_empty();
    nothing && out.reply.as_ref().is_none_or(Result::is_err)
}
