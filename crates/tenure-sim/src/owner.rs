//! The owner of one session, as the daemon has it, without its tasks and channels: the same
//! order (store, ring, act, reply), the same rows, the same way back from the store.

mod commit;
mod line;
mod wake;

use std::collections::{BTreeMap, VecDeque};

use tenure_api::Problem;
use tenure_core::agent::{AgentRequest, FsAnswer, Signal};
use tenure_core::machine::{Act, ExitNews, Input, Machine, SpawnPlan};
use tenure_core::{Admit, Reply, Request};
use tenure_event::InputId;
use tenure_log::{EventLog, InputRow, OutboxRow};

use crate::env::{Env, Killed, at_once};
use crate::shim::End;

pub(crate) use line::StoredLine;

pub(crate) struct Owner {
    pub(crate) index: usize,
    pub(crate) machine: Machine,
    line: Option<line::Line>,
    rows: BTreeMap<InputId, InputRow>,
    unsent: VecDeque<OutboxRow>,
    /// A process that is to be started, and one that was and is not known yet.
    pub(crate) launching: Option<SpawnPlan>,
    pub(crate) launched: Option<u32>,
    serving: VecDeque<(u32, String)>,
    probe: Option<u32>,
    kill_when_launched: bool,
    end_when_launched: bool,
    ended_generation: Option<u32>,
    admitting: Option<(InputId, String)>,
}

pub(crate) type Answer = Option<Result<Reply, Problem>>;

impl Owner {
    /// A session that is being created: its first step.
    pub(crate) fn born(env: &mut Env, index: usize, start: bool) -> Result<Self, Killed> {
        let machine = Machine::new(env.plans[index].spec.clone(), env.at());
        let mut owner = Self::of(index, machine);
        owner.apply(env, Input::Created { start, past: Vec::new() })?;
        Ok(owner)
    }

    fn of(index: usize, machine: Machine) -> Self {
        Self {
            index,
            machine,
            line: None,
            rows: BTreeMap::new(),
            unsent: VecDeque::new(),
            launching: None,
            launched: None,
            serving: VecDeque::new(),
            probe: None,
            kill_when_launched: false,
            end_when_launched: false,
            ended_generation: None,
            admitting: None,
        }
    }

    /// One step, stored and carried out as far as the daemon lives.
    fn apply(&mut self, env: &mut Env, input: Input) -> Result<Answer, Killed> {
        let now = env.now();
        let out = self.machine.step(now, input);
        self.commit(env, out)
    }

    pub(crate) fn ask(&mut self, env: &mut Env, request: Request) -> Result<Result<Reply, Problem>, Killed> {
        if let Request::Admit(admit) = &request {
            if let Some(known) = self.known_input(env, admit) {
                return Ok(known);
            }
            self.finish_stray_text(env)?;
        }
        let answer = self.apply(env, Input::Request(request))?;
        Ok(answer.expect("a request gets a reply"))
    }

    /// What was said after a turn ended is a message of its own.
    fn finish_stray_text(&mut self, env: &mut Env) -> Result<(), Killed> {
        let Some(line) = &mut self.line else { return Ok(()) };
        if self.machine.state().turn.is_some() || line.codec.open_offset().is_none() {
            return Ok(());
        }
        let (generation, signals) = (line.generation, line.codec.cut());
        self.apply(env, Input::Agent { generation, signals, stderr: None }).map(drop)
    }

    fn known_input(&mut self, env: &Env, admit: &Admit) -> Option<Result<Reply, Problem>> {
        self.admitting = Some((admit.input_id.clone(), admit.body_hash.clone()));
        let id = &env.plans[self.index].id;
        let row = match self.rows.get(&admit.input_id) {
            Some(row) => row.clone(),
            None => at_once(env.log.input(id, &admit.input_id)).expect("the log can be read")?,
        };
        let (input_id, seq, turn_id) = (row.id, row.admitted_seq, row.turn_id);
        let delivery = admit.delivery;
        Some(Ok(Reply::Admitted(tenure_api::Receipt { input_id, delivery, position: 0, seq, turn_id })))
    }

    pub(crate) fn deadline(&mut self, env: &mut Env) -> Result<bool, Killed> {
        let due = self.machine.next_deadline().is_some_and(|at| at <= env.at());
        if due {
            self.apply(env, Input::Deadline)?;
        }
        Ok(due)
    }

    /// Takes in what is new: lines, or the end of the process.
    pub(crate) fn drain(&mut self, env: &mut Env, most: usize) -> Result<bool, Killed> {
        self.pump(env);
        let Some(line) = &mut self.line else { return Ok(false) };
        let generation = line.generation;
        let Some(shim) = env.shims.get(&(self.index, generation)) else { return Ok(false) };
        let (signals, any) = line.read(shim, most);
        if any {
            let silent = |s: &Signal| matches!(s, Signal::TurnEnded(end) if !end.said);
            let stderr = signals.iter().any(silent).then(String::new);
            self.apply(env, Input::Agent { generation, signals, stderr })?;
            return Ok(true);
        }
        let Some(end) = shim.end.clone() else { return Ok(false) };
        let cut = line.codec.cut();
        self.line = None;
        self.ended_generation = Some(generation);
        self.apply(env, Input::Exited { generation, exit: exit_news(&end), cut })?;
        self.unsent.clear();
        Ok(true)
    }

