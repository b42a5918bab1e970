//! Taking in what the process says, and its end.

use tenure_core::agent::Signal;
use tenure_core::machine::Input;
use tenure_crash_point::crash_point;

use super::Owner;
use super::line::{Line, Over, exit_news};
use super::wake::{AfterSweep, is_lasting};
use crate::clock;

impl Owner {
    /// Takes in what is new: acknowledgements, lines, the end.
    pub(super) async fn drain(&mut self) {
        let Some(line) = &mut self.line else { return };
        let (_, blocked) = line.look();
        let told = line.blocked_told;
        let generation = line.generation;
        self.pump();
        if blocked != told {
            if self.apply(Input::Spool { generation, blocked }, None).await.is_err() {
                self.rest();
                return;
            }
            if let Some(line) = &mut self.line {
                line.blocked_told = blocked;
            }
        }
        self.take_lines(generation).await;
    }

    async fn take_lines(&mut self, generation: u32) {
        let Some(line) = &mut self.line else { return };
        crash_point!("spool.before_read");
        let batch = match line.read() {
            Ok(batch) => batch,
            Err(e) => {
                let over = line.over().filter(|_| is_lasting(&e));
                tracing::error!(session = %self.id, error = %e, "the agent's output cannot be read; trying again");
                match over {
                    Some(over) => self.process_ended(generation, &over).await,
                    None => self.rest(),
                }
                return;
            }
        };
        if batch.any {
            crash_point!("spool.read");
            let silent_end = |s: &Signal| matches!(s, Signal::TurnEnded(end) if !end.said);
            let stderr = batch.signals.iter().any(silent_end).then(|| line.new_stderr());
            let input = Input::Agent { generation, signals: batch.signals, stderr };
            if let Err(e) = self.apply(input, None).await {
                self.not_stored(&e);
            }
            crash_point!("spool.stored");
        } else if let Some(over) = line.over() {
            self.process_ended(generation, &over).await;
        } else if line.has_more() {
            tracing::error!(session = %self.id, "output that was announced is not in the spool");
            self.rest();
        }
    }

    async fn process_ended(&mut self, generation: u32, over: &Over) {
        if matches!(over, Over::Lost(_)) && !self.is_swept(generation, AfterSweep::Ended) {
            return;
        }
        let Some(line) = &mut self.line else { return };
        if let Err(e) = line.straighten()
            && !is_lasting(&e)
        {
            tracing::error!(session = %self.id, error = %e, "the agent's output cannot be read again yet");
            return self.rest();
        }
        let cut = line.codec.cut();
        let exit = exit_news(over);
        let pid_exit = (exit.code, exit.signal);
        // The next process may be decided on in this very step: the line must be gone by then.
        let line = self.line.take();
        self.ended_generation = Some(generation);
        crash_point!("exit.before");
        match self.apply(Input::Exited { generation, exit, cut }, None).await {
            Ok(_) => {
                crash_point!("exit.stored");
                self.unsent.clear();
                // Its commands were its own.
                self.terminals.clear();
                self.shared.processes.exited(&self.id, generation, pid_exit, clock::now());
            }
            Err(e) => {
                self.line = line;
                self.ended_generation = None;
                // Its codec has cut off what was open; if that cannot be undone now, it is before the next step.
                let _ = self.line.as_mut().map(Line::rewind);
                self.not_stored(&e);
            }
        }
    }

    /// The store refused what the lines said: it is as if they had not been read.
    fn not_stored(&mut self, e: &tenure_log::LogError) {
        tracing::warn!(session = %self.id, error = %e, "what the agent said could not be stored; trying again");
        self.rest();
    }
}
