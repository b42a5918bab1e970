//! Rows of the store as the types of the log. Columns are named by the constants beside each.

use bytes::Bytes;
use rusqlite::Row;
use rusqlite::types::Type;
use tenure_event::{AskState, Seq, SessionId, Timestamp};

use super::events::to_u64;
use crate::{
    IdempotencyRow, InputRow, OutboxRow, ProjectRow, ProjectWork, SessionRow, StoredAsk, WorkspaceRow,
};

type Read<T> = Result<T, rusqlite::Error>;

pub(super) const SESSION: &str = "s.id, s.lifecycle, s.activity, s.agent, s.native_id, s.project_id, \
     s.workspace_id, s.cwd, s.title, s.tags, s.archived, s.live, s.created_at, s.updated_at";

/// A session without view and private state.
pub(super) fn session(row: &Row<'_>) -> Read<SessionRow> {
    let tags: String = row.get(9)?;
    Ok(SessionRow {
        id: id(row, 0)?,
        lifecycle: row.get(1)?,
        activity: row.get(2)?,
        agent: row.get(3)?,
        native_id: row.get(4)?,
        project_id: id(row, 5)?,
        workspace_id: id(row, 6)?,
        cwd: row.get(7)?,
        title: row.get(8)?,
        tags: serde_json::from_str(&tags).map_err(|e| broken(9, e))?,
        archived: row.get(10)?,
        live: row.get(11)?,
        created_at: time(row, 12)?,
        updated_at: time(row, 13)?,
        view: String::new(),
        state: Vec::new(),
    })
}

pub(super) const ASK: &str = "a.id, t.session_id, a.state, a.expires_at, a.opened_at, a.view";

pub(super) fn ask(row: &Row<'_>) -> Read<StoredAsk> {
    let state: String = row.get(2)?;
    Ok(StoredAsk {
        id: id(row, 0)?,
        session_id: id(row, 1)?,
        state: ask_state(&state).ok_or_else(|| broken(2, format!("`{state}` is no state of an ask")))?,
        expires_at: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_millis),
        opened_at: time(row, 4)?,
        view: row.get(5)?,
    })
}

pub(super) fn ask_state_name(state: AskState) -> &'static str {
    match state {
        AskState::Open => "open",
        AskState::Resolved => "resolved",
        AskState::Expired => "expired",
        AskState::Withdrawn => "withdrawn",
    }
}

fn ask_state(name: &str) -> Option<AskState> {
    let all = [AskState::Open, AskState::Resolved, AskState::Expired, AskState::Withdrawn];
    all.into_iter().find(|s| ask_state_name(*s) == name)
}

pub(super) const INPUT: &str = "id, body_hash, state, admitted_seq, turn_id, ended_seq, view";

pub(super) fn input(row: &Row<'_>, session: &SessionId) -> Read<InputRow> {
    let turn: Option<String> = row.get(4)?;
    Ok(InputRow {
        id: id(row, 0)?,
        session_id: session.clone(),
        body_hash: row.get(1)?,
        state: row.get(2)?,
        admitted_seq: Seq(to_u64(row.get(3)?)),
        turn_id: turn.map(|t| t.parse().map_err(|e| broken(4, e))).transpose()?,
        ended_seq: row.get::<_, Option<i64>>(5)?.map(|n| Seq(to_u64(n))),
        view: row.get(6)?,
    })
}

pub(super) const OUTBOX: &str = "generation, n, bytes";

pub(super) fn outbox(row: &Row<'_>) -> Read<OutboxRow> {
    let bytes = Bytes::from(row.get::<_, Vec<u8>>(2)?);
    Ok(OutboxRow { generation: row.get(0)?, n: to_u64(row.get(1)?), bytes })
}

pub(super) const IDEMPOTENCY: &str = "key, body_hash, status, body, at";

pub(super) fn idempotency(row: &Row<'_>) -> Read<IdempotencyRow> {
    Ok(IdempotencyRow {
        key: row.get(0)?,
        body_hash: row.get(1)?,
        status: row.get(2)?,
        body: row.get(3)?,
        at: time(row, 4)?,
    })
}

pub(super) const WORKSPACE: &str = "id, kind, path, owned, created_at";

pub(super) fn workspace(row: &Row<'_>) -> Read<WorkspaceRow> {
    Ok(WorkspaceRow {
        id: id(row, 0)?,
        kind: row.get(1)?,
        path: row.get(2)?,
        owned: row.get(3)?,
        created_at: time(row, 4)?,
    })
}

pub(super) const PROJECT: &str = "id, path, title, trusted, created_at";

pub(super) fn project(row: &Row<'_>) -> Read<ProjectRow> {
    Ok(ProjectRow {
        id: id(row, 0)?,
        path: row.get(1)?,
        title: row.get(2)?,
        trusted: row.get(3)?,
        created_at: time(row, 4)?,
    })
}

/// A group of sessions, as [`super::lookup::work`] asks for it.
pub(super) fn work(row: &Row<'_>) -> Read<ProjectWork> {
    Ok(ProjectWork {
        project_id: id(row, 0)?,
        agent: row.get(1)?,
        cwd: row.get(2)?,
        sessions: to_u64(row.get(3)?),
        updated_at: time(row, 4)?,
    })
}

/// An id of ours from a column.
pub(super) fn id<T>(row: &Row<'_>, column: usize) -> Read<T>
where
    T: std::str::FromStr<Err = tenure_event::IdError>,
{
    row.get_ref(column)?.as_str()?.parse().map_err(|e| broken(column, e))
}

fn time(row: &Row<'_>, column: usize) -> Read<Timestamp> {
    Ok(Timestamp::from_millis(row.get(column)?))
}

fn broken(column: usize, e: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, e.into())
}
