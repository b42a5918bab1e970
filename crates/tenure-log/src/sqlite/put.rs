//! Writing rows, inside the writer's transaction.

use rusqlite::{Connection, OptionalExtension, params};
use tenure_event::Timestamp;

use super::events::to_i64;
use super::list::{ARCHIVED, DESTROYED, USUAL};
use super::rows;
use crate::{
    IDEMPOTENCY_MS, IdempotencyRow, InputRow, LogError, OutboxRow, ProjectRow, SessionRow, StoredAsk,
    WorkspaceRow,
};

type Done = Result<(), LogError>;

/// A session moves in the lists at most this often by a step alone, in milliseconds: each move rewrites every index
/// that lists are walked by.
const MOVES_AFTER_MS: u64 = 1000;

/// Puts a session's row. Gives back the row as lists see it now: it may stand where it stood a moment ago.
pub(super) fn session(
    db: &Connection,
    no: i64,
    before: Option<SessionRow>,
    row: &SessionRow,
) -> Result<SessionRow, LogError> {
    let listed = match before {
        Some(before) if same_in_lists(&before, row) && stays(&before, row) => {
            if before.activity != row.activity {
                write_activity(db, no, row)?;
            }
            SessionRow { activity: row.activity.clone(), ..before }
        }
        before => {
            place(db, no, before.as_ref(), row)?;
            SessionRow { view: String::new(), state: Vec::new(), ..row.clone() }
        }
    };
    let mut change = db.prepare_cached("UPDATE views SET view = ?2 WHERE no = ?1")?;
    if change.execute(params![no, row.view])? == 0 {
        db.prepare_cached("INSERT INTO views (no, view) VALUES (?1, ?2)")?.execute(params![no, row.view])?;
    }
    state(db, no, &row.state)?;
    Ok(listed)
}

/// Puts what lists look at, and so the session where it belongs in them.
pub(super) fn place(db: &Connection, no: i64, before: Option<&SessionRow>, row: &SessionRow) -> Done {
    write_listed(db, no, row)?;
    write_tags(db, no, before, row)
}

/// What lists look at, as it is stored.
pub(super) fn listed(db: &Connection, no: i64) -> Result<Option<SessionRow>, LogError> {
    let sql = format!("SELECT {} FROM sessions s WHERE s.no = ?1", rows::SESSION);
    Ok(db.prepare_cached(&sql)?.query_row([no], rows::session).optional()?)
}

/// Whether nothing changes but activity, time, view and state: then the indexes may stay as they are, but for that of
/// activities.
fn same_in_lists(a: &SessionRow, b: &SessionRow) -> bool {
    let SessionRow { lifecycle, agent, native_id, project_id, workspace_id, cwd, title, .. } = a;
    lifecycle == &b.lifecycle
        && agent == &b.agent
        && native_id == &b.native_id
        && project_id == &b.project_id
        && workspace_id == &b.workspace_id
        && cwd == &b.cwd
        && title == &b.title
        && a.tags == b.tags
        && (a.archived, a.live, a.created_at) == (b.archived, b.live, b.created_at)
}

fn stays(before: &SessionRow, row: &SessionRow) -> bool {
    let later = row.updated_at >= before.updated_at;
    later && row.updated_at.millis_since(before.updated_at) < MOVES_AFTER_MS
}

fn write_activity(db: &Connection, no: i64, row: &SessionRow) -> Done {
    let mut change = db.prepare_cached("UPDATE sessions SET activity = ?2 WHERE no = ?1")?;
    change.execute(params![no, row.activity])?;
    Ok(())
}

fn write_listed(db: &Connection, no: i64, row: &SessionRow) -> Done {
    db.prepare_cached(
        "INSERT INTO sessions (no, id, shelf, lifecycle, activity, agent, native_id, project_id,
             workspace_id, cwd, title, tags, archived, live, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
         ON CONFLICT (no) DO UPDATE SET shelf = ?3, lifecycle = ?4, activity = ?5, agent = ?6,
             native_id = ?7, project_id = ?8, workspace_id = ?9, cwd = ?10, title = ?11, tags = ?12,
             archived = ?13, live = ?14, created_at = ?15, updated_at = ?16",
    )?
    .execute(params![
        no,
        row.id.as_str(),
        shelf(row),
        row.lifecycle,
        row.activity,
        row.agent,
        row.native_id,
        row.project_id.as_str(),
        row.workspace_id.as_str(),
        row.cwd,
        row.title,
        serde_json::Value::from(row.tags.clone()).to_string(),
        row.archived,
        row.live,
        row.created_at.as_millis(),
        row.updated_at.as_millis(),
    ])?;
    Ok(())
}

fn write_tags(db: &Connection, no: i64, before: Option<&SessionRow>, row: &SessionRow) -> Done {
    if let Some(before) = before {
        let mut remove = db.prepare_cached(
            "DELETE FROM tags WHERE tag = ?1 AND shelf = ?2 AND updated_at = ?3 AND no = ?4",
        )?;
        for tag in &before.tags {
            remove.execute(params![tag, shelf(before), before.updated_at.as_millis(), no])?;
        }
    }
    let mut add =
        db.prepare_cached("INSERT OR IGNORE INTO tags (tag, shelf, updated_at, no) VALUES (?1, ?2, ?3, ?4)")?;
    for tag in &row.tags {
        add.execute(params![tag, shelf(row), row.updated_at.as_millis(), no])?;
    }
    Ok(())
}

