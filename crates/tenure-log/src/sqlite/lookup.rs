//! Single rows and short lists.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value, json};
use tenure_event::{AskId, AskState, InputId, ProjectId, Seq, SessionId, Timestamp, WorkspaceId};

use super::events::{stream, to_i64};
use super::{list, rows};
use crate::{
    IdempotencyRow, InputRow, LogError, ProjectRow, ProjectWork, SessionRow, StoredAsk, StoredState,
    WorkspaceRow,
};

/// A session; without a view if that alone cannot be read.
pub(super) fn session(db: &Connection, id: &SessionId) -> Result<Option<SessionRow>, LogError> {
    let mut find = db.prepare_cached("SELECT no FROM sessions WHERE id = ?1")?;
    let no: Option<i64> = find.query_row([id.as_str()], |r| r.get(0)).optional()?;
    no.map(|no| list::full(db, no)).transpose()
}

pub(super) fn state(db: &Connection, id: &SessionId) -> Result<Option<StoredState>, LogError> {
    let read = db.unchecked_transaction()?;
    let Some(stream) = stream(&read, id)? else { return Ok(None) };
    let mut select = read
        .prepare_cached("SELECT t.state FROM sessions s LEFT JOIN states t ON t.no = s.no WHERE s.no = ?1")?;
    let Some(state) = select.query_row([stream.no], |r| r.get::<_, Option<Vec<u8>>>(0)).optional()? else {
        return Ok(None);
    };
    let sql = format!("SELECT {} FROM outbox WHERE no = ?1 ORDER BY generation, n", rows::OUTBOX);
    let mut select = read.prepare_cached(&sql)?;
    let outbox = select.query_map([stream.no], rows::outbox)?.collect::<Result<_, _>>()?;
    Ok(Some((state.unwrap_or_default(), Seq(stream.last), outbox)))
}

pub(super) fn live_sessions(db: &Connection) -> Result<Vec<SessionId>, LogError> {
    let read = |by: &str| {
        let mut select =
            db.prepare_cached(&format!("SELECT id FROM sessions {by} WHERE live = 1 ORDER BY no"))?;
        select.query_map([], |r| rows::id(r, 0))?.collect::<Result<_, _>>()
    };
    // Without the index it takes longer, and needs what is damaged no more.
    Ok(read("INDEXED BY sessions_live").or_else(|_: rusqlite::Error| read("NOT INDEXED"))?)
}

pub(super) fn asks(
    db: &Connection,
    session: Option<&SessionId>,
    states: &[AskState],
    limit: usize,
) -> Result<Vec<StoredAsk>, LogError> {
    let read = db.unchecked_transaction()?;
    let names: Vec<_> = states.iter().map(|s| rows::ask_state_name(*s)).collect();
    // Each walk is in order by itself; several states are several walks.
    let (index, walks) = match session {
        Some(session) => {
            let Some(stream) = stream(&read, session)? else { return Ok(Vec::new()) };
            let mut which = format!("a.session_no = {}", stream.no);
            if !names.is_empty() {
                which += &format!(" AND a.state IN ('{}')", names.join("','"));
            }
            ("asks_session", vec![which])
        }
        None if names.is_empty() => ("asks_recent", vec!["1".to_owned()]),
        None => ("asks_state", names.iter().map(|name| format!("a.state = '{name}'")).collect()),
    };
    let mut found = Vec::new();
    for which in walks {
        let sql = format!(
            "SELECT {} FROM asks a INDEXED BY {index} CROSS JOIN streams t ON t.no = a.session_no
             WHERE {which} ORDER BY a.opened_at DESC, a.id DESC LIMIT ?1",
            rows::ASK
        );
        let mut select = read.prepare_cached(&sql)?;
        let rows = select.query_map([to_i64(limit as u64)], rows::ask)?;
        found.extend(rows.collect::<Result<Vec<_>, _>>()?);
    }
    found.sort_by(|a, b| (b.opened_at, &b.id).cmp(&(a.opened_at, &a.id)));
    found.dedup_by(|a, b| a.id == b.id);
    found.truncate(limit);
    Ok(found)
}

pub(super) fn ask(db: &Connection, id: &AskId) -> Result<Option<StoredAsk>, LogError> {
    let sql =
        format!("SELECT {} FROM asks a JOIN streams t ON t.no = a.session_no WHERE a.id = ?1", rows::ASK);
    Ok(db.prepare_cached(&sql)?.query_row([id.as_str()], rows::ask).optional()?)
}

