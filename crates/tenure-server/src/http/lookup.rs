//! Finding what a path names, or saying why it cannot be had.

use tenure_api::{ErrorCode, Problem};
use tenure_event::SessionId;
use tenure_log::{EventLog, LogError, PageRequest, SessionRow};

use super::app::App;
use super::problem::{Answer, Failure};

/// The session that a path segment names. A text that cannot be an id names none.
pub(super) async fn session(app: &App, segment: &str) -> Answer<(SessionId, SessionRow)> {
    let unknown = || {
        Failure::new(ErrorCode::NotFound, format!("there is no session `{segment}`; `tenure ls` lists them"))
    };
    let id = SessionId::parse(segment).map_err(|_| unknown())?;
    let row = app.log().session(&id).await?.ok_or_else(unknown)?;
    Ok((id, row))
}

/// The same, for what only sessions that are not destroyed have.
pub(super) async fn existing(app: &App, segment: &str) -> Answer<(SessionId, SessionRow)> {
    let (id, row) = session(app, segment).await?;
    if row.lifecycle == "destroyed" { Err(destroyed(&id)) } else { Ok((id, row)) }
}

/// The same, for what goes to the session's task: one that has a task is there, and nobody need look.
pub(super) async fn awake(app: &App, segment: &str) -> Answer<SessionId> {
    match SessionId::parse(segment) {
        Ok(id) if app.node.is_awake(&id) => Ok(id),
        _ => existing(app, segment).await.map(|(id, _)| id),
    }
}

/// The same, for what reads events: a destroyed session whose transcript was kept can be read.
pub(super) async fn readable(app: &App, segment: &str) -> Answer<(SessionId, SessionRow)> {
    let (id, row) = session(app, segment).await?;
    if row.lifecycle == "destroyed" && !has_transcript(app.log(), &id).await? {
        return Err(destroyed(&id));
    }
    Ok((id, row))
}

async fn has_transcript(log: &impl EventLog, id: &SessionId) -> Answer<bool> {
    let first = PageRequest { after: 0, limit: 1, max_bytes: 1, types: Vec::new() };
    match log.read(id, first).await {
        Ok(page) => Ok(page.events.first().is_some_and(|event| &*event.name != "session.destroyed")),
        Err(LogError::CursorExpired { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn destroyed(id: &SessionId) -> Failure {
    Problem::new(ErrorCode::Destroyed, format!("session {id} was destroyed")).about(id).into()
}