    /// A process that was started is there.
    pub(crate) fn take_up(&mut self, env: &mut Env) -> Result<bool, Killed> {
        let Some(generation) = self.launched.take() else { return Ok(false) };
        let current = self.machine.state().process.as_ref().is_some_and(|p| p.generation == generation);
        assert!(current, "a process is started that nobody wants");
        self.line = Some(line::Line::open(env, self.index, generation, None));
        self.announce(env)?;
        if std::mem::take(&mut self.kill_when_launched) {
            self.kill(env);
        } else if std::mem::take(&mut self.end_when_launched) {
            self.end(env);
        }
        Ok(true)
    }

    pub(crate) fn spawn_failed(&mut self, env: &mut Env) -> Result<(), Killed> {
        let Some(plan) = self.launching.take() else { return Ok(()) };
        let error = tenure_event::ErrorInfo {
            code: "agent_missing".to_owned(),
            message: "it is not there".to_owned(),
            data: None,
        };
        self.apply(env, Input::SpawnFailed { generation: plan.generation, error }).map(drop)
    }

    fn announce(&mut self, env: &mut Env) -> Result<(), Killed> {
        let Some(line) = &self.line else { return Ok(()) };
        let generation = line.generation;
        let lives = env.shims.get(&(self.index, generation)).is_some_and(crate::shim::Shim::lives);
        let hello = if lives { line.codec.hello() } else { Vec::new() };
        self.apply(env, Input::Started { generation, pid: 4000 + generation, hello }).map(drop)
    }

    /// A file request is served.
    pub(crate) fn serve(&mut self, env: &mut Env) -> Result<bool, Killed> {
        let Some((generation, token)) = self.serving.pop_front() else { return Ok(false) };
        let answer = FsAnswer::Read("its text".to_owned());
        self.apply(env, Input::Served { generation, token, answer })?;
        Ok(true)
    }

    /// The process was looked at.
    pub(crate) fn probed(&mut self, env: &mut Env) -> Result<bool, Killed> {
        let Some(generation) = self.probe.take() else { return Ok(false) };
        self.apply(env, Input::Vitals { generation, busy: true, stopped: false })?;
        Ok(true)
    }

    fn act(&mut self, env: &mut Env, act: Act) {
        match act {
            Act::Spawn(plan) => {
                assert!(self.line.is_none() && self.launching.is_none(), "two processes of one session");
                (self.kill_when_launched, self.end_when_launched) = (false, false);
                self.launching = Some(plan);
            }
            Act::End(_) => self.end(env),
            Act::Kill => self.kill(env),
            Act::Serve { token, request } => {
                assert!(matches!(request, AgentRequest::FsRead { .. }));
                if let Some(line) = &self.line {
                    self.serving.push_back((line.generation, token));
                }
            }
            Act::Probe => self.probe = self.line.as_ref().map(|line| line.generation),
            // Sessions of the simulation have no files, and no limit of memory.
            Act::Measure
            | Act::TellParent(_)
            | Act::Handshake(_)
            | Act::Erase { .. }
            | Act::Checkpoint(_)
            | Act::Rewind(_) => {}
        }
    }

    fn end(&mut self, env: &mut Env) {
        match self.line.as_ref().and_then(|l| env.shims.get_mut(&(self.index, l.generation))) {
            Some(shim) => shim.end_asked = true,
            None => self.end_when_launched = true,
        }
    }

    fn kill(&mut self, env: &mut Env) {
        match self.line.as_ref().and_then(|l| env.shims.get_mut(&(self.index, l.generation))) {
            Some(shim) => shim.exit(ExitNews { signal: Some(9), ..ExitNews::default() }),
            None => self.kill_when_launched = true,
        }
    }

    /// Hands commands to the shim as far as it takes them.
    pub(crate) fn pump(&mut self, env: &mut Env) {
        let Some(line) = &self.line else { return };
        let Some(shim) = env.shims.get_mut(&(self.index, line.generation)) else { return };
        while let Some(row) = self.unsent.front() {
            if row.generation == line.generation && shim.lives() && !shim.send(row.n, &row.bytes) {
                return;
            }
            self.unsent.pop_front();
        }
    }
}

fn exit_news(end: &End) -> ExitNews {
    match end {
        End::Told(exit) => exit.clone(),
        End::Lost => ExitNews { unseen: true, ..ExitNews::default() },
    }
}
