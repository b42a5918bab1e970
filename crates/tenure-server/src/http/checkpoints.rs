//! Checkpoints of a session's files: list, take, compare.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use tenure_api::{Checkpoint, CheckpointDiff, CreateCheckpoint, Page, Problem};
use tenure_event::CheckpointId;
use utoipa::IntoParams;

use super::app::Shared;
use super::events::clamp;
use super::extract::{Body, Params, Segments};
use super::idempotency::Keyed;
use super::lookup;
use super::problem::{Answer, Failure};
use crate::node::Against;

/// Longest label, in characters.
const LABEL_CHARS: usize = 200;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    /// At most so many (default 100, at most 1000).
    limit: Option<usize>,
    /// Where the last page ended.
    cursor: Option<String>,
}

/// Checkpoints, newest first. With `parent` they are a tree: a way back begins a new branch.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/checkpoints", tag = "checkpoints",
    params(("id" = String, Path, description = "The session."), ListParams),
    responses((status = 200, body = Page<Checkpoint>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<ListParams>,
) -> Answer<Json<Page<Checkpoint>>> {
    let limit = clamp(params.limit)?;
    let (id, _) = lookup::existing(&app, &id).await?;
    let before = match params.cursor.as_deref().map(str::parse::<u64>) {
        Some(Ok(seq)) => seq,
        Some(Err(_)) => return Err(Failure::invalid("cursor", "it is not one that a page gave")),
        None => u64::MAX,
    };
    let all = app.node.checkpoints(&id).await?.into_iter().rev();
    let mut items: Vec<Checkpoint> = all.filter(|c| c.seq.0 < before).take(limit + 1).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| last.seq.0.to_string());
    Ok(Json(Page { items, next }))
}

/// Records the files as they are now, whatever their number.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/checkpoints", tag = "checkpoints", request_body = CreateCheckpoint,
    params(("id" = String, Path, description = "The session."), ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses((status = 201, body = Checkpoint), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn create(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    keyed: Keyed,
    body: Body<CreateCheckpoint>,
) -> Answer<Response> {
    let label = body.value.label.filter(|label| !label.is_empty());
    if label.as_ref().is_some_and(|label| label.chars().count() > LABEL_CHARS) {
        return Err(Failure::invalid("label", format!("it has more than {LABEL_CHARS} characters")));
    }
    let (id, _) = lookup::existing(&app, &id).await?;
    let claim = keyed.claim(&app, &body.hash)?;
    let made = app.node.take_checkpoint(&id, label, claim.key()).await?;
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

/// With what to compare.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct DiffParams {
    /// `previous` (the default: what its turn changed, or what changed since the checkpoint that it follows on),
    /// `workspace` (what changed since), or another checkpoint's id (what changed from there to here).
    against: Option<String>,
}

/// What differs between a checkpoint and another state: text by lines, other files by size.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/checkpoints/{checkpoint_id}/diff", tag = "checkpoints",
    params(("id" = String, Path, description = "The session."), ("checkpoint_id" = String, Path, description = "The checkpoint."), DiffParams),
    responses((status = 200, body = CheckpointDiff), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn diff(
    State(app): State<Shared>,
    Segments((id, checkpoint)): Segments<(String, String)>,
    Params(params): Params<DiffParams>,
) -> Answer<Json<CheckpointDiff>> {
    let (id, _) = lookup::existing(&app, &id).await?;
    let against =
        match params.against.as_deref() {
            None | Some("previous") => Against::Previous,
            Some("workspace") => Against::Workspace,
            Some(other) => Against::Checkpoint(CheckpointId::parse(other).map_err(|_| {
                Failure::invalid("against", "give `previous`, `workspace` or a checkpoint's id")
            })?),
        };
    Ok(Json(app.node.compare_checkpoint(&id, &checkpoint, against).await?))
}
