//! Projects: what sessions work on.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tenure_api::{CreateProject, ErrorCode, Page, Problem, Project};
use tenure_event::ProjectId;
use tenure_index::ProjectCount;
use tenure_log::{EventLog, ProjectRow, SessionFilter, Write};

use super::app::{App, Shared};
use super::events::MAX_ITEMS;
use super::extract::Body;
use super::idempotency::{Keyed, remembered, row_of};
use super::problem::{Answer, Failure};
use crate::clock;

/// Directories of a project that are told beside its own.
const PATHS: usize = 100;

/// Projects, oldest first.
#[utoipa::path(
    get, path = "/v1/projects", tag = "projects",
    responses((status = 200, body = Page<Project>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(State(app): State<Shared>) -> Answer<Json<Page<Project>>> {
    // Without the index the list is that of our own sessions.
    let counts = app.history.ask(|looker| looker.projects()).await.unwrap_or_default();
    let mut items = Vec::new();
    for row in app.log().projects().await? {
        let count = counts.iter().find(|count| count.project == row.id.as_str());
        items.push(view(&app, row, count).await?);
    }
    Ok(Json(Page { items, next: None }))
}

async fn view(app: &App, row: ProjectRow, count: Option<&ProjectCount>) -> Answer<Project> {
    let mut filter =
        SessionFilter { project_id: Some(row.id.clone()), limit: MAX_ITEMS, ..SessionFilter::default() };
    let (mut sessions, mut agents, mut last_activity) = (0, BTreeSet::new(), None);
    let mut others: BTreeSet<String> = app.node.directories().before(&row.id).into_iter().collect();
    others.extend(count.into_iter().flat_map(|count| count.directories.iter().cloned()));
    loop {
        let page = app.log().sessions(filter.clone()).await?;
        sessions += page.rows.len() as u64;
        last_activity = last_activity.or_else(|| page.rows.first().map(|newest| newest.updated_at));
        agents.extend(page.rows.iter().map(|session| session.agent.clone()));
        others.extend(page.rows.iter().map(|session| session.cwd.clone()));
        match page.rows.last().filter(|_| page.more) {
            Some(last) => filter.after = Some((last.updated_at, last.id.clone())),
            None => break,
        }
    }
    agents.extend(count.into_iter().flat_map(|count| count.agents.iter().cloned()));
    others.remove(&row.path);
    let paths = std::iter::once(row.path.clone()).chain(others.into_iter().take(PATHS)).collect();
    Ok(Project {
        id: row.id,
        paths,
        path: row.path,
        title: row.title,
        sessions,
        conversations: count.map_or(0, |count| count.conversations),
        agents: agents.into_iter().collect(),
        created_at: row.created_at,
        last_activity: last_activity.max(count.map(|count| count.last_activity)),
    })
}

/// Records a directory as a project; the same id and path again is the same project.
#[utoipa::path(
    post, path = "/v1/projects", tag = "projects", request_body = CreateProject,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses(
        (status = 201, body = Project),
        (status = 200, description = "It was recorded before.", body = Project),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(app): State<Shared>,
    keyed: Keyed,
    body: Body<CreateProject>,
) -> Answer<Response> {
    let claim = keyed.claim(&app, &body.hash)?;
    if let Some(known) = remembered(&app, &claim).await? {
        return Ok(known);
    }
    let _one_at_a_time = app.node.recording().await;
    let (row, new) = find_or_make(&app, body.value).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    let project = view(&app, row.clone(), None).await?;
    let mut writes = if new { vec![Write::Project(row)] } else { Vec::new() };
    writes.extend(row_of(&claim, status, &project)?);
    if !writes.is_empty() {
        app.log().put(writes).await?;
    }
    Ok((status, Json(project)).into_response())
}

async fn find_or_make(app: &App, request: CreateProject) -> Answer<(ProjectRow, bool)> {
    let id = request.id.as_deref().map(ProjectId::parse).transpose();
    let id = id.map_err(|error| Failure::invalid("id", error.to_string()))?;
    let found = std::fs::canonicalize(&request.path).ok().filter(|path| path.is_dir());
    let no_directory = || Failure::invalid("path", format!("`{}` is not a directory here", request.path));
    let path = found.ok_or_else(no_directory)?.to_string_lossy().into_owned();
    let rows = app.log().projects().await?;
    let by_id = id.as_ref().and_then(|id| rows.iter().find(|row| row.id == *id));
    if let Some(row) = by_id {
        let other = || format!("project {} is at {}", row.id, row.path);
        let same = row.path == path;
        return if same { Ok((row.clone(), false)) } else { Err(Failure::new(ErrorCode::Conflict, other())) };
    }
    if let Some(row) = rows.iter().find(|row| row.path == path) {
        if id.is_some() {
            let detail = format!("{path} is project {} already; use that id", row.id);
            let data = serde_json::json!({"id": row.id});
            return Err(Problem::new(ErrorCode::Conflict, detail).with_data(data).into());
        }
        return Ok((row.clone(), false));
    }
    if id.is_none() {
        // It may be one that was moved.
        let (row, _) = app.node.project_at(&path).await?;
        app.node.directories().save();
        return Ok((ProjectRow { title: request.title.or(row.title), ..row }, true));
    }
    let id = id.unwrap_or_else(|| ProjectId::from_uuid(clock::new_uuid()));
    let (title, created_at) = (request.title, clock::now());
    Ok((ProjectRow { id, path, title, trusted: false, created_at }, true))
}
