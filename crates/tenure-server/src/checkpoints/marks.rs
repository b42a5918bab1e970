//! The checkpoints of a session, read from its log: there is no other record of them.

use tenure_event::{CheckpointCreated, Event, Kind, Seq, SessionId, Timestamp};
use tenure_log::{EventLog, LogError, SessionFilter, SessionRow, SqliteLog};
use tenure_workspace::checkpoint::{Span, TreeId};

use crate::past;

/// A checkpoint in the log.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    pub seq: Seq,
    pub ts: Timestamp,
    pub data: CheckpointCreated,
}

impl Mark {
    pub(crate) fn tree(&self) -> Option<TreeId> {
        self.data.tree.parse().ok()
    }

    /// What a turn or a way back did.
    pub(crate) fn span(&self) -> Option<Span> {
        Some(Span { base: self.data.base.as_ref()?.parse().ok()?, tree: self.tree()? })
    }
}

/// A session's checkpoints, oldest first.
pub(crate) async fn of(log: &SqliteLog, id: &SessionId) -> Result<Vec<Mark>, LogError> {
    let mut marks = Vec::new();
    past::events(log, id, &["checkpoint.created"], |event| marks.extend(mark(event))).await?;
    Ok(marks)
}

/// An event as a checkpoint, if it is one.
pub(crate) fn mark(event: Event) -> Option<Mark> {
    let (seq, ts) = (event.seq, event.ts);
    match event.kind {
        Kind::CheckpointCreated(data) => Some(Mark { seq, ts, data }),
        _ => None,
    }
}

/// Every session that works, or worked, in a workspace and was not destroyed.
pub(crate) async fn sessions(
    log: &SqliteLog,
    workspace: &tenure_event::WorkspaceId,
) -> Result<Vec<SessionRow>, LogError> {
    let mut filter =
        SessionFilter { workspace_id: Some(workspace.clone()), limit: 500, ..SessionFilter::default() };
    let mut rows = Vec::new();
    loop {
        let page = log.sessions(filter.clone()).await?;
        rows.extend(page.rows);
        match rows.last().filter(|_| page.more) {
            Some(last) => filter.after = Some((last.updated_at, last.id.clone())),
            None => return Ok(rows),
        }
    }
}
