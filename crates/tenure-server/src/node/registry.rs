//! Which sessions have a task right now.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tenure_event::SessionId;

use crate::owner::OwnerHandle;

/// The tasks by session. The lock is held for a look only, never while something waits.
#[derive(Default)]
pub(crate) struct Registry {
    owners: Mutex<HashMap<SessionId, OwnerHandle>>,
}

impl Registry {
    /// The task of a session, or the one that `start` starts. One that broke down without a word is replaced.
    pub(crate) fn get_or_start(&self, id: &SessionId, start: impl FnOnce() -> OwnerHandle) -> OwnerHandle {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        match owners.get(id).filter(|owner| owner.is_there()) {
            Some(owner) => owner.clone(),
            None => {
                let owner = start();
                owners.insert(id.clone(), owner.clone());
                owner
            }
        }
    }

    /// The task of a session that has one.
    pub(crate) fn get(&self, id: &SessionId) -> Option<OwnerHandle> {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.get(id).filter(|owner| owner.is_there()).cloned()
    }

    /// Takes a task out if nobody has sent it anything meanwhile.
    pub(crate) fn retire(&self, id: &SessionId, is_empty: impl FnOnce() -> bool) -> bool {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let empty = is_empty();
        if empty {
            owners.remove(id);
        }
        empty
    }

    /// Takes a task out that is over. Only the task itself may say so, and once: the next entry is another's.
    pub(crate) fn forget(&self, id: &SessionId) {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
