//! What a simulated owner works with, for the order in which owners work.

use tenure_core::agent::Signal;
use tenure_core::machine::{Act, Machine, Now, Output};
use tenure_event::{EphemeralKind, Seq};
use tenure_log::{Append, EventLog, OutboxRow, Write};
use tenure_server::node::IdempotencyKey;
use tenure_server::order::{End, Heard, InputRows, Present, Seat};

use super::{Owner, exit_news};
use crate::env::{Env, Killed, at_once};
use crate::shim::Shim;

/// An owner, and all around it. Once it was killed, nothing of it is used any more.
pub(super) struct AtWork<'a> {
    pub(super) owner: &'a mut Owner,
    pub(super) env: &'a mut Env,
    /// Lines that are read at once.
    pub(super) most: usize,
}

impl AtWork<'_> {
    fn shim(&mut self, generation: u32) -> Option<&mut Shim> {
        self.env.shims.get_mut(&(self.owner.index, generation))
    }
}

impl Seat for AtWork<'_> {
    type Failure = Killed;
    type Before = ();

    fn machine(&mut self) -> &mut Machine {
        &mut self.owner.machine
    }

    fn now(&mut self) -> Now {
        self.env.now()
    }

    fn ready(&mut self) -> Result<(), Killed> {
        Ok(())
    }

    fn before(&self) {}

    fn take_back(&mut self, (): (), _: &Killed) {}

    fn applied(&mut self, _: &Machine) {}

    fn rows(&mut self) -> &mut InputRows {
        &mut self.owner.rows
    }

    fn is_far_ahead(&self) -> bool {
        false
    }

    fn wants_full(&self) -> bool {
        false
    }

    async fn dress(&mut self, _: &mut Output) -> Result<(), Killed> {
        Ok(())
    }

    async fn writes(
        &mut self,
        out: &Output,
        base: Seq,
        _: Option<&IdempotencyKey>,
    ) -> Result<(Vec<Write>, Vec<OutboxRow>), Killed> {
        Ok(self.owner.writes(self.env, out, base))
    }

    async fn append(&mut self, append: Append) -> Result<(), Killed> {
        at_once(self.env.log.append(append)).expect("an owner is the only writer of its session");
        Ok(())
    }

    fn stored(&mut self, _: bool, commands: Vec<OutboxRow>) {
        self.owner.ended_generation = None;
        self.owner.unsent.extend(commands);
        self.owner.pump(self.env);
    }

    fn tell(&mut self, news: Vec<(usize, EphemeralKind)>, base: Seq) {
        self.owner.tell(self.env, news, base);
    }

    fn told(&mut self, _: bool) {
        self.owner.show_open_text(self.env);
    }

    async fn act(&mut self, act: Act) {
        self.owner.act(self.env, act);
    }

    fn survives(&mut self) -> Result<(), Killed> {
        self.env.point()
    }

    fn cut_off_text(&mut self) -> Option<(u32, Vec<Signal>)> {
        let line = self.owner.line.as_mut()?;
        line.codec.open_offset()?;
        Some((line.generation, line.codec.cut()))
    }

    fn listen(&mut self) -> Result<Heard, Killed> {
        let Some(line) = &mut self.owner.line else { return Ok(Heard::Nothing) };
        let generation = line.generation;
        let Some(shim) = self.env.shims.get(&(self.owner.index, generation)) else {
            return Ok(Heard::Nothing);
        };
        let (signals, any) = line.read(shim, self.most);
        if any {
            let silent = |s: &Signal| matches!(s, Signal::TurnEnded(end) if !end.said);
            let stderr = signals.iter().any(silent).then(String::new);
            return Ok(Heard::Lines { generation, signals, stderr });
        }
        Ok(if shim.lives() { Heard::Nothing } else { Heard::End })
    }

    fn close_line(&mut self) -> Option<End> {
        let mut line = self.owner.line.take()?;
        let generation = line.generation;
        let exit = exit_news(self.shim(generation)?.end.as_ref()?);
        self.owner.ended_generation = Some(generation);
        Some(End { generation, exit, cut: line.codec.cut() })
    }

    fn reopen_line(&mut self) {}

    fn forget_process(&mut self, _: u32) {
        self.owner.unsent.clear();
    }

    fn present(&mut self, generation: u32) -> Option<Present> {
        let lives = self.shim(generation).is_some_and(|shim| shim.lives());
        let line = self.owner.line.as_ref().filter(|line| line.generation == generation)?;
        let hello = if lives { line.codec.hello() } else { Vec::new() };
        Some(Present { generation, pid: 4000 + generation, hello })
    }

    fn end_later(&mut self, _: u32) {
        let Self { owner, env, .. } = self;
        if std::mem::take(&mut owner.kill_when_launched) {
            owner.kill(env);
        } else if std::mem::take(&mut owner.end_when_launched) {
            owner.end(env);
        }
    }

    fn end_again(&mut self, generation: u32) {
        self.end_later(generation);
        if self.owner.machine.state().ending.is_some()
            && let Some(shim) = self.shim(generation).filter(|shim| shim.lives())
        {
            shim.end_asked = true;
        }
    }

    fn pump(&mut self) {
        self.owner.pump(self.env);
    }
}
