//! The checkpoints of a session, read from its log: there is no other record of them.

use tenure_event::{CheckpointCreated, Event, Kind, Seq, SessionId, Timestamp};
use tenure_log::{EventLog, LogError, PageRequest, SessionFilter, SessionRow, SqliteLog};
use tenure_workspace::checkpoint::{Span, TreeId};

/// Bytes of events that are held at once.
const PAGE_BYTES: usize = 256 << 10;

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

/// Reads a session's events of some kinds, oldest first.
pub(crate) async fn events(
    log: &SqliteLog,
    id: &SessionId,
    types: &[&str],
    mut each: impl FnMut(Event),
) -> Result<(), LogError> {
    let types: Vec<String> = types.iter().map(|&name| name.to_owned()).collect();
    let mut after = 0;
    loop {
        let request = PageRequest { after, limit: 1000, max_bytes: PAGE_BYTES, types: types.clone() };
        let page = match log.read(id, request).await {
            // What was before is not kept; the rest is.
            Err(LogError::CursorExpired { first, .. }) if first > after + 1 => {
                after = first - 1;
                continue;
            }
            page => page?,
        };
        let parsed =
            page.events.iter().filter_map(|e| Event::parse(std::str::from_utf8(&e.bytes).ok()?).ok());
        parsed.for_each(&mut each);
        if page.scanned_to >= page.last {
            return Ok(());
        }
        after = page.scanned_to;
    }
}

/// A session's checkpoints, oldest first.
pub(crate) async fn of(log: &SqliteLog, id: &SessionId) -> Result<Vec<Mark>, LogError> {
    let mut marks = Vec::new();
    events(log, id, &["checkpoint.created"], |event| marks.extend(mark(event))).await?;
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
