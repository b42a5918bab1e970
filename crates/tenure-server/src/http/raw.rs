//! What an agent wrote, byte for byte, and parts that were too large for their event.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use tenure_api::{ErrorCode, Problem, RawPage};
use tenure_log::EventLog;
use utoipa::IntoParams;

use super::app::Shared;
use super::events::position;
use super::extract::{Params, Segments};
use super::lookup;
use super::problem::{Answer, Failure};

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct RawParams {
    /// Only lines that begin after this offset.
    #[serde(default, deserialize_with = "known_position")]
    after: Option<u64>,
    /// The process that `after` is an offset of, as the page before told it. If another one has taken its place since,
    /// the answer is `cursor_expired`.
    generation: Option<u32>,
}

fn known_position<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    position(from).map(Some)
}

/// The agent's own lines, the last 16 MB of them.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/raw", tag = "events",
    params(("id" = String, Path, description = "The session."), RawParams),
    responses((status = 200, body = RawPage), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn raw(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<RawParams>,
) -> Answer<Json<RawPage>> {
    let (id, _) = lookup::existing(&app, &id).await?;
    if params.generation.is_some_and(|generation| i32::try_from(generation).is_err()) {
        return Err(Failure::invalid("generation", "processes are counted from 1; none has such a number"));
    }
    Ok(Json(app.node.raw(&id, params.after, params.generation).await?))
}

/// The bytes of a part that was too large for its event.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/blobs/{hash}", tag = "events",
    params(("id" = String, Path, description = "The session."), ("hash" = String, Path, description = "The part's `blob`.")),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn blob(
    State(app): State<Shared>,
    Segments((id, hash)): Segments<(String, String)>,
) -> Answer<Response> {
    let (id, _) = lookup::readable(&app, &id).await?;
    let found = app.log().blob(&id, &hash).await?;
    let none = || Problem::new(ErrorCode::NotFound, format!("session {id} has no blob `{hash}`")).about(&id);
    let bytes = found.ok_or_else(none)?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}
