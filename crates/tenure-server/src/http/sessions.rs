//! Sessions: create, list, look at, change, destroy.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::Deserialize;
use tenure_api::{
    CreateSession, CreateWait, Created, InputContent, Page, Problem, Session, SessionPatch, TokenScope,
    VerbReply, WorkspaceChoice,
};
use tenure_core::{Request, UpdateRequest};
use tenure_event::{ProjectId, SessionId, Timestamp, WorkspaceId};
use tenure_log::{EventLog, SessionFilter, SessionRow};
use utoipa::IntoParams;

use super::app::{App, Shared};
use super::events::{clamp, split};
use super::extract::{Body, InputBody, Params, Segments};
use super::idempotency::Keyed;
use super::problem::{Answer, Failure};
use super::routes::require;
use super::{inputs, lookup, verbs};
use crate::auth::Caller;
use crate::node::CreateOutcome;

/// Creates a session; the same id and body again is the same session.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "sessions", request_body = CreateSession,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses(
        (status = 201, body = Created),
        (status = 200, description = "It was created before, with the same id and body.", body = Created),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    keyed: Keyed,
    InputBody(body): InputBody<CreateSession>,
) -> Answer<Response> {
    let claim = keyed.claim(&app, &body.hash)?;
    let request = body.value;
    check(&request)?;
    check_setup(&request, &caller)?;
    app.config.look();
    let (wait, has_input) = (request.wait, request.input.is_some());
    let outcome = app.node.create(request, claim.key()).await?;
    let (status, created) = answer(&app, outcome, wait, has_input).await?;
    Ok((status, Json(created)).into_response())
}

/// What is told of a session that was created, once what was waited for has come.
pub(super) async fn answer(
    app: &App,
    outcome: CreateOutcome,
    wait: CreateWait,
    has_input: bool,
) -> Answer<(StatusCode, Created)> {
    let id = outcome.session_id;
    let mut result = None;
    match (wait, &outcome.receipt) {
        (CreateWait::Live, _) => verbs::ready(app, &id, 0).await?,
        (CreateWait::Finished, Some(receipt)) => result = Some(inputs::finished(app, &id, receipt).await?),
        _ => {}
    }
    let session = app.node.view(&id).await?;
    let receipt = outcome.receipt.filter(|_| has_input);
    let status = if outcome.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Created { session, receipt, result }))
}

/// A setup is a command, like those of `exec`.
fn check_setup(request: &CreateSession, caller: &Caller) -> Answer<()> {
    match &request.workspace {
        Some(WorkspaceChoice::Worktree { worktree }) if worktree.setup.is_some() => {
            require(caller, TokenScope::Workspace)
        }
        _ => Ok(()),
    }
}

// What the shape alone does not say.
fn check(request: &CreateSession) -> Answer<()> {
    if request.agent.is_empty() {
        return Err(Failure::invalid("agent", "name an agent; GET /v1/agents lists them"));
    }
    let places = [request.cwd.is_some(), request.project.is_some(), request.workspace.is_some()];
    if places.iter().filter(|&&given| given).count() != 1 {
        return Err(Failure::invalid("cwd", "give exactly one of `cwd`, `project` and `workspace`"));
    }
    let starts = request.start != Some(false) && request.draft.is_none();
    check_begin(request.id.as_deref(), request.input.as_ref(), starts, request.wait)
}

/// What every way to a new session has.
pub(super) fn check_begin(
    id: Option<&str>,
    input: Option<&InputContent>,
    starts: bool,
    wait: CreateWait,
) -> Answer<()> {
    if id.is_some_and(|id| !tenure_event::client_id_is_valid(id)) {
        return Err(Failure::invalid("id", "use 1 to 64 of A-Z a-z 0-9 . _ -, but neither `.` nor `..`"));
    }
    if input.is_some_and(InputContent::is_blank) {
        return Err(Failure::invalid("input", "the input says nothing"));
    }
    match wait {
        CreateWait::Live if !starts && input.is_none() => {
            Err(Failure::invalid("wait", "nothing is started, so there is nothing to wait for"))
        }
        CreateWait::Finished if input.is_none() => {
            Err(Failure::invalid("wait", "`finished` needs an `input`, whose turn can finish"))
        }
        _ => Ok(()),
    }
}

/// Which sessions to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ListParams {
    /// Any of these lifecycles, separated by commas; without it all but `destroyed`.
    lifecycle: Option<String>,
    /// Any of these activities, separated by commas.
    activity: Option<String>,
    /// This agent.
    agent: Option<String>,
    /// This project, by any of its ids.
    project: Option<String>,
    /// This directory.
    cwd: Option<String>,
    /// This native id.
    native_id: Option<String>,
    /// This workspace.
    workspace: Option<String>,
    /// Carries this tag.
    tag: Option<String>,
    /// `true`: only archived ones, `any`: also archived ones; without it none.
    archived: Option<String>,
    /// Title or id contains this.
    q: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// At most so many (default 100, at most 1000).
    limit: Option<usize>,
}

/// Sessions, newest activity first.
#[utoipa::path(
    get, path = "/v1/sessions", tag = "sessions", params(ListParams),
    responses((status = 200, body = Page<Session>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(app): State<Shared>,
    Params(params): Params<ListParams>,
) -> Answer<Json<Page<Session>>> {
    let Some(mut filter) = filter(params)? else { return Ok(Json(Page { items: Vec::new(), next: None })) };
    if let Some(named) = &mut filter.project_id
        && let Some(row) = app.node.projects().await?.named(named.as_str())
    {
        named.clone_from(&row.id);
    }
    let page = app.log().sessions(filter).await?;
    let next = page.rows.last().filter(|_| page.more).map(cursor_after);
    let items = page.rows.iter().map(|row| app.node.view_row(row)).collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next }))
}