fn shelf(row: &SessionRow) -> i64 {
    match row {
        row if row.lifecycle == "destroyed" => DESTROYED,
        row if row.archived => ARCHIVED,
        _ => USUAL,
    }
}

/// Puts the private state of a session that has a row. Nearly every append does, so one statement is
/// usually all.
pub(super) fn state(db: &Connection, no: i64, state: &[u8]) -> Done {
    let mut change = db.prepare_cached("UPDATE states SET state = ?2 WHERE no = ?1")?;
    if change.execute(params![no, state])? > 0 {
        return Ok(());
    }
    let mut add =
        db.prepare_cached("INSERT INTO states (no, state) SELECT no, ?2 FROM sessions WHERE no = ?1")?;
    match add.execute(params![no, state])? {
        0 => Err(LogError::Invalid("the session has no row to put a state into".to_owned())),
        _ => Ok(()),
    }
}

pub(super) fn outbox(db: &Connection, no: i64, row: &OutboxRow) -> Done {
    let mut put = db
        .prepare_cached("INSERT OR REPLACE INTO outbox (no, generation, n, bytes) VALUES (?1, ?2, ?3, ?4)")?;
    put.execute(params![no, row.generation, to_i64(row.n), &row.bytes[..]])?;
    Ok(())
}

pub(super) fn outbox_done(db: &Connection, no: i64, generation: u32, n: u64) -> Done {
    let mut remove = db.prepare_cached("DELETE FROM outbox WHERE no = ?1 AND generation = ?2 AND n <= ?3")?;
    remove.execute(params![no, generation, to_i64(n)])?;
    Ok(())
}

pub(super) fn ask(db: &Connection, no: i64, row: &StoredAsk) -> Done {
    let mut put = db.prepare_cached(
        "INSERT OR REPLACE INTO asks (id, session_no, state, expires_at, opened_at, view)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    put.execute(params![
        row.id.as_str(),
        no,
        rows::ask_state_name(row.state),
        row.expires_at.map(Timestamp::as_millis),
        row.opened_at.as_millis(),
        row.view
    ])?;
    Ok(())
}

pub(super) fn input(db: &Connection, no: i64, row: &InputRow) -> Done {
    let turn = row.turn_id.as_ref().map(|t| t.as_str());
    let ended = row.ended_seq.map(|s| to_i64(s.0));
    // When it was admitted never changes: no index does.
    let mut change = db.prepare_cached(
        "UPDATE inputs SET body_hash = ?3, state = ?4, turn_id = ?5, ended_seq = ?6, view = ?7
         WHERE session_no = ?1 AND id = ?2",
    )?;
    let known = params![no, row.id.as_str(), row.body_hash, row.state, turn, ended, row.view];
    if change.execute(known)? > 0 {
        return Ok(());
    }
    let mut add = db.prepare_cached(
        "INSERT INTO inputs (session_no, id, body_hash, state, turn_id, ended_seq, view, admitted_seq)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let admitted = to_i64(row.admitted_seq.0);
    add.execute(params![no, row.id.as_str(), row.body_hash, row.state, turn, ended, row.view, admitted])?;
    Ok(())
}

pub(super) fn idempotency(db: &Connection, row: &IdempotencyRow) -> Done {
    let mut put = db.prepare_cached(
        "INSERT OR REPLACE INTO idempotency (key, body_hash, status, body, at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    put.execute(params![row.key, row.body_hash, row.status, row.body, row.at.as_millis()])?;
    Ok(())
}

/// Removes some of the answers that are no longer remembered at `now`.
pub(super) fn prune(db: &Connection, now: Timestamp) -> Done {
    let mut remove = db.prepare_cached(
        "DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency WHERE at < ?1 LIMIT 500)",
    )?;
    remove.execute([now.plus_millis(-IDEMPOTENCY_MS).as_millis()])?;
    Ok(())
}

pub(super) fn workspace(db: &Connection, row: &WorkspaceRow) -> Done {
    let mut put = db.prepare_cached(
        "INSERT OR REPLACE INTO workspaces (id, kind, path, owned, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    put.execute(params![row.id.as_str(), row.kind, row.path, row.owned, row.created_at.as_millis()])?;
    Ok(())
}

pub(super) fn project(db: &Connection, row: &ProjectRow) -> Done {
    let mut put = db.prepare_cached(
        "INSERT OR REPLACE INTO projects (id, path, title, trusted, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    put.execute(params![row.id.as_str(), row.path, row.title, row.trusted, row.created_at.as_millis()])?;
    Ok(())
}

/// Removes a session's rows but for the one that lists look at.
pub(super) fn erase(db: &Connection, no: i64) -> Done {
    for sql in [
        "DELETE FROM outbox WHERE no = ?1",
        "DELETE FROM asks WHERE session_no = ?1",
        "DELETE FROM inputs WHERE session_no = ?1",
        "DELETE FROM states WHERE no = ?1",
    ] {
        db.prepare_cached(sql)?.execute([no])?;
    }
    Ok(())
}
