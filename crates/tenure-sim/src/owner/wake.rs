//! An owner comes back from the store, and finds out what became of its process.

use tenure_api::InputView;
use tenure_core::machine::{ExitNews, Input, Machine, State};
use tenure_event::InputId;
use tenure_log::{EventLog, OutboxRow};
use tenure_server::order;

use super::Owner;
use super::line::{Line, StoredLine};
use crate::env::{Env, Killed, at_once};

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
        let (machine, waiting) = order::woken(Machine::from_state(state), last_seq);
        let mut owner = Self::of(index, machine);
        owner.hydrate(env, waiting);
        owner.look_for_process(env, line, outbox);
        owner.show_open_text(env);
        Ok(Some(owner))
    }

    fn hydrate(&mut self, env: &Env, waiting: Vec<InputId>) {
        for input_id in waiting {
            let row = at_once(env.log.input(&env.plans[self.index].id, &input_id));
            let row = row.expect("the log can be read").expect("an input that waits has its row");
            let view: InputView = serde_json::from_str(&row.view).expect("a view");
            self.machine.hydrate(&input_id, view.parts);
            self.rows.insert(row);
        }
    }

    /// What became of its process is found out behind all else; see [`Self::attach`].
    fn look_for_process(&mut self, env: &Env, stored: Option<StoredLine>, outbox: Vec<OutboxRow>) {
        let Some(process) = self.machine.state().process.clone() else {
            assert!(outbox.is_empty(), "commands of a process that is gone stay in the outbox");
            return;
        };
        let generation = process.generation;
        self.unsent = outbox.into_iter().filter(|row| row.generation == generation).collect();
        self.stored_line = stored.filter(|line| line.generation == generation);
        self.looking = Some(generation);
        if process.pid.is_some() {
            self.open_line(env, generation);
        }
    }

    fn open_line(&mut self, env: &Env, generation: u32) {
        if self.line.is_none() {
            self.line = Some(Line::open(env, self.index, generation, self.stored_line.take()));
        }
    }

    /// The process that the store knows is found, or what became of it. Whether one was looked for.
    pub(crate) fn attach(&mut self, env: &mut Env) -> Result<bool, Killed> {
        let Some(generation) = self.looking.take() else { return Ok(false) };
        let Some(shim) = env.shims.get(&(self.index, generation)) else {
            self.ended_generation = Some(generation);
            let exit = ExitNews { never_ran: true, unseen: true, ..ExitNews::default() };
            return self.apply(env, Input::Exited { generation, exit, cut: Vec::new() }).map(|_| true);
        };
        let (lives, applied) = (shim.lives(), shim.applied);
        self.unsent.retain(|row| !lives || row.n > applied);
        self.open_line(env, generation);
        at_once(order::found(&mut self.at(env, 0), generation, lives))?;
        Ok(true)
    }
}
