//! A stage with everything around it that takes its time: the process with its spool, acts
//! that were not carried out yet, files, probes, clients. A restart of the daemon loses what
//! only the daemon knew, and recovers as the owner does.

use std::collections::VecDeque;

use tenure_api::QueueChoice;
use tenure_event::{Decision, Delivery, Lifecycle, Scope};

use super::agents::{Agent, Move, Style};
use super::monitor::Stands;
use super::stage::Stage;
use super::words;
use super::words::{decide, delivered, exit_code};
use crate::agent::{Command, FsAnswer, Signal};
use crate::machine::{Act, ExitNews, Input, Spec};
use crate::{AnswerRequest, Request};

pub(super) struct Process {
    generation: u32,
    /// The daemon that lives now has told the machine of it.
    told: bool,
    /// Commands that it has read.
    heard: usize,
    spool: VecDeque<Signal>,
    agent: Agent,
    end_asked: bool,
    dead: Option<ExitNews>,
}

/// Something that happens, if it can.
#[derive(Debug, Clone, Copy)]
pub(super) enum Op {
    Send(Delivery),
    CancelInput(u8),
    EditInput(u8),
    Interrupt(QueueChoice),
    Suspend,
    Resume,
    Close,
    Kill,
    Destroy,
    Answer(u8, Decision, Scope, bool),
    Archive,
    /// Sets every limit so high.
    Raise(u8),
    Act,
    SpawnFails,
    Announce,
    Hear,
    /// The next command is one that the process cannot be told.
    Unsaid,
    Agent(Move),
    Read(u8),
    Serve,
    Vitals(bool, bool),
    /// So many megabytes are in use.
    Measured(u16),
    Spool(bool),
    Die,
    Crash,
    Reap,
    Tick(u16),
    /// The next deadline, if it comes within so many seconds.
    Deadline(u64),
    /// All that is on its way arrives, and the agent begins what it can.
    Flow,
    Restart,
}

pub(super) struct World {
    pub(super) stage: Stage,
    style: Style,
    process: Option<Process>,
    serving: VecDeque<String>,
    probed: bool,
    measured: bool,
    sent: u32,
}

impl World {
    pub(super) fn new(spec: Spec, style: Style, start: bool) -> Self {
        let mut stage = Stage::created(spec, start);
        stage.twin_every = 5;
        Self {
            stage,
            style,
            process: None,
            serving: VecDeque::new(),
            probed: false,
            measured: false,
            sent: 0,
        }
    }

    pub(super) fn happen(&mut self, op: Op) {
        match op {
            Op::Raise(to) => self.raise(u64::from(to)),
            Op::Act => self.act(false),
            Op::SpawnFails => self.act(true),
            Op::Announce => self.announce(),
            Op::Hear => self.hear(),
            Op::Unsaid => self.leave_unsaid(),
            Op::Agent(made) => {
                if let Some(p) = self.process.as_mut().filter(|p| p.dead.is_none()) {
                    let told = p.agent.make(made);
                    p.spool.extend(told);
                }
            }
            Op::Read(n) => self.read(usize::from(n)),
            Op::Serve => self.serve(),
            Op::Vitals(busy, stopped) => self.vitals(busy, stopped),
            Op::Measured(mb) => self.measure(mb),
            Op::Spool(blocked) => {
                if let Some(generation) = self.told_generation() {
                    self.stage.step(Input::Spool { generation, blocked });
                }
            }
            Op::Die => self.die(true, exit_code(0)),
            Op::Crash => self.die(false, ExitNews { signal: Some(11), ..ExitNews::default() }),
            Op::Reap => self.reap(),
            Op::Tick(ms) => self.stage.later(i64::from(ms)),
            Op::Deadline(within) => {
                if self.stage.due_in().is_some_and(|s| s <= within) {
                    self.deadline();
                }
            }
            Op::Flow => self.flow(),
            Op::Restart => self.restart(),
            request => self.client(request),
        }
    }