pub(super) fn input(
    db: &Connection,
    session: &SessionId,
    id: &InputId,
) -> Result<Option<InputRow>, LogError> {
    let sql = format!(
        "SELECT {} FROM inputs WHERE session_no = (SELECT no FROM streams WHERE session_id = ?1) AND id = ?2",
        rows::INPUT
    );
    let mut select = db.prepare_cached(&sql)?;
    Ok(select.query_row([session.as_str(), id.as_str()], |r| rows::input(r, session)).optional()?)
}

pub(super) fn inputs(db: &Connection, session: &SessionId, limit: usize) -> Result<Vec<InputRow>, LogError> {
    let sql = format!(
        "SELECT {} FROM inputs INDEXED BY inputs_recent
         WHERE session_no = (SELECT no FROM streams WHERE session_id = ?1)
         ORDER BY admitted_seq DESC, id DESC LIMIT ?2",
        rows::INPUT
    );
    let mut select = db.prepare_cached(&sql)?;
    let found =
        select.query_map(params![session.as_str(), to_i64(limit as u64)], |r| rows::input(r, session))?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn idempotency(
    db: &Connection,
    key: &str,
    since: Timestamp,
) -> Result<Option<IdempotencyRow>, LogError> {
    let sql = format!("SELECT {} FROM idempotency WHERE key = ?1 AND at >= ?2", rows::IDEMPOTENCY);
    let mut select = db.prepare_cached(&sql)?;
    Ok(select.query_row(params![key, since.as_millis()], rows::idempotency).optional()?)
}

pub(super) fn workspace(db: &Connection, id: &WorkspaceId) -> Result<Option<WorkspaceRow>, LogError> {
    let sql = format!("SELECT {} FROM workspaces WHERE id = ?1", rows::WORKSPACE);
    Ok(db.prepare_cached(&sql)?.query_row([id.as_str()], rows::workspace).optional()?)
}

pub(super) fn workspaces(
    db: &Connection,
    after: Option<&WorkspaceId>,
    limit: usize,
) -> Result<Vec<WorkspaceRow>, LogError> {
    let sql = format!("SELECT {} FROM workspaces WHERE id > ?1 ORDER BY id LIMIT ?2", rows::WORKSPACE);
    let (after, limit) = (after.map_or("", WorkspaceId::as_str), i64::try_from(limit).unwrap_or(i64::MAX));
    let mut select = db.prepare_cached(&sql)?;
    Ok(select.query_map(params![after, limit], rows::workspace)?.collect::<Result<_, _>>()?)
}

pub(super) fn workspace_at(db: &Connection, path: &str) -> Result<Option<WorkspaceRow>, LogError> {
    let sql =
        format!("SELECT {} FROM workspaces WHERE path = ?1 ORDER BY created_at, id LIMIT 1", rows::WORKSPACE);
    Ok(db.prepare_cached(&sql)?.query_row([path], rows::workspace).optional()?)
}

pub(super) fn projects(db: &Connection) -> Result<Vec<ProjectRow>, LogError> {
    let sql = format!("SELECT {} FROM projects ORDER BY created_at, id", rows::PROJECT);
    let mut select = db.prepare_cached(&sql)?;
    Ok(select.query_map([], rows::project)?.collect::<Result<_, _>>()?)
}

pub(super) fn work(db: &Connection, project: Option<&ProjectId>) -> Result<Vec<ProjectWork>, LogError> {
    let which = if project.is_some() { "project_id = ?1" } else { "?1 IS NULL" };
    let sql = format!(
        "SELECT project_id, agent, cwd, count(*), max(updated_at) FROM sessions
         WHERE {which} AND shelf <> {} GROUP BY project_id, agent, cwd",
        list::DESTROYED
    );
    let mut select = db.prepare_cached(&sql)?;
    Ok(select.query_map([project.map(ProjectId::as_str)], rows::work)?.collect::<Result<_, _>>()?)
}

/// Sessions by lifecycle, from an index, and the size of the file.
pub(super) fn counts(db: &Connection) -> Result<Value, LogError> {
    let mut select = db.prepare_cached("SELECT lifecycle, count(*) FROM sessions GROUP BY lifecycle")?;
    let mut sessions = Map::new();
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        sessions.insert(row.get(0)?, Value::from(row.get::<_, i64>(1)?));
    }
    let pages: i64 = db.query_row("PRAGMA page_count", [], |r| r.get(0))?;
    let size: i64 = db.query_row("PRAGMA page_size", [], |r| r.get(0))?;
    Ok(json!({"sessions": sessions, "bytes": pages * size}))
}
