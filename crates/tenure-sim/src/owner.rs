//! The owner of one session, without its tasks and channels: what it works with is made up here, the order in which it
//! works is the daemon's own ([`tenure_server::order`]).

mod commit;
mod line;
mod seat;
mod wake;

use std::collections::VecDeque;

use tenure_api::Problem;
use tenure_core::agent::{AgentRequest, FsAnswer};
use tenure_core::machine::{Act, ExitNews, Input, Machine, SpawnPlan};
use tenure_core::{Admit, Reply, Request};
use tenure_log::{EventLog, OutboxRow};
use tenure_server::order::{self, Answer, InputRows};

use crate::env::{Env, Killed, at_once};
use crate::shim::End;

pub(crate) use line::StoredLine;

pub(crate) struct Owner {
    pub(crate) index: usize,
    pub(crate) machine: Machine,
    line: Option<line::Line>,
    rows: InputRows,
    /// Where the output of a process was taken in up to, until it is taken up again.
    stored_line: Option<StoredLine>,
    /// A process that the store knows and nobody has looked for yet.
    looking: Option<u32>,
    unsent: VecDeque<OutboxRow>,
    /// A process that is to be started, and one that was and is not known yet.
    pub(crate) launching: Option<SpawnPlan>,
    pub(crate) launched: Option<u32>,
    serving: VecDeque<(u32, String)>,
    probe: Option<u32>,
    kill_when_launched: bool,
    end_when_launched: bool,
    ended_generation: Option<u32>,
}

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
            rows: InputRows::default(),
            stored_line: None,
            looking: None,
            unsent: VecDeque::new(),
            launching: None,
            launched: None,
            serving: VecDeque::new(),
            probe: None,
            kill_when_launched: false,
            end_when_launched: false,
            ended_generation: None,
        }
    }

    /// One step, stored and carried out as far as the daemon lives.
    fn apply(&mut self, env: &mut Env, input: Input) -> Result<Answer, Killed> {
        at_once(order::apply(&mut self.at(env, 0), input, None))
    }

    /// At work, with so many lines at once.
    fn at<'a>(&'a mut self, env: &'a mut Env, most: usize) -> seat::AtWork<'a> {
        seat::AtWork { owner: self, env, most }
    }

    pub(crate) fn ask(&mut self, env: &mut Env, request: Request) -> Result<Result<Reply, Problem>, Killed> {
        if let Request::Admit(admit) = &request
            && let Some(known) = self.known_input(env, admit)
        {
            return Ok(known);
        }
        let answer = at_once(order::ask(&mut self.at(env, 0), request, None))?;
        Ok(answer.expect("a request gets a reply"))
    }

    fn known_input(&mut self, env: &Env, admit: &Admit) -> Option<Result<Reply, Problem>> {
        self.rows.admitting(admit);
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
        if self.looking.is_some() {
            return Ok(false);
        }
        self.pump(env);
        at_once(order::take_in(&mut self.at(env, most)))
    }

    /// A process that was started is there.
    pub(crate) fn take_up(&mut self, env: &mut Env) -> Result<bool, Killed> {
        let Some(generation) = self.launched.take() else { return Ok(false) };
        let current = self.machine.state().process.as_ref().is_some_and(|p| p.generation == generation);
        assert!(current, "a process is started that nobody wants");
        self.line = Some(line::Line::open(env, self.index, generation, None));
        at_once(order::announce(&mut self.at(env, 0), generation))?;
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
        match self.joined().and_then(|l| env.shims.get_mut(&(self.index, l.generation))) {
            Some(shim) => shim.end_asked = true,
            None => self.end_when_launched = true,
        }
    }

    fn kill(&mut self, env: &mut Env) {
        match self.joined().and_then(|l| env.shims.get_mut(&(self.index, l.generation))) {
            Some(shim) => shim.exit(ExitNews { signal: Some(9), ..ExitNews::default() }),
            None => self.kill_when_launched = true,
        }
    }

    /// The line of a process that was found.
    fn joined(&self) -> Option<&line::Line> {
        self.line.as_ref().filter(|_| self.looking.is_none())
    }

    /// Hands commands to the shim as far as it takes them.
    pub(crate) fn pump(&mut self, env: &mut Env) {
        let Some(line) = self.joined() else { return };
        let generation = line.generation;
        let Some(shim) = env.shims.get_mut(&(self.index, generation)) else { return };
        while let Some(row) = self.unsent.front() {
            if row.generation == generation && shim.lives() && !shim.send(row.n, &row.bytes) {
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
