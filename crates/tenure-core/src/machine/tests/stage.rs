//! An owner in memory: applies what a step wants, and hands every step to the monitor.
//! Each step is also made on a twin that was stored and read back: what is not in the store
//! may not matter.

use std::collections::BTreeMap;

use tenure_api::Problem;
use tenure_event::{InputId, NewEvent, Part, Seq, Timestamp};

use super::monitor::Monitor;
use super::words;
use crate::agent::{Command, Signal};
use crate::machine::{Act, ExitNews, Input, InputChange, Machine, Now, Output, Spec, State};
use crate::{Reply, Request};

/// When the tests begin.
pub(super) const START: Timestamp = Timestamp::from_millis(1_795_139_670_000);

pub(super) struct Stage {
    pub(super) machine: Machine,
    pub(super) now: Timestamp,
    pub(super) log: Vec<NewEvent>,
    /// Words of inputs, as their rows keep them.
    pub(super) rows: BTreeMap<InputId, Vec<Part>>,
    /// Every command that was sent: generation, number, command.
    pub(super) commands: Vec<(u32, u64, Command)>,
    /// What is still to be done.
    pub(super) acts: Vec<Act>,
    /// How often a step is also made on a stored twin; 0 never.
    pub(super) twin_every: u64,
    pub(super) monitor: Monitor,
    steps: u64,
    told: usize,
}

impl Stage {
    /// A session that was created and, if `start`, asked for its process.
    pub(super) fn created(spec: Spec, start: bool) -> Self {
        let mut stage = Self {
            machine: Machine::new(spec, START),
            now: START,
            log: Vec::new(),
            rows: BTreeMap::new(),
            commands: Vec::new(),
            acts: Vec::new(),
            twin_every: 1,
            monitor: Monitor::default(),
            steps: 0,
            told: 0,
        };
        stage.step(Input::Created { start, past: Vec::new() });
        stage
    }

    pub(super) fn state(&self) -> &State {
        self.machine.state()
    }

    pub(super) fn generation(&self) -> u32 {
        self.state().generation
    }

    /// One step, stored. Acts pile up until somebody takes them.
    pub(super) fn step(&mut self, input: Input) -> Option<Result<Reply, Problem>> {
        self.steps += 1;
        let now = Now { at: self.now, entropy: self.steps.wrapping_mul(0x1234_5678_9abc_def1) };
        let before = self.state().last_seq;
        let twin = (self.twin_every > 0 && self.steps.is_multiple_of(self.twin_every)).then(|| self.stored());
        let out = self.machine.step(now, input.clone());
        if let Some(mut twin) = twin {
            let theirs = twin.step(now, input.clone());
            assert_eq!(format!("{out:?}"), format!("{theirs:?}"), "the same step on a stored state");
            assert_eq!(self.state(), twin.state(), "the same state after the same step");
        }
        self.monitor.check(&input, before, &out, self.machine.state());
        if matches!(input, Input::Deadline) {
            let next = self.machine.next_deadline();
            assert!(
                next.is_none_or(|at| at > self.now),
                "a deadline that was just served is due again: {next:?}"
            );
        }
        self.apply(before, out)
    }

    fn apply(&mut self, before: Seq, out: Output) -> Option<Result<Reply, Problem>> {
        for change in &out.inputs {
            self.keep_words(change, before, &out);
        }
        for (_, command) in &out.commands {
            if let Command::Prompt { input_id, parts, .. } | Command::Steer { input_id, parts, .. } = command
            {
                // One that has begun already is told to go on.
                let again = parts.first().is_some_and(|part| part.id == "again");
                let row = self.rows.get(input_id).filter(|_| !again);
                assert!(again || row == Some(parts), "the words of {input_id}: {row:?} {parts:?}");
            }
        }
        let generation = self.generation();
        self.commands.extend(out.commands.into_iter().map(|(n, command)| (generation, n, command)));
        self.log.extend(out.events);
        self.acts.extend(out.acts);
        self.machine.committed(Seq(self.log.len() as u64));
        out.reply
    }

