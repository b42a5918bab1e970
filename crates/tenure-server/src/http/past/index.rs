//! How far the index of the past is, and having it made anew.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tenure_api::{IndexState, Problem};
use utoipa::IntoParams;

use crate::http::app::Shared;
use crate::http::extract::Params;
use crate::http::problem::{Answer, Failure};

/// The longest wait for the index, in milliseconds.
const MOST_WAIT_MS: u64 = 60_000;

/// Whether to wait.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct IndexParams {
    /// Wait so long, at most a minute, until everything is read that is there now.
    #[serde(default)]
    #[param(maximum = 60_000)]
    wait_ms: u64,
}

/// How far the index of the past is.
#[utoipa::path(
    get, path = "/v1/index", tag = "history", params(IndexParams),
    responses((status = 200, body = IndexState), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(in crate::http) async fn index(
    State(app): State<Shared>,
    Params(params): Params<IndexParams>,
) -> Answer<Json<IndexState>> {
    if params.wait_ms > MOST_WAIT_MS {
        return Err(Failure::invalid("wait_ms", format!("give at most {MOST_WAIT_MS}")));
    }
    if params.wait_ms > 0 && app.history.is_enabled() {
        app.history.settle(Duration::from_millis(params.wait_ms)).await;
    }
    Ok(Json(app.history.index_state().await?))
}

/// Throws the index of the past away and reads everything again. Nothing else is lost by it.
#[utoipa::path(
    post, path = "/v1/index/rebuild", tag = "history",
    responses((status = 202, body = IndexState), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(in crate::http) async fn rebuild(State(app): State<Shared>) -> Answer<Response> {
    app.history.rebuild();
    let state = app.history.index_state().await?;
    Ok((http::StatusCode::ACCEPTED, Json(state)).into_response())
}
