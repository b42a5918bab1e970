//! The owner's part in forks: the session that this one was forked from records that, exactly once, also if a daemon is
//! ended in between. Whoever has told it looks first whether it was told already.

use std::sync::Arc;

use tenure_core::Request;
use tenure_core::machine::Input;
use tenure_crash_point::crash_point;
use tenure_event::{Kind, Parent, SessionId};

use super::Owner;
use super::mail::Work;
use crate::node::Shared;
use crate::past;

impl Owner {
    pub(super) fn tell_parent(&self, parent: Parent) {
        let (shared, child, out) = (Arc::clone(&self.shared), self.id.clone(), self.work_out.clone());
        self.shared.tasks.spawn(async move {
            crash_point!("fork.telling");
            let told = tell(&shared, &parent, &child).await;
            crash_point!("fork.told");
            let _ = out.send(Work::ParentTold { parent, told }).await;
        });
    }

    pub(super) async fn parent_told(&mut self, parent: Parent, told: bool) {
        if !told {
            return self.later(Work::TellParent { parent });
        }
        match self.apply(Input::ParentTold, None).await {
            Ok(_) => {
                crash_point!("fork.known");
            }
            Err(_) => self.later(Work::ParentTold { parent, told }),
        }
    }
}

/// Whether the session knows of its fork, or is not there any more.
async fn tell(shared: &Arc<Shared>, parent: &Parent, child: &SessionId) -> bool {
    let mut known = false;
    let read = past::events(&shared.log, &parent.session_id, &["session.forked"], |event| {
        known |= matches!(&event.kind, Kind::SessionForked(data) if data.child == *child);
    });
    if let Err(e) = read.await {
        tracing::warn!(session = %parent.session_id, error = %e, "it cannot be told of its fork yet");
        return false;
    }
    if known {
        return true;
    }
    let request = Request::Forked { child: child.clone(), seq: parent.seq };
    match shared.call(&parent.session_id, request, None).await {
        Ok(_) => true,
        Err(e) => matches!(e.code, tenure_api::ErrorCode::NotFound | tenure_api::ErrorCode::Destroyed),
    }
}
