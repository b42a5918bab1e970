//! Forks: new sessions that begin with what was said in another one.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use tenure_api::{Created, ForkSession, Problem};
use tenure_event::{Kind, SessionId};

use super::app::{App, Shared};
use super::extract::{InputBody, Segments};
use super::idempotency::Keyed;
use super::lookup;
use super::problem::Answer;
use super::sessions::{answer, check_begin};
use super::wait::Wait;

/// How long it is waited until the session that was forked has recorded it. It will, also if nobody waits.
const RECORDED_WITHIN: Duration = Duration::from_secs(5);

/// Forks a session: a new one of the same agent, with the same settings, that begins with what was said in this one and
/// goes its own way. This one goes on undisturbed, also in the middle of a turn. The same id and body again is the same
/// session.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/fork", tag = "sessions", request_body = ForkSession,
    params(("id" = String, Path, description = "The session."), ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses(
        (status = 201, body = Created),
        (status = 200, description = "It was forked before, with the same id and body.", body = Created),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn fork(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    keyed: Keyed,
    InputBody(body): InputBody<ForkSession>,
) -> Answer<Response> {
    let (parent, _) = lookup::existing(&app, &id).await?;
    let claim = keyed.claim(&app, &body.hash)?;
    let request = body.value;
    check_begin(request.id.as_deref(), request.input.as_ref(), request.start != Some(false), request.wait)?;
    let (wait, has_input) = (request.wait, request.input.is_some());
    let outcome = app.node.fork(&parent, request, claim.key()).await?;
    recorded(&app, &parent, &outcome.session_id).await?;
    let (status, created) = answer(&app, outcome, wait, has_input).await?;
    Ok((status, Json::<Created>(created)).into_response())
}

async fn recorded(app: &App, parent: &SessionId, child: &SessionId) -> Answer<()> {
    let types = ["session.forked", "session.destroyed"];
    let (log, stopping) = (app.log(), &app.stopping);
    let at_most = Some(RECORDED_WITHIN);
    let wait = Wait { log, session: parent, after: 0, types: &types, at_most, stopping };
    let is_it = |event: &tenure_event::Event| match &event.kind {
        Kind::SessionForked(data) => (data.child == *child).then_some(()),
        Kind::SessionDestroyed(_) => Some(()),
        _ => None,
    };
    wait.until(is_it).await.map(|_| ())
}
