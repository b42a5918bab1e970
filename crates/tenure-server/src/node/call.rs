//! Asking something of a session: the letter finds the session's task, or starts it, and brings back what it answered.
//! What the answer is, is the task's business.

use std::sync::Arc;

use tenure_api::{ErrorCode, Problem};
use tenure_core::machine::{Inside, State};
use tenure_core::{Reply, Request};
use tenure_event::{Lifecycle, SessionId, TaskOutput};
use tenure_log::EventLog;
use tokio::sync::oneshot;

use super::{IdempotencyKey, Node, Shared};
use crate::owner::{Mail, Owner, OwnerHandle};
use crate::{clock, problem};

impl Node {
    /// Asks something of a session. The reply is durable when it comes.
    ///
    /// # Errors
    /// `not_found` for an unknown id, `destroyed` for a destroyed one, and what the session's machine refuses.
    pub async fn call(
        &self,
        id: &SessionId,
        request: Request,
        key: Option<IdempotencyKey>,
    ) -> Result<Reply, Problem> {
        self.shared.call(id, request, key).await
    }

    /// What clients may know of a session's state beyond its view.
    ///
    /// # Errors
    /// `not_found`; `not_ready` while the daemon ends.
    pub async fn inside(&self, id: &SessionId) -> Result<Inside, Problem> {
        self.told(id, |reply| Mail::Inside { reply }).await
    }

    /// What a running task of a session wrote so far, where its agent tells that.
    ///
    /// # Errors
    /// `not_found`; `not_ready` while the daemon ends.
    pub async fn task_output(&self, id: &SessionId, task_id: &str) -> Result<Option<TaskOutput>, Problem> {
        self.told(id, |reply| Mail::TaskOutput { task_id: task_id.to_owned(), reply }).await
    }

    /// All of a session's state.
    pub(super) async fn state_of(&self, id: &SessionId) -> Result<Box<State>, Problem> {
        self.told(id, |reply| Mail::State { reply }).await
    }

    /// Has a session's task tell something that it knows.
    pub(super) async fn told<T>(
        &self,
        id: &SessionId,
        letter: impl FnOnce(oneshot::Sender<T>) -> Mail,
    ) -> Result<T, Problem> {
        self.shared.must_exist(id).await?;
        let (reply, answer) = oneshot::channel();
        let gone = || self.shared.owner_gone(id);
        self.owner(id).send(letter(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }

    /// Waits until all is done that belongs to what a session has stored last.
    pub async fn settled(&self, id: &SessionId) {
        let Some(owner) = self.shared.registry.get(id) else { return };
        let (reply, answer) = oneshot::channel();
        if owner.send(Mail::OpenText { reply }).await.is_ok() {
            // A task that ends drops the question, and is done too.
            let _ = answer.await;
        }
    }

    pub(super) fn owner(&self, id: &SessionId) -> OwnerHandle {
        self.shared.owner(id)
    }
}

impl Shared {
    /// Asks something of a session. The reply is durable when it comes.
    pub(crate) async fn call(
        self: &Arc<Self>,
        id: &SessionId,
        request: Request,
        key: Option<IdempotencyKey>,
    ) -> Result<Reply, Problem> {
        if let Some(known) = self.remembered::<Reply>(key.as_ref()).await? {
            return Ok(known);
        }
        let (reply, answer) = oneshot::channel();
        self.post(id, Mail::Request { request, key, reply }, answer).await
    }

    /// Sends a letter and waits for its answer.
    pub(super) async fn post(
        self: &Arc<Self>,
        id: &SessionId,
        mut letter: Mail,
        answer: oneshot::Receiver<Result<Reply, Problem>>,
    ) -> Result<Reply, Problem> {
        // A task that ends just now gives the letter back; the next one takes it.
        for _ in 0..8 {
            if self.registry.get(id).is_none() {
                self.must_exist(id).await?;
            }
            match self.owner(id).send(letter).await {
                Ok(()) => return answer.await.unwrap_or_else(|_| Err(self.owner_gone(id))),
                Err(back) => letter = back,
            }
            tokio::task::yield_now().await;
        }
        Err(self.owner_gone(id))
    }

    fn owner(self: &Arc<Self>, id: &SessionId) -> OwnerHandle {
        self.registry.get_or_start(id, || Owner::start(Arc::clone(self), id.clone(), None))
    }

    pub(crate) async fn must_exist(&self, id: &SessionId) -> Result<(), Problem> {
        match self.log.session(id).await {
            Ok(None) => Err(problem::no_session(id)),
            Ok(Some(row)) if row.lifecycle == Lifecycle::Destroyed.as_str() => Err(problem::destroyed(id)),
            Ok(Some(_)) => Ok(()),
            Err(e) => Err(problem::from_log(&e)),
        }
    }

    /// The session's task ended before it could answer.
    pub(crate) fn owner_gone(&self, id: &SessionId) -> Problem {
        match self.log.damage(id) {
            Some(found) => problem::damaged(id, &found),
            None => problem::owner_gone(id, self.stopping.is_cancelled()),
        }
    }

    /// What was replied to this key before, if it was.
    pub(crate) async fn remembered<T: serde::de::DeserializeOwned>(
        &self,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<T>, Problem> {
        let Some(key) = key else { return Ok(None) };
        let row = self.log.idempotency(&key.key, clock::now()).await.map_err(|e| problem::from_log(&e))?;
        let Some(row) = row else { return Ok(None) };
        if row.body_hash != key.body_hash {
            let what = "this Idempotency-Key was used for another request; use a new key";
            return Err(Problem::new(ErrorCode::Conflict, what));
        }
        Ok(serde_json::from_str(&row.body).ok())
    }
}