    fn client(&mut self, op: Op) {
        let request = match op {
            Op::Send(delivery) => {
                self.sent += 1;
                delivered(&format!("i{}", self.sent), delivery)
            }
            Op::CancelInput(nth) => Request::CancelInput(words::id(&format!("i{nth}"))),
            Op::EditInput(nth) => {
                Request::EditInput { input_id: words::id(&format!("i{nth}")), parts: words::text("edited") }
            }
            Op::Interrupt(queue) => Request::Interrupt { queue },
            Op::Suspend => Request::Suspend,
            Op::Resume => Request::Resume,
            Op::Close => Request::Close,
            Op::Kill => Request::Kill,
            Op::Destroy => Request::Destroy { keep_transcript: true },
            Op::Answer(nth, decision, scope, words) => {
                let asks: Vec<_> = self.stage.monitor.asks.keys().cloned().collect();
                let Some(id) = asks.get(usize::from(nth) % asks.len().max(1)) else { return };
                let message = words.then(|| "and so on".to_owned());
                Request::Answer(AnswerRequest { scope, message, ..decide(id, decision) })
            }
            _ => {
                let archived = Some(!self.stage.state().archived);
                Request::Update(Box::new(crate::UpdateRequest { archived, ..Default::default() }))
            }
        };
        let _ = self.stage.ask(request);
    }

    fn raise(&mut self, to: u64) {
        let some = Some(to.min(1_000_000));
        let limits = tenure_api::LimitsPatch {
            turns: some,
            cost_usd: some.map(|n| n as f64),
            turn_seconds: some,
            memory_mb: some,
            idle_seconds: None,
        };
        let patch = tenure_api::ConfigPatch { limits: Some(limits), ..Default::default() };
        let _ = self.stage.ask(Request::Configure(Box::new(patch)));
    }

    fn told_generation(&self) -> Option<u32> {
        self.process.as_ref().filter(|p| p.told).map(|p| p.generation)
    }

    fn act(&mut self, fail: bool) {
        if self.stage.acts.is_empty() {
            return;
        }
        match self.stage.acts.remove(0) {
            Act::Spawn(plan) => {
                assert!(self.process.is_none(), "a second process while one is there");
                let generation = plan.generation;
                if fail {
                    let error = crate::machine::update::error("agent_missing", "it is not there");
                    self.stage.step(Input::SpawnFailed { generation, error });
                    return;
                }
                self.process = Some(Process {
                    generation,
                    told: false,
                    heard: self.stage.commands.len(),
                    spool: VecDeque::new(),
                    agent: Agent::new(self.style),
                    end_asked: false,
                    dead: None,
                });
            }
            Act::End(_) => {
                if let Some(p) = &mut self.process {
                    p.end_asked = true;
                }
            }
            Act::Kill => {
                if let Some(p) = &mut self.process {
                    p.dead.get_or_insert(ExitNews { signal: Some(9), ..ExitNews::default() });
                }
            }
            Act::Serve { token, .. } => self.serving.push_back(token),
            Act::Probe => self.probed = true,
            Act::Measure => self.measured = true,
            Act::Handshake(_) => {}
            Act::Checkpoint(plan) => {
                let taken = crate::machine::TakenCheckpoint {
                    tree: format!("t{}", self.sent % 3),
                    ..Default::default()
                };
                let large = crate::machine::CheckpointTrouble { too_large: true, message: "large".into() };
                let result = if fail { Err(large) } else { Ok(taken) };
                self.stage.step(Input::Checkpointed { n: plan.n, result });
            }
            Act::Rewind(rewind) => {
                let result = Err("nothing to do".to_owned());
                self.stage.step(Input::Rewound { id: rewind.id, result });
            }
            Act::TellParent(_) => drop(self.stage.step(Input::ParentTold)),
            Act::Erase { .. } => assert_eq!(self.stage.state().lifecycle, Lifecycle::Destroyed),
        }
    }

    fn announce(&mut self) {
        let Some(p) = self.process.as_mut().filter(|p| !p.told) else { return };
        p.told = true;
        let generation = p.generation;
        self.stage.step(Input::Started { generation, pid: 4000 + generation, hello: vec![Command::Hello] });
    }