    fn keep_words(&mut self, change: &InputChange, before: Seq, out: &Output) {
        match change {
            InputChange::Admitted { input_id, seq } => {
                let at = usize::try_from(seq.0 - before.0 - 1).expect("small");
                let tenure_event::Kind::InputAdmitted(event) = &out.events[at].kind else {
                    panic!("{seq} is no admission");
                };
                self.rows.insert(input_id.clone(), event.parts.clone());
            }
            InputChange::Edited { input_id } => {
                let queued = self.state().queue.iter().find(|q| &q.input_id == input_id).expect("queued");
                self.rows.insert(input_id.clone(), queued.parts.to_vec());
            }
            _ => {}
        }
    }

    /// The machine as it would come back from the store.
    pub(super) fn stored(&self) -> Machine {
        let text = serde_json::to_vec(self.state()).expect("a state can be written");
        let state: State = serde_json::from_slice(&text).expect("a state can be read");
        let mut machine = Machine::from_state(state);
        for (id, parts) in &self.rows {
            machine.hydrate(id, parts.clone());
        }
        machine.set_policy(std::sync::Arc::clone(&self.state().policy));
        machine
    }

    /// The daemon ends and starts again: acts that were not carried out are lost.
    pub(super) fn restart(&mut self) {
        self.machine = self.stored();
        self.machine.woken();
        self.acts.clear();
    }

    pub(super) fn later(&mut self, ms: i64) {
        self.now = self.now.plus_millis(ms);
    }

    /// Goes to the next deadline and serves it.
    pub(super) fn deadline(&mut self) {
        let at = self.machine.next_deadline().expect("there is a deadline");
        self.now = self.now.max(at);
        self.step(Input::Deadline);
    }

    /// Seconds until the next deadline.
    pub(super) fn due_in(&self) -> Option<u64> {
        self.machine.next_deadline().map(|at| at.millis_since(self.now) / 1000)
    }

    pub(super) fn ask(&mut self, request: Request) -> Result<Reply, Problem> {
        self.step(Input::Request(request)).expect("a request gets a reply")
    }

    /// Admits an input that says its own id.
    pub(super) fn send(&mut self, id: &str) -> Result<Reply, Problem> {
        self.ask(words::input(id))
    }

    pub(super) fn started(&mut self) {
        let generation = self.generation();
        self.step(Input::Started { generation, pid: 4000 + generation, hello: vec![Command::Hello] });
    }

    pub(super) fn agent(&mut self, signals: Vec<Signal>) {
        self.step(Input::Agent { generation: self.generation(), signals, stderr: None });
    }

    pub(super) fn exited(&mut self, exit: ExitNews) {
        self.step(Input::Exited { generation: self.generation(), exit, cut: Vec::new() });
    }

    /// What the log got since the last look, one line per event.
    pub(super) fn news(&mut self) -> Vec<String> {
        let news = self.log[self.told..].iter().map(words::line).collect();
        self.told = self.log.len();
        news
    }

    /// Names of the acts that piled up.
    pub(super) fn acts(&mut self) -> Vec<&'static str> {
        self.acts.drain(..).map(|act| words::act(&act)).collect()
    }

    pub(super) fn last_command(&self) -> &Command {
        &self.commands.last().expect("a command was sent").2
    }

    /// Number of the last prompt.
    pub(super) fn prompt_n(&self) -> u64 {
        let prompts = |c: &&(u32, u64, Command)| matches!(c.2, Command::Prompt { .. });
        self.commands.iter().rev().find(prompts).expect("a prompt was sent").1
    }

    /// `live/running`, `suspended by crash`, …
    pub(super) fn axes(&self) -> String {
        words::axes(&self.state().axes())
    }

    pub(super) fn queue(&self) -> Vec<&str> {
        self.state().queue.iter().map(|q| q.input_id.as_str()).collect()
    }
}
