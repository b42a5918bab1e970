//! Projects: what sessions work on.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tenure_api::{CreateProject, ErrorCode, Page, Problem, Project};
use tenure_event::ProjectId;
use tenure_index::ProjectCount;
use tenure_log::{EventLog, ProjectRow, ProjectWork, Write};

use super::app::{App, Shared};
use super::extract::Body;
use super::idempotency::{Keyed, remembered, row_of};
use super::problem::{Answer, Failure};
use crate::node::Projects;

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
    let projects = app.node.projects().await?;
    let mut at_work: HashMap<ProjectId, Vec<ProjectWork>> = HashMap::new();
    for work in app.log().work(None).await? {
        at_work.entry(work.project_id.clone()).or_default().push(work);
    }
    let counted = |row: &ProjectRow| counts.iter().find(|count| count.project == row.id.as_str());
    let shown = |row| view(&app, &projects, row, at_work.remove(&row.id).unwrap_or_default(), counted(row));
    let items = projects.each().map(shown).collect();
    Ok(Json(Page { items, next: None }))
}

/// A project, with what works on it and what is counted of its past.
fn view(
    app: &App,
    projects: &Projects,
    row: &ProjectRow,
    work: Vec<ProjectWork>,
    count: Option<&ProjectCount>,
) -> Project {
    let mut others: BTreeSet<String> = app.node.directories().before(&row.id).into_iter().collect();
    let mut agents = BTreeSet::new();
    if let Some(count) = count {
        others.extend(count.directories.iter().cloned());
        agents.extend(count.agents.iter().cloned());
    }
    let sessions = work.iter().map(|work| work.sessions).sum();
    let last_activity = work.iter().map(|work| work.updated_at).max();
    for work in work {
        agents.insert(work.agent);
        others.insert(work.cwd);
    }
    others.remove(&row.path);
    let paths = std::iter::once(row.path.clone()).chain(others.into_iter().take(PATHS)).collect();
    Project {
        id: row.id.clone(),
        aliases: projects.aliases(&row.path),
        paths,
        path: row.path.clone(),
        title: row.title.clone(),
        sessions,
        conversations: count.map_or(0, |count| count.conversations),
        agents: agents.into_iter().collect(),
        created_at: row.created_at,
        last_activity: last_activity.max(count.map(|count| count.last_activity)),
    }
}

/// Records a directory as a project. The same id and path again is the same project. A directory is one project: if it is recorded
/// already, an id that is new becomes another name of it (`aliases`), and its first id stays.
#[utoipa::path(
    post, path = "/v1/projects", tag = "projects", request_body = CreateProject,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses(
        (status = 201, description = "It is recorded, or has a name that is new.", body = Project),
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
    let mut rows = app.log().projects().await?;
    let (row, new) = to_record(&app, &rows, body.value).await?;
    let is_new = new.iter().any(|new| rows.iter().all(|row| row.id != new.id));
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    for new in &new {
        match rows.iter_mut().find(|row| row.id == new.id) {
            Some(row) => row.clone_from(new),
            None => rows.push(new.clone()),
        }
    }
    let work = app.log().work(Some(&row.id)).await?;
    // Without the index it is told without its past.
    let counts = app.history.ask(|looker| looker.projects()).await.unwrap_or_default();
    let count = counts.iter().find(|count| count.project == row.id.as_str());
    let project = view(&app, &Projects::new(rows), &row, work, count);
    let mut writes: Vec<Write> = new.into_iter().map(Write::Project).collect();
    writes.extend(row_of(&claim, status, &project)?);
    if !writes.is_empty() {
        app.log().put(writes).await?;
        app.node.save_directories().await;
    }
    Ok((status, Json(project)).into_response())
}

/// The project that a request names, and the rows that it makes or changes.
async fn to_record(
    app: &App,
    rows: &[ProjectRow],
    request: CreateProject,
) -> Answer<(ProjectRow, Vec<ProjectRow>)> {
    let id = request.id.as_deref().map(ProjectId::parse).transpose();
    let id = id.map_err(|error| Failure::invalid("id", error.to_string()))?;
    let found = std::fs::canonicalize(&request.path).ok().filter(|path| path.is_dir());
    let no_directory = || Failure::invalid("path", format!("`{}` is not a directory here", request.path));
    let path = found.ok_or_else(no_directory)?.to_string_lossy().into_owned();
    let elsewhere = |row: &ProjectRow| {
        Failure::new(ErrorCode::Conflict, format!("project {} is at {}", row.id, row.path))
    };
    let named = rows.iter().find(|row| Some(&row.id) == id.as_ref()).filter(|row| row.path != path);
    if let Some(named) = named.filter(|named| Path::new(&named.path).exists()) {
        return Err(elsewhere(named));
    }
    let id = id.filter(|_| named.is_none());
    let (mut row, mut new) = app.node.project_called(rows.to_vec(), &path, id).await?;
    // What is not there any more may have been moved here.
    if let Some(named) = named.filter(|named| new.iter().all(|row| row.id != named.id)) {
        return Err(elsewhere(named));
    }
    if request.title.is_some() && request.title != row.title {
        row.title = request.title;
        new.retain(|other| other.id != row.id);
        new.push(row.clone());
    }
    Ok((row, new))
}
