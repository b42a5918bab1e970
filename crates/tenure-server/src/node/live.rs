//! What is being written at this moment, for streams that want it beside the log. It is never stored and may be lost: the
//! log has the whole message later.

use std::sync::Arc;
use std::time::Duration;

use tenure_event::{Ephemeral, SessionId};
use tokio::sync::{broadcast, oneshot};

use super::Node;
use crate::owner::{Mail, OwnerHandle};

/// How long a session may take to tell what is being written in it, for a follower of all sessions.
const OPEN_TEXT_PATIENCE: Duration = Duration::from_secs(2);

/// Ephemeral events of a live session, and what is being written at this moment.
pub struct LiveText {
    /// One delta from offset 0 for each part that is being written; already rendered as ephemeral events.
    pub open: Vec<Arc<Ephemeral>>,
    /// What comes after them. A slow reader loses some; the log has the whole message later.
    pub updates: broadcast::Receiver<Arc<Ephemeral>>,
}

impl Node {
    /// Deltas of a session, for streams that asked for them.
    pub async fn live_text(&self, id: &SessionId) -> LiveText {
        let owner = self.owner(id);
        let updates = owner.listen();
        let (reply, answer) = oneshot::channel();
        let open = match owner.send(Mail::OpenText { reply }).await {
            Ok(()) => answer.await.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        LiveText { open, updates }
    }

    /// Deltas of all sessions. A session whose task is busy for longer than a moment is left out of what is being
    /// written: one that hangs must not keep the others from being seen.
    pub async fn live_text_all(&self) -> LiveText {
        let updates = self.shared.live.subscribe();
        let ask = |owner: OwnerHandle| async move {
            let (reply, answer) = oneshot::channel();
            owner.send(Mail::OpenText { reply }).await.ok()?;
            answer.await.ok()
        };
        let asked = self.shared.registry.all().into_iter();
        let asked = asked.map(|owner| tokio::time::timeout(OPEN_TEXT_PATIENCE, ask(owner)));
        let told = futures_util::future::join_all(asked).await;
        LiveText { open: told.into_iter().flatten().flatten().flatten().collect(), updates }
    }
}
