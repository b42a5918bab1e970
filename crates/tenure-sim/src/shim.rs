//! A shim and its agent, which outlive the daemon: the spool, commands that are applied
//! once, and the way of bytes between them, which may be cut anywhere.

use std::collections::VecDeque;

use bytes::Bytes;
use tenure_core::machine::ExitNews;

use crate::agent::Agent;
use crate::dice::Dice;

/// Commands that may be on their way to a shim.
const WIRE: usize = 4;

/// How an agent's process ended.
#[derive(Debug, Clone)]
pub(crate) enum End {
    /// The shim told.
    Told(ExitNews),
    /// The shim is gone without a word.
    Lost,
}

pub(crate) struct Shim {
    /// The last command that was applied.
    pub(crate) applied: u64,
    /// Everything that the agent wrote, as far as it came through.
    pub(crate) spool: Vec<u8>,
    /// End of the last whole line.
    pub(crate) lines_end: usize,
    pub(crate) end_asked: bool,
    pub(crate) end: Option<End>,
    pub(crate) agent: Agent,
    /// What the agent was told, each with how much of its output was read by then.
    told: Vec<(usize, Bytes)>,
    wire: VecDeque<(u64, Bytes)>,
    /// What the agent has decided to say and not yet written.
    writing: Vec<u8>,
    pipe: Vec<u8>,
}

impl Shim {
    pub(crate) fn new(agent: Agent) -> Self {
        Self {
            applied: 0,
            spool: Vec::new(),
            lines_end: 0,
            end_asked: false,
            end: None,
            agent,
            told: Vec::new(),
            wire: VecDeque::new(),
            writing: Vec::new(),
            pipe: Vec::new(),
        }
    }

    pub(crate) fn lives(&self) -> bool {
        self.end.is_none()
    }

    /// Sends a command; false if the way is full.
    pub(crate) fn send(&mut self, n: u64, bytes: &Bytes) -> bool {
        if !self.lives() || self.wire.len() >= WIRE {
            return false;
        }
        self.wire.push_back((n, bytes.clone()));
        true
    }

    /// One command arrives. Only the next one is applied; an older one was applied before.
    pub(crate) fn deliver(&mut self) -> bool {
        let Some((n, bytes)) = self.wire.pop_front() else { return false };
        assert!(n <= self.applied + 1, "command {n} comes after {}: one is missing", self.applied);
        if n == self.applied + 1 && self.lives() {
            self.applied = n;
            self.agent.hear(&bytes);
            self.told.push((self.lines_end, bytes));
        }
        true
    }

    /// The daemon is gone: some of what was on its way arrives, the rest is lost.
    pub(crate) fn disconnected(&mut self, dice: &mut Dice) {
        for _ in 0..dice.roll(self.wire.len() + 1) {
            self.deliver();
        }
        self.wire.clear();
    }

    /// The agent does its next thing. Whether there was one.
    pub(crate) fn agent_step(&mut self, dice: &mut Dice) -> bool {
        if !self.lives() {
            return false;
        }
        let said = self.agent.step(dice);
        let moved = !said.is_empty();
        self.writing.extend_from_slice(&said);
        if self.agent.wants_to_end() && self.writing.is_empty() {
            self.exit(ExitNews { code: Some(0), ..ExitNews::default() });
            return true;
        }
        moved
    }

    /// The agent writes so many bytes, wherever that cuts.
    pub(crate) fn write(&mut self, most: usize) -> bool {
        let now = self.writing.len().min(most);
        self.pipe.extend_from_slice(&self.writing[..now]);
        self.writing.drain(..now);
        now > 0
    }

    /// The shim reads so many bytes of it.
    pub(crate) fn read(&mut self, most: usize) -> bool {
        let now = self.pipe.len().min(most);
        self.spool.extend_from_slice(&self.pipe[..now]);
        self.pipe.drain(..now);
        if let Some(at) = memchr::memrchr(b'\n', &self.spool) {
            self.lines_end = at + 1;
        }
        now > 0
    }

    /// The agent ends. What it wrote before is read; a line without its end is closed.
    pub(crate) fn exit(&mut self, exit: ExitNews) {
        if !self.lives() {
            return;
        }
        self.stop();
        if self.spool.len() > self.lines_end {
            self.spool.push(b'\n');
            self.lines_end = self.spool.len();
        }
        self.agent.ended(&self.spool);
        self.end = Some(End::Told(exit));
    }

    /// The shim and all that it held are killed: what was in the pipe is lost.
    pub(crate) fn vanish(&mut self) {
        if self.lives() {
            self.pipe.clear();
            self.stop();
            self.agent.ended(&self.spool[..self.lines_end]);
            self.end = Some(End::Lost);
        }
    }

    fn stop(&mut self) {
        self.read(usize::MAX);
        self.wire.clear();
        self.writing.clear();
    }

    /// What was said by both, for whoever looks for a fault.
    pub(crate) fn exchange(&self) -> String {
        let (mut out, mut at) = (String::new(), 0);
        let end = (self.spool.len(), Bytes::new());
        for (read, told) in self.told.iter().chain([&end]) {
            out += &String::from_utf8_lossy(&self.spool[at..*read]);
            out += &format!("> {}", String::from_utf8_lossy(told));
            at = *read;
        }
        out
    }

    /// Nothing is on its way any more.
    pub(crate) fn is_quiet(&self) -> bool {
        self.wire.is_empty() && self.writing.is_empty() && self.pipe.is_empty()
    }
}
