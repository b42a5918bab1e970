//! Processes that Tenure started, and what they left behind.

use axum::Json;
use axum::extract::State;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use tenure_api::{ErrorCode, Page, Problem, Process, ProcessKind, ProcessState, Reaped};
use tenure_log::{EventLog, IdempotencyRow, Write};
use utoipa::ToSchema;

use super::app::Shared;
use super::extract::{Body, Segments};
use super::idempotency::Keyed;
use super::lookup;
use super::problem::{Answer, Failure};
use crate::clock;

/// Every process: running ones, ended ones that were not reaped, orphans.
#[utoipa::path(
    get, path = "/v1/processes", tag = "processes",
    responses((status = 200, body = Page<Process>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(State(app): State<Shared>) -> Json<Page<Process>> {
    Json(Page { items: app.node.processes().await, next: None })
}

/// Nothing can be chosen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Takes ended processes off the list and ends orphans. Each is returned once; an agent of a live session
/// is never touched.
#[utoipa::path(
    post, path = "/v1/processes/reap", tag = "processes",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses((status = 200, body = Reaped), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn reap(
    State(app): State<Shared>,
    keyed: Keyed,
    body: Body<Nothing>,
) -> Answer<([(http::HeaderName, &'static str); 1], String)> {
    const JSON: [(http::HeaderName, &str); 1] = [(CONTENT_TYPE, "application/json")];
    let Nothing {} = body.value;
    let claim = keyed.claim(&app, &body.hash)?;
    let Some(key) = claim.key() else {
        return Ok((JSON, json(&Reaped { items: app.node.reap().await })?));
    };
    if let Some(row) = app.log().idempotency(&key.key, clock::now()).await? {
        let other = "this Idempotency-Key was used with another body";
        let same = row.body_hash == key.body_hash;
        return if same { Ok((JSON, row.body)) } else { Err(Failure::new(ErrorCode::Conflict, other)) };
    }
    // Processes have no transaction to share: a crash between the two lines reaps again, which finds less.
    let reply = json(&Reaped { items: app.node.reap().await })?;
    let (at, body) = (clock::now(), reply.clone());
    let row = IdempotencyRow { key: key.key, body_hash: key.body_hash, status: 200, body, at };
    app.log().put(vec![Write::Idempotency(row)]).await?;
    Ok((JSON, reply))
}

fn json(value: &impl serde::Serialize) -> Answer<String> {
    serde_json::to_string(value).map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))
}

/// The process of a session: the running one, else the last one that was not reaped.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/process", tag = "processes",
    params(("id" = String, Path, description = "The session.")),
    responses((status = 200, body = Process), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn of_session(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
) -> Answer<Json<Process>> {
    let (id, _) = lookup::existing(&app, &id).await?;
    let mut own = app.node.processes().await;
    own.retain(|process| process.session_id.as_ref() == Some(&id) && process.kind == ProcessKind::Agent);
    own.sort_by_key(|process| (process.state == ProcessState::Running, process.started_at));
    let none = || {
        let detail = format!("session {id} has no process; an input or `resume` starts one");
        Problem::new(ErrorCode::NotFound, detail).about(&id)
    };
    Ok(Json(own.pop().ok_or_else(none)?))
}
