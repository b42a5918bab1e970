//! An owner comes back from the store, and finds out what became of its process.

use tenure_api::InputView;
use tenure_core::machine::{ExitNews, Input, Machine, State};
use tenure_event::InputId;
use tenure_log::{EventLog, OutboxRow};

use super::Owner;
use super::line::{Line, StoredLine};
use crate::env::{Env, Killed, at_once};
use crate::shim::Shim;

impl Owner {
    /// A session from the store; nothing if it never got there.
    pub(crate) fn wake(env: &mut Env, index: usize) -> Result<Option<Self>, Killed> {
        let id = env.plans[index].id.clone();
        let Some((state, last_seq, outbox)) = at_once(env.log.state(&id)).expect("the log can be read")
        else {
            return Ok(None);
        };
        let at = usize::from_le_bytes(state.try_into().expect("the number of a state"));
        let (state, line) = env.states[at].clone();
        let text = serde_json::to_vec(&state).expect("a state can be written");
        let state: State = serde_json::from_slice(&text).expect("and read");
        let mut machine = Machine::from_state(state);
        machine.committed(last_seq);
        let mut owner = Self::of(index, machine);
        owner.hydrate(env);
        owner.find_process(env, line, outbox)?;
        owner.show_open_text(env);
        Ok(Some(owner))
    }

    fn hydrate(&mut self, env: &Env) {
        let state = self.machine.state();
        let mut ids: Vec<InputId> = state.queue.iter().map(|q| q.input_id.clone()).collect();
        if let Some(turn) = &state.turn {
            ids.extend(turn.inputs.iter().map(|i| i.input_id.clone()));
            ids.extend(turn.steered.iter().map(|s| s.queued.input_id.clone()));
        }
        for input_id in ids {
            let row = at_once(env.log.input(&env.plans[self.index].id, &input_id));
            let row = row.expect("the log can be read").expect("an input that waits has its row");
            let view: InputView = serde_json::from_str(&row.view).expect("a view");
            self.machine.hydrate(&input_id, view.parts);
            self.rows.insert(input_id, row);
        }
    }

    fn find_process(
        &mut self,
        env: &mut Env,
        stored: Option<StoredLine>,
        outbox: Vec<OutboxRow>,
    ) -> Result<(), Killed> {
        let Some(process) = self.machine.state().process.clone() else {
            assert!(outbox.is_empty(), "commands of a process that is gone stay in the outbox");
            return Ok(());
        };
        let generation = process.generation;
        let stored = stored.filter(|line| line.generation == generation);
        let Some(shim) = env.shims.get(&(self.index, generation)) else {
            let exit = ExitNews { never_ran: true, unseen: true, ..ExitNews::default() };
            self.ended_generation = Some(generation);
            return self.apply(env, Input::Exited { generation, exit, cut: Vec::new() }).map(drop);
        };
        let (lives, applied) = (shim.lives(), shim.applied);
        let unsent = outbox.into_iter().filter(|row| row.generation == generation);
        self.unsent = unsent.filter(|row| !lives || row.n > applied).collect();
        self.line = Some(Line::open(env, self.index, generation, stored));
        if lives || process.pid.is_none() {
            self.announce(env)?;
        }
        if self.machine.state().ending.is_some()
            && let Some(shim) = env.shims.get_mut(&(self.index, generation)).filter(|s| Shim::lives(s))
        {
            shim.end_asked = true;
        }
        self.pump(env);
        Ok(())
    }
}
