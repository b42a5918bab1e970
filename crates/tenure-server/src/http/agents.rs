//! Agents that can run sessions.

use axum::Json;
use axum::extract::State;
use tenure_api::{AgentEntry, Page, Problem};

use super::app::Shared;

/// Agents by name: installed or not, where they were looked for, how to get them.
#[utoipa::path(
    get, path = "/v1/agents", tag = "agents",
    responses((status = 200, body = Page<AgentEntry>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(State(app): State<Shared>) -> Json<Page<AgentEntry>> {
    app.config.look();
    Json(Page { items: app.node.agents().await, next: None })
}