    fn hear(&mut self) {
        let Some(p) = self.process.as_mut().filter(|p| p.dead.is_none()) else { return };
        let Some((generation, n, command)) = self.stage.commands.get(p.heard) else { return };
        assert_eq!(*generation, p.generation, "a command for another process");
        p.heard += 1;
        p.agent.hear(*n, command);
    }

    fn leave_unsaid(&mut self) {
        let Some(p) = self.process.as_mut().filter(|p| p.dead.is_none() && p.told) else { return };
        let Some((generation, n, command)) = self.stage.commands.get(p.heard) else { return };
        if !matches!(command, Command::Prompt { .. } | Command::Steer { .. }) {
            return;
        }
        p.heard += 1;
        let (generation, n, error) = (*generation, *n, super::words::failure("unsupported"));
        self.stage.step(Input::Unsaid { generation, n, error });
    }

    fn read(&mut self, most: usize) {
        let Some(p) = self.process.as_mut().filter(|p| p.told) else { return };
        let signals: Vec<Signal> = p.spool.drain(..most.min(p.spool.len())).collect();
        if !signals.is_empty() {
            let generation = p.generation;
            self.stage.step(Input::Agent { generation, signals, stderr: None });
        }
    }

    fn serve(&mut self) {
        let Some(generation) = self.told_generation() else { return };
        if let Some(token) = self.serving.pop_front() {
            self.stage.step(Input::Served { generation, token, answer: FsAnswer::Written });
        }
    }

    fn vitals(&mut self, busy: bool, stopped: bool) {
        let Some(generation) = self.told_generation() else { return };
        if std::mem::take(&mut self.probed) {
            self.stage.step(Input::Vitals { generation, busy, stopped });
        }
    }

    fn measure(&mut self, mb: u16) {
        let Some(generation) = self.told_generation() else { return };
        if std::mem::take(&mut self.measured) {
            self.stage.step(Input::Measured { generation, bytes: u64::from(mb) * 1_000_000 });
        }
    }

    fn die(&mut self, asked: bool, exit: ExitNews) {
        if let Some(p) = self.process.as_mut().filter(|p| p.end_asked || !asked) {
            p.dead.get_or_insert(exit);
        }
    }

    /// The end is told once all was read that it said.
    fn reap(&mut self) {
        let Some(p) = self.process.take_if(|p| p.dead.is_some() && p.told && p.spool.is_empty()) else {
            return;
        };
        // What was to be done with it is of no use any more.
        self.stage.acts.retain(|a| {
            !matches!(a, Act::End(_) | Act::Kill | Act::Serve { .. } | Act::Probe | Act::Measure)
        });
        self.serving.clear();
        (self.probed, self.measured) = (false, false);
        let exit = p.dead.unwrap_or_default();
        self.stage.step(Input::Exited { generation: p.generation, exit, cut: Vec::new() });
    }

    fn restart(&mut self) {
        self.stage.restart();
        if self.stage.state().checkpoints.is_busy() {
            self.stage.step(Input::Recovered);
        }
        self.serving.clear();
        (self.probed, self.measured) = (false, false);
        let wanted = self.stage.state().process.as_ref().map(|p| p.generation);
        if let Some(p) = &mut self.process {
            assert_eq!(Some(p.generation), wanted, "a process that nobody knows of");
            p.told = false;
        } else if let Some(generation) = wanted {
            let exit = ExitNews { never_ran: true, unseen: true, ..ExitNews::default() };
            self.stage.step(Input::Exited { generation, exit, cut: Vec::new() });
        }
        self.announce();
    }

    fn deadline(&mut self) {
        // A word of idleness that was waited for in vain is guessed, and may be guessed wrong.
        let (next, busy) = (self.stage.machine.next_deadline(), self.stage.state().busy_until);
        if let Some(p) = self.process.as_mut().filter(|_| busy.is_some() && busy <= next) {
            p.agent.was_guessed_idle();
        }
        self.stage.deadline();
    }