// None when the filter names something that cannot exist.
fn filter(params: ListParams) -> Answer<Option<SessionFilter>> {
    const LIFECYCLES: [&str; 6] = ["creating", "live", "suspended", "closed", "destroyed", "failed"];
    const ACTIVITIES: [&str; 7] =
        ["idle", "queued", "running", "waiting", "compacting", "interrupting", "stalled"];
    let archived = match params.archived.as_deref() {
        None | Some("false") => Some(false),
        Some("true") => Some(true),
        Some("any") => None,
        Some(_) => return Err(Failure::invalid("archived", "give `true`, `false` or `any`")),
    };
    let ids = (
        params.project.as_deref().map(ProjectId::parse).transpose(),
        params.workspace.as_deref().map(WorkspaceId::parse).transpose(),
    );
    let (Ok(project_id), Ok(workspace_id)) = ids else { return Ok(None) };
    // Sessions keep the canonical directory; one that is gone can only be given so.
    let canonical = |path: String| match std::fs::canonicalize(&path) {
        Ok(found) => found.to_string_lossy().into_owned(),
        Err(_) => path,
    };
    Ok(Some(SessionFilter {
        lifecycle: words("lifecycle", params.lifecycle, &LIFECYCLES)?,
        activity: words("activity", params.activity, &ACTIVITIES)?,
        agent: params.agent,
        project_id,
        cwd: params.cwd.map(canonical),
        native_id: params.native_id,
        native_ids: Vec::new(),
        workspace_id,
        tag: params.tag,
        archived,
        text: params.q.filter(|text| !text.is_empty()),
        after: params.cursor.as_deref().map(read_cursor).transpose()?,
        limit: clamp(params.limit)?,
    }))
}

fn words(field: &str, given: Option<String>, known: &[&str]) -> Answer<Vec<String>> {
    let given = split(given);
    match given.iter().find(|word| !known.contains(&word.as_str())) {
        Some(word) => Err(Failure::invalid(field, format!("`{word}` is not one of {}", known.join(", ")))),
        None => Ok(given),
    }
}

fn cursor_after(row: &SessionRow) -> String {
    cursor(row.updated_at, &row.id)
}

pub(super) fn cursor(at: Timestamp, id: &SessionId) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{id}", at.as_millis()))
}

pub(super) fn read_cursor(text: &str) -> Answer<(Timestamp, SessionId)> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (at, id) = text.split_once('.')?;
        Some((Timestamp::from_millis(at.parse().ok()?), SessionId::parse(id).ok()?))
    };
    read().ok_or_else(|| Failure::invalid("cursor", "pass the `next` of the page before, as it is"))
}

/// One session, with capabilities and process. A destroyed one gives its tombstone.
#[utoipa::path(
    get, path = "/v1/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "The session.")),
    responses((status = 200, body = Session), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn get(State(app): State<Shared>, Segments(id): Segments<String>) -> Answer<Json<Session>> {
    let (id, _) = lookup::session(&app, &id).await?;
    Ok(Json(app.node.view(&id).await?))
}

/// What the agent can do; null before its first handshake.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/capabilities", tag = "sessions",
    params(("id" = String, Path, description = "The session.")),
    responses(
        (status = 200, body = Option<tenure_event::Capabilities>),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn capabilities(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
) -> Answer<Json<Option<tenure_event::Capabilities>>> {
    let (id, _) = lookup::existing(&app, &id).await?;
    Ok(Json(app.node.view(&id).await?.capabilities))
}

/// Changes title, tags, metadata, draft or the archived mark.
#[utoipa::path(
    patch, path = "/v1/sessions/{id}", tag = "sessions", request_body = SessionPatch,
    params(("id" = String, Path, description = "The session.")),
    responses((status = 200, body = Session), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn patch(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    body: Body<SessionPatch>,
) -> Answer<Json<Session>> {
    let (id, _) = lookup::existing(&app, &id).await?;
    let patch = body.value;
    let update = UpdateRequest {
        title: patch.title,
        tags: patch.tags,
        metadata: patch.metadata,
        archived: patch.archived,
        draft: patch.draft.map(draft_text).transpose()?,
    };
    app.node.call(&id, Request::Update(Box::new(update)), None).await?;
    Ok(Json(app.node.view(&id).await?))
}

fn draft_text(draft: InputContent) -> Answer<String> {
    match draft {
        InputContent::Plain(text) | InputContent::Text { text } => Ok(text),
        InputContent::Parts { .. } => Err(Failure::invalid("draft", "a draft is text")),
    }
}

/// What to keep.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct DestroyParams {
    /// The events stay readable.
    #[serde(default)]
    keep_transcript: bool,
}

/// Destroys a session: process and data go, a tombstone stays. A directory that Tenure did not make is
/// never touched.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "The session."), DestroyParams),
    responses((status = 200, body = VerbReply), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn destroy(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<DestroyParams>,
) -> Answer<Json<VerbReply>> {
    let (id, _) = lookup::existing(&app, &id).await?;
    let request = Request::Destroy { keep_transcript: params.keep_transcript };
    let reply = app.node.call(&id, request, None).await?;
    Ok(Json(verbs::destroyed(&app, &id, reply).await?))
}
