//! The daemon itself: whether it is well, and what it is.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use tenure_api::{Durability, HealthReply, Info, InfoCounts, InfoLimits, Problem};
use tenure_event::AskState;
use tenure_log::EventLog;

use super::app::{App, Shared};
use super::events::MAX_ITEMS;
use super::problem::Answer;

/// Whether the daemon answers. The only path that needs no token.
#[utoipa::path(
    get, path = "/healthz", tag = "daemon",
    responses((status = 200, body = HealthReply), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn healthz(State(app): State<Shared>) -> Json<HealthReply> {
    let status = if app.stopping.is_cancelled() { "stopping" } else { "ok" };
    Json(HealthReply { status: status.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() })
}

/// Version, counts, durability and limits.
#[utoipa::path(
    get, path = "/v1/info", tag = "daemon",
    responses((status = 200, body = Info), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn info(State(app): State<Shared>) -> Answer<Json<Info>> {
    let facts = app.log().facts();
    app.config.look();
    let config = app.config.now();
    let durability = if facts.durability == "process" { Durability::Process } else { Durability::Power };
    Ok(Json(Info {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        node: app.node_name.clone(),
        pid: std::process::id(),
        started_at: app.started_at,
        uptime_seconds: app.started.elapsed().as_secs(),
        counts: counts(&app).await?,
        durability,
        log_generation: facts.generation,
        limits: InfoLimits {
            input_bytes: app.limits.input_bytes,
            body_bytes: app.limits.body_bytes,
            line_bytes: config.sessions.line_bytes,
            page_items: MAX_ITEMS as u64,
        },
        config_warning: app.config.warning(),
    }))
}

/// How many there are.
pub(super) async fn counts(app: &App) -> Answer<InfoCounts> {
    let counts = app.log().counts().await?;
    let by_lifecycle = counts.get("sessions").and_then(serde_json::Value::as_object);
    let mut sessions = 0;
    let mut live = 0;
    for (lifecycle, count) in by_lifecycle.into_iter().flatten() {
        let count = count.as_u64().unwrap_or(0);
        sessions += if lifecycle == "destroyed" { 0 } else { count };
        live += if lifecycle == "live" { count } else { 0 };
    }
    let open_asks = app.log().asks(None, &[AskState::Open], MAX_ITEMS).await?.len() as u64;
    Ok(InfoCounts { live, sessions, open_asks, followers: app.followers.load(Ordering::Relaxed) })
}
