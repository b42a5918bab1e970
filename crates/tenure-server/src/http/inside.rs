//! What a session has done and is about to do: counts, and the agent's list of things to do.

use axum::Json;
use axum::extract::State;
use tenure_api::{Metrics, Page, Problem};
use tenure_event::Todo;

use super::app::Shared;
use super::extract::Segments;
use super::lookup;
use super::problem::Answer;

/// Counts, tokens and cost since the session was created.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/metrics", tag = "sessions",
    params(("id" = String, Path, description = "The session.")),
    responses((status = 200, body = Metrics), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn metrics(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
) -> Answer<Json<Metrics>> {
    let (id, _) = lookup::existing(&app, &id).await?;
    Ok(Json(app.node.inside(&id).await?.metrics))
}

/// Things to do, as the agent told them last.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/todos", tag = "sessions",
    params(("id" = String, Path, description = "The session.")),
    responses((status = 200, body = Page<Todo>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn todos(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
) -> Answer<Json<Page<Todo>>> {
    let (id, _) = lookup::existing(&app, &id).await?;
    Ok(Json(Page { items: app.node.inside(&id).await?.todos, next: None }))
}