    fn flow(&mut self) {
        while !self.stage.acts.is_empty() {
            self.act(false);
        }
        self.announce();
        for _ in 0..64 {
            self.hear();
        }
        for made in [Move::Greet, Move::Begin, Move::Rest] {
            self.happen(Op::Agent(made));
        }
        self.read(usize::MAX);
    }

    /// Brings everything to rest with an agent and clients that want nothing else. Panics if
    /// that does not come to an end: then something hangs.
    pub(super) fn settle(&mut self) {
        for _ in 0..2000 {
            let (before, mut moved) = (self.fingerprint(), false);
            while !self.stage.acts.is_empty() {
                self.act(false);
            }
            self.announce();
            for _ in self.process.as_ref().map_or(0, |p| p.heard)..self.stage.commands.len() {
                self.hear();
            }
            if let Some(p) = self.process.as_mut().filter(|p| p.dead.is_none()) {
                let told = p.agent.settle();
                moved = !told.is_empty();
                p.spool.extend(told);
            }
            self.read(usize::MAX);
            self.serve();
            self.vitals(true, false);
            self.measure(0);
            self.die(true, exit_code(0));
            self.reap();
            if let Some(ask) = self.stage.state().asks.keys().next().cloned() {
                let _ = self.stage.ask(Request::Answer(decide(&ask, Decision::Deny)));
            }
            if !moved && before == self.fingerprint() && self.rests_or_goes_on() {
                return;
            }
        }
        panic!("it does not come to rest: {} {:?}", self.stage.axes(), self.stage.state());
    }

    /// How far everything has come.
    fn fingerprint(&self) -> [usize; 6] {
        let process = self.process.as_ref();
        [
            self.stage.log.len(),
            self.stage.commands.len(),
            self.stage.acts.len(),
            self.serving.len(),
            process.map_or(0, |p| p.heard + 1),
            process.map_or(0, |p| p.spool.len()),
        ]
    }

    /// Nothing moves any more: is that as it should be? Else whatever would move it is done.
    fn rests_or_goes_on(&mut self) -> bool {
        let state = self.stage.state();
        let waits = !state.queue.is_empty() || state.turn.is_some() || state.ending.is_some();
        if !waits && state.process.as_ref().is_none_or(|p| p.ready) {
            return true;
        }
        let soon = self.stage.due_in().is_some_and(|s| s <= 60);
        if soon {
            self.deadline();
        } else if state.limit_reached.is_some() {
            self.raise(u64::MAX);
        } else if state.lifecycle == Lifecycle::Suspended {
            self.stage.ask(Request::Resume).expect("it can be resumed");
        } else {
            panic!("it hangs: {} {:?}", self.stage.axes(), self.stage.state());
        }
        false
    }

    /// The totals, once all has come to rest.
    pub(super) fn totals(&self) {
        let monitor = &self.stage.monitor;
        for (id, stands) in &monitor.inputs {
            assert_eq!(*stands, Stands::Ended, "{id} has one end");
        }
        assert_eq!(monitor.turn, None);
        assert_eq!(monitor.turns.len(), monitor.outcomes.len());
        assert!(monitor.asks.values().all(|open| !open), "every ask has ended");
        if let Some(p) = self.process.as_ref().filter(|p| p.dead.is_none()) {
            assert!(!p.agent.wants_answers(), "every request of the agent was answered");
        }
    }

    /// Ends the session, and looks for what is left over.
    pub(super) fn close(&mut self) {
        if self.stage.state().lifecycle != Lifecycle::Destroyed {
            self.stage.ask(Request::Close).expect("it can be closed");
        }
        self.settle();
        let state = self.stage.state();
        assert!(matches!(state.lifecycle, Lifecycle::Closed | Lifecycle::Destroyed), "{:?}", state.lifecycle);
        assert!(self.process.is_none() && self.stage.monitor.process.is_none());
        assert_eq!(self.stage.machine.next_deadline(), None);
        assert!(!state.is_live());
    }
}
