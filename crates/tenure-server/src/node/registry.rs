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

    /// Every task that there is.
    pub(crate) fn all(&self) -> Vec<OwnerHandle> {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.values().filter(|owner| owner.is_there()).cloned().collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> SessionId {
        SessionId::parse("s").expect("valid")
    }

    #[test]
    fn a_task_that_broke_down_is_replaced() {
        let registry = Registry::default();
        let (handle, letters, _urgent) = OwnerHandle::without_task();
        registry.get_or_start(&id(), || handle);
        assert!(registry.get(&id()).is_some());
        // A panic: nobody took it out.
        drop(letters);
        assert!(registry.get(&id()).is_none());
        let (second, _letters, _urgent) = OwnerHandle::without_task();
        assert!(registry.get_or_start(&id(), || second).is_there());
        assert_eq!(registry.len(), 1);
    }

    #[test]
    fn a_task_stays_while_somebody_holds_its_mailbox() {
        let registry = Registry::default();
        let (handle, letters, _urgent) = OwnerHandle::without_task();
        let held = registry.get_or_start(&id(), || handle);
        let alone = || letters.sender_strong_count() == 1 && letters.is_empty();
        assert!(!registry.retire(&id(), alone), "a letter may be on its way");
        drop(held);
        assert!(registry.retire(&id(), alone));
        assert!(registry.get(&id()).is_none());
    }
}
