//! What a commit is made of.

use std::sync::Arc;

use bytes::Bytes;
use tenure_core::agent::{Command, EncodeContext};
use tenure_core::machine::Output;
use tenure_event::{Ephemeral, EphemeralKind, Seq};
use tenure_log::{OutboxRow, SessionRow, StoredAsk, Write};
use tenure_server::order;

use super::Owner;
use crate::env::Env;

impl Owner {
    pub(super) fn writes(&mut self, env: &mut Env, out: &Output, base: Seq) -> (Vec<Write>, Vec<OutboxRow>) {
        for (id, parts) in order::edited(self.machine.state(), &out.inputs) {
            self.rows.edit(&id, &parts);
        }
        let mut writes = self.rows.writes(self.machine.state(), &out.inputs, &out.events, base);
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
        let line = self.line.as_ref().map(super::line::Line::to_store).or_else(|| self.stored_line.clone());
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
        let looking = self.looking.is_some();
        let line = self.line.as_mut().filter(|_| !looking)?;
        let acked = env.shims.get(&(self.index, line.generation))?.applied;
        (acked > line.acked_stored).then(|| {
            line.acked_stored = acked;
            Write::OutboxDone { generation: line.generation, n: acked }
        })
    }

    pub(super) fn tell(&self, env: &Env, news: Vec<(usize, EphemeralKind)>, base: Seq) {
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
