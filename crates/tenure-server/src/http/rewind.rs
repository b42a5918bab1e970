//! Ways back: planned, made, undone. Each answers when it is done; what it waits for is an event in the log.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use tenure_api::{
    ErrorCode, Problem, RewindHow, RewindPlan, RewindRequest, RewindScope, RewindTo, RewindToKind,
};
use tenure_event::{Kind, RewindId, Seq, SessionId};

use super::app::{App, Shared};
use super::extract::{Body, Segments};
use super::idempotency::Keyed;
use super::lookup;
use super::problem::{Answer, Failure};
use super::wait::Wait;
use crate::node::rewound;

/// How long a way back may take until its caller is told to look later.
const WITHIN: Duration = Duration::from_secs(600);

/// Takes files back to what they were, or what was said, or both. Of files only what turns of this session changed since, and only where nobody else
/// has been. Everything else that differs is a conflict, and left.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/rewind", tag = "checkpoints", request_body = RewindRequest,
    params(("id" = String, Path, description = "The session."), ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses((status = 200, body = RewindPlan), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn rewind(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    keyed: Keyed,
    body: Body<RewindRequest>,
) -> Answer<Json<RewindPlan>> {
    let RewindRequest { to, scope, dry_run, force } = body.value;
    let (id, _) = lookup::existing(&app, &id).await?;
    go(&app, &id, keyed, &body.hash, (&to, scope), RewindHow { dry_run, force }).await
}

/// Takes files back to what a checkpoint holds: the same as a rewind to it.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/checkpoints/{checkpoint_id}/restore", tag = "checkpoints", request_body = RewindHow,
    params(("id" = String, Path, description = "The session."), ("checkpoint_id" = String, Path, description = "The checkpoint."), ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses((status = 200, body = RewindPlan), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn restore(
    State(app): State<Shared>,
    Segments((id, checkpoint)): Segments<(String, String)>,
    keyed: Keyed,
    body: Body<RewindHow>,
) -> Answer<Json<RewindPlan>> {
    let (id, _) = lookup::existing(&app, &id).await?;
    let to = RewindTo::Kind(RewindToKind::Checkpoint(checkpoint));
    go(&app, &id, keyed, &body.hash, (&to, RewindScope::Files), body.value).await
}

/// Undoes the last way back: what it changed becomes what it was, where nobody has changed it since.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/rewind/undo", tag = "checkpoints", request_body = RewindHow,
    params(("id" = String, Path, description = "The session."), ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses((status = 200, body = RewindPlan), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn undo(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    keyed: Keyed,
    body: Body<RewindHow>,
) -> Answer<Json<RewindPlan>> {
    let (id, _) = lookup::existing(&app, &id).await?;
    let RewindHow { dry_run, force } = body.value;
    if dry_run {
        return Ok(Json(app.node.plan_undo(&id, force).await?));
    }
    let claim = keyed.claim(&app, &body.hash)?;
    let (rewind, seq) = app.node.undo_rewind(&id, force, claim.key()).await?;
    Ok(Json(made(&app, &id, &rewind, seq).await?))
}

async fn go(
    app: &Shared,
    id: &SessionId,
    keyed: Keyed,
    hash: &str,
    (to, scope): (&RewindTo, RewindScope),
    how: RewindHow,
) -> Answer<Json<RewindPlan>> {
    if how.dry_run {
        return Ok(Json(app.node.plan_rewind(id, to, scope, how.force).await?));
    }
    let claim = keyed.claim(app, hash)?;
    let (rewind, seq) = app.node.rewind(id, to, scope, how.force, claim.key()).await?;
    Ok(Json(made(app, id, &rewind, seq).await?))
}

/// Waits until a way back is made.
async fn made(app: &App, id: &SessionId, rewind: &RewindId, seq: Seq) -> Answer<RewindPlan> {
    let types = ["rewind.completed", "rewind.undone", "warning.raised", "session.destroyed"];
    let (log, stopping) = (app.log(), &app.stopping);
    let wait = Wait { log, session: id, after: seq.0, types: &types, at_most: Some(WITHIN), stopping };
    let ended = wait.until(|event| match &event.kind {
        Kind::RewindCompleted(data) | Kind::RewindUndone(data) if data.rewind_id == *rewind => {
            Some(Ok(rewound(data.clone())))
        }
        Kind::WarningRaised(data) if data.code == "rewind_failed" => {
            Some(Err(Problem::new(ErrorCode::Storage, data.message.clone()).about(id).into()))
        }
        Kind::SessionDestroyed(_) => Some(Err(lookup::destroyed(id))),
        _ => None,
    });
    let late = || Failure::new(ErrorCode::Timeout, "it goes on; `rewind.completed` tells when it is done");
    ended.await?.ok_or_else(late)?
}
