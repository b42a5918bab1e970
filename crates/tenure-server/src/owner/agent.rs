//! Taking in what the process says, and its end.

use tenure_core::machine::Input;

use super::Owner;
use crate::order;

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
        if let Err(e) = order::take_in(self).await {
            self.not_stored(&e);
        }
    }

    /// The store refused what the lines said: it is as if they had not been read.
    fn not_stored(&mut self, e: &tenure_log::LogError) {
        tracing::warn!(session = %self.id, error = %e, "what the agent said could not be stored; trying again");
        self.rest();
    }
}
