//! A session's settings: what they are, and changing them while it lives.

use axum::Json;
use axum::extract::State;
use tenure_api::{ConfigPatch, ErrorCode, Problem, SessionConfig};
use tenure_core::{Reply, Request, Until};

use super::app::Shared;
use super::extract::{Body, Segments};
use super::problem::{Answer, Failure};
use super::{answers, lookup, verbs};

/// Model, mode, effort and permissions in force.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/config", tag = "control",
    params(("id" = String, Path, description = "The session.")),
    responses((status = 200, body = SessionConfig), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn get(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
) -> Answer<Json<SessionConfig>> {
    let (id, _) = lookup::existing(&app, &id).await?;
    Ok(Json(app.node.inside(&id).await?.config))
}

/// Changes what is given. With a running agent it answers when the agent has answered; without one the next process
/// starts with it. Each change is a `config.changed`.
#[utoipa::path(
    patch, path = "/v1/sessions/{id}/config", tag = "control", request_body = ConfigPatch,
    params(("id" = String, Path, description = "The session.")),
    responses((status = 200, body = SessionConfig), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn patch(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    body: Body<ConfigPatch>,
) -> Answer<Json<SessionConfig>> {
    let (id, row) = lookup::existing(&app, &id).await?;
    let patch = body.value;
    let inside = app.node.inside(&id).await?;
    if let Some(mode) = &patch.mode
        && app.node.is_bypass(&row.agent, mode)
        && !inside.config.permissions.allow_bypass
    {
        let what = format!(
            "mode `{mode}` lets {} act without asking; only a session created with `permissions.allow_bypass: true` may",
            row.agent
        );
        return Err(Problem { field: Some("mode".into()), ..Problem::new(ErrorCode::Forbidden, what) }.into());
    }
    if patch.limits.is_some_and(|limits| limits.cost_usd.is_some_and(|usd| usd > 0.0)) {
        let field = |problem| Problem { field: Some("limits.cost_usd".into()), ..problem };
        app.node.may_limit_cost(&row.agent).map_err(field)?;
    }
    if patch.model.is_some() || patch.mode.is_some() || patch.effort.is_some() {
        verbs::past_its_start(&app, &id).await?;
    }
    let reply = app.node.call(&id, Request::Configure(Box::new(patch)), None).await?;
    let Reply::Done { seq, until, .. } = reply else {
        return Err(Failure::new(ErrorCode::Internal, "the session answered something else than was asked"));
    };
    if !matches!(until, Until::Now) {
        answers::told(&app, &id, seq, until).await?;
    }
    Ok(Json(app.node.inside(&id).await?.config))
}
