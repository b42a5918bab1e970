//! Taking in what the process says, and its end.

use tenure_core::agent::Signal;
use tenure_core::machine::Input;

use super::line::{Over, exit_news};
use super::{Owner, STORAGE_PAUSE};
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
                tokio::time::sleep(STORAGE_PAUSE).await;
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
        let batch = match line.read() {
            Ok(batch) => batch,
            Err(e) => {
                tracing::error!(session = %self.id, error = %e, "the agent's output cannot be read; trying again");
                tokio::time::sleep(STORAGE_PAUSE).await;
                return;
            }
        };
        if batch.any {
            let silent_end = |s: &Signal| matches!(s, Signal::TurnEnded(end) if !end.said);
            let stderr = batch.signals.iter().any(silent_end).then(|| line.new_stderr());
            let input = Input::Agent { generation, signals: batch.signals, stderr };
            if let Err(e) = self.apply(input, None).await {
                self.take_back(&e).await;
            }
        } else if let Some(over) = line.over() {
            self.process_ended(generation, &over).await;
        }
    }

    async fn process_ended(&mut self, generation: u32, over: &Over) {
        if matches!(over, Over::Lost(_)) {
            self.shared.sweep_session(&self.id).await;
        }
        let Some(line) = &mut self.line else { return };
        let cut = line.codec.cut();
        let exit = exit_news(over);
        let pid_exit = (exit.code, exit.signal);
        // The next process may be decided on in this very step: the line must be gone by then.
        let line = self.line.take();
        self.ended_generation = Some(generation);
        match self.apply(Input::Exited { generation, exit, cut }, None).await {
            Ok(_) => {
                self.unsent.clear();
                self.shared.processes.exited(&self.id, generation, pid_exit, clock::now());
            }
            Err(e) => {
                self.line = line;
                self.ended_generation = None;
                self.take_back(&e).await;
            }
        }
    }

    /// The store refused what the lines said: as if they had not been read.
    async fn take_back(&mut self, e: &tenure_log::LogError) {
        tracing::warn!(session = %self.id, error = %e, "what the agent said could not be stored; trying again");
        if let Some(line) = &mut self.line
            && let Err(e) = line.rewind()
        {
            tracing::error!(session = %self.id, error = %e, "the agent's output cannot be read again");
        }
        tokio::time::sleep(STORAGE_PAUSE).await;
    }
}
