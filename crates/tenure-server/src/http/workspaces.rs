//! Workspaces: where sessions work; and the work of one that is a git worktree: seen, merged, discarded.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use tenure_api::{
    DiscardWorkspace, Discarded, MergeWorkspace, Merged, Page, Problem, Workspace, WorkspaceDiff,
};
use tenure_event::WorkspaceId;
use tenure_log::EventLog;
use utoipa::IntoParams;

use super::app::Shared;
use super::events::clamp;
use super::extract::{Body, Params, Segments};
use super::idempotency::{Keyed, answered, remembered};
use super::problem::{Answer, Failure};

/// Where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkspaceParams {
    /// Only `directory`, `scratch`, `copy` or `worktree`.
    kind: Option<String>,
    /// Also what Tenure made and has removed since.
    #[serde(default)]
    gone: bool,
    /// `next` of the page before.
    cursor: Option<String>,
    /// At most so many (default 100, at most 1000).
    limit: Option<usize>,
}

/// Workspaces, oldest first. A page may have fewer than `limit` and still a `next`.
#[utoipa::path(
    get, path = "/v1/workspaces", tag = "workspaces", params(WorkspaceParams),
    responses((status = 200, body = Page<Workspace>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(app): State<Shared>,
    Params(params): Params<WorkspaceParams>,
) -> Answer<Json<Page<Workspace>>> {
    let limit = clamp(params.limit)?;
    if params
        .kind
        .as_deref()
        .is_some_and(|kind| !["directory", "scratch", "copy", "worktree"].contains(&kind))
    {
        return Err(Failure::invalid("kind", "give `directory`, `scratch`, `copy` or `worktree`"));
    }
    let wrong = |_| Failure::invalid("cursor", "pass the `next` of the page before, as it is");
    let after = params.cursor.as_deref().map(WorkspaceId::parse).transpose().map_err(wrong)?;
    let mut rows = app.log().workspaces(after.as_ref(), limit + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    let mut items = Vec::new();
    for row in rows.into_iter().filter(|row| params.kind.as_ref().is_none_or(|kind| *kind == row.kind)) {
        let seen = app.node.workspace_view(row, false).await?;
        if seen.present || !seen.owned || params.gone {
            items.push(seen);
        }
    }
    Ok(Json(Page { items, next }))
}

/// A workspace. Of a worktree it is told, too, what would be lost with it.
#[utoipa::path(
    get, path = "/v1/workspaces/{id}", tag = "workspaces",
    params(("id" = String, Path, description = "The workspace.")),
    responses((status = 200, body = Workspace), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn get(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
) -> Answer<Json<Workspace>> {
    let row = app.node.workspace_row(&id).await?;
    Ok(Json(app.node.workspace_view(row, true).await?))
}

/// What a worktree has that its base has not: committed or not, tracked or not.
#[utoipa::path(
    get, path = "/v1/workspaces/{id}/diff", tag = "workspaces",
    params(("id" = String, Path, description = "The workspace.")),
    responses((status = 200, body = WorkspaceDiff), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn diff(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
) -> Answer<Json<WorkspaceDiff>> {
    let row = app.node.workspace_row(&id).await?;
    Ok(Json(app.node.workspace_diff(row).await?))
}

/// Merges the work of a worktree into a branch. Where the branch is checked out its files go along, which must be clean.
/// A conflict is told, and nothing is changed then.
#[utoipa::path(
    post, path = "/v1/workspaces/{id}/merge", tag = "workspaces", request_body = MergeWorkspace,
    params(("id" = String, Path, description = "The workspace."), ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses((status = 200, body = Merged), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn merge(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    keyed: Keyed,
    body: Body<MergeWorkspace>,
) -> Answer<Response> {
    let row = app.node.workspace_row(&id).await?;
    let claim = keyed.claim(&app, &body.hash)?;
    if let Some(known) = remembered(&app, &claim).await? {
        return Ok(known);
    }
    let merged = app.node.merge_workspace(row, body.value).await?;
    answered(&app, &claim, &merged).await
}

/// Removes a worktree and the branch that was made for it. What would be lost is refused by name, unless forced.
#[utoipa::path(
    post, path = "/v1/workspaces/{id}/discard", tag = "workspaces", request_body = DiscardWorkspace,
    params(("id" = String, Path, description = "The workspace."), ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses((status = 200, body = Discarded), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn discard(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    keyed: Keyed,
    body: Body<DiscardWorkspace>,
) -> Answer<Response> {
    let row = app.node.workspace_row(&id).await?;
    let claim = keyed.claim(&app, &body.hash)?;
    if let Some(known) = remembered(&app, &claim).await? {
        return Ok(known);
    }
    let discarded = app.node.discard_workspace(row, body.value).await?;
    answered(&app, &claim, &discarded).await
}
