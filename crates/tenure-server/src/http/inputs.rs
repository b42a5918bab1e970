//! Inputs: sent, seen, changed and taken back.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tenure_api::{
    EditInput, ErrorCode, InputView, Page, Problem, Receipt, SendInput, SendReply, SendWait, TurnResult,
    VerbReply,
};
use tenure_core::{Admit, Reply, Request};
use tenure_event::{Event, InputHow, InputId, Kind, Seq, SessionId, SuspendedBy, TurnId};
use tenure_log::{EventLog, InputRow};
use utoipa::IntoParams;

use super::app::{App, Shared};
use super::events::clamp;
use super::extract::{InputBody, Params, Segments};
use super::idempotency::Keyed;
use super::problem::{Answer, Failure};
use super::wait::Wait;
use super::{conversation, lookup, verbs, whole};
use crate::clock;
use crate::hex::hex;

/// Sends an input. The same id again is the same input and waits for the same turn.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/inputs", tag = "inputs", request_body = SendInput,
    params(("id" = String, Path, description = "The session."), ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses(
        (status = 202, description = "It is stored (`wait: accepted`).", body = Receipt),
        (status = 200, description = "A receipt with its turn (`wait: started`), or the result (`wait: finished`).", body = SendReply),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn send(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    keyed: Keyed,
    InputBody(body): InputBody<SendInput>,
) -> Answer<Response> {
    let id = lookup::awake(&app, &id).await?;
    admitted(&app, &id, keyed, &body.hash, body.value).await
}

/// Admits an input and waits as long as its request says.
pub(super) async fn admitted(
    app: &Shared,
    id: &SessionId,
    keyed: Keyed,
    hash: &str,
    request: SendInput,
) -> Answer<Response> {
    let claim = keyed.claim(app, hash)?;
    let wait = request.wait;
    let admit = admit(request)?;
    // Listened to from before its first event on, what is waited for need not be read from the disk.
    let _listening = (wait != SendWait::Accepted).then(|| app.log().tail(id));
    let Reply::Admitted(mut receipt) = app.node.call(id, Request::Admit(admit), claim.key()).await? else {
        return Err(Failure::new(ErrorCode::Internal, "the session answered something else than was asked"));
    };
    match wait {
        SendWait::Accepted => Ok((StatusCode::ACCEPTED, Json(receipt)).into_response()),
        _ if receipt.turn_id.is_none() && is_held(app, id, &receipt).await? => {
            Err(held(id, &receipt.input_id))
        }
        SendWait::Started => {
            receipt.turn_id = Some(taken_in(app, id, &receipt).await?);
            Ok(Json(receipt).into_response())
        }
        SendWait::Finished => Ok(Json(finished(app, id, &receipt).await?).into_response()),
    }
}

pub(super) fn admit(request: SendInput) -> Answer<Admit> {
    if request.input.is_blank() {
        return Err(Failure::invalid("input", "the input says nothing"));
    }
    let minted = request.id.is_none();
    let input_id = match request.id.as_deref() {
        Some(id) => InputId::parse(id).map_err(|error| Failure::invalid("id", error.to_string()))?,
        None => InputId::from_uuid(clock::new_uuid()),
    };
    let parts = request.input.into_parts("part");
    // The hash covers what is said and how, not until when the caller waits.
    let said = json!([parts, request.delivery, request.model, request.effort]);
    let body_hash = hex(&Sha256::digest(said.to_string()));
    let parts = parts.into_iter().enumerate().map(|(i, mut part)| {
        part.id = format!("{input_id}.{i}");
        part
    });
    let (delivery, model, effort) = (request.delivery, request.model, request.effort);
    Ok(Admit { parts: parts.collect(), input_id, delivery, model, effort, body_hash, minted })
}

/// How a wait for an input ends.
enum End {
    /// A turn has taken it in, or has ended with it.
    Turn(TurnId),
    Cancelled {
        reason: String,
        seq: Seq,
    },
    Destroyed,
    /// It waits until a limit is raised; told here.
    Held {
        seq: Seq,
    },
}

/// What is read while an input is waited for.
const TYPES: [&str; 5] =
    ["input.started", "input.cancelled", "turn.completed", "session.destroyed", "session.suspended"];

/// Waits until a turn has taken the input in.
async fn taken_in(app: &App, id: &SessionId, receipt: &Receipt) -> Answer<TurnId> {
    let own = &receipt.input_id;
    let end = end_of(app, id, receipt, |event| match &event.kind {
        Kind::InputStarted(data) if data.input_id == *own => Some(End::Turn(data.turn_id.clone())),
        Kind::TurnCompleted(data) if data.input_ids.contains(own) => Some(End::Turn(data.turn_id.clone())),
        _ => other_end(event, own),
    });
    turn_of(app, id, own, end.await?).await
}

/// Waits until the turn that took the input in has ended; its result.
pub(super) async fn finished(app: &App, id: &SessionId, receipt: &Receipt) -> Answer<TurnResult> {
    let own = &receipt.input_id;
    let (mut turn, mut from) = (None, 0);
    let end = end_of(app, id, receipt, |event| match &event.kind {
        Kind::InputStarted(data) if data.input_id == *own => {
            // A turn that was running began before the input.
            from = if data.how == InputHow::Turn { receipt.seq.0 } else { 0 };
            turn = Some(data.turn_id.clone());
            None
        }
        Kind::TurnCompleted(data) => {
            let listed = data.input_ids.contains(own);
            let same = data.input_ids.is_empty() && turn.as_ref() == Some(&data.turn_id);
            (listed || same).then(|| End::Turn(data.turn_id.clone()))
        }
        // The turn that reached the limit ends before this is told.
        Kind::SessionSuspended(_) if turn.is_some() => None,
        _ => other_end(event, own),
    });
    let end = end.await?;
    let turn_id = turn_of(app, id, own, end).await?;
    if turn.as_ref() != Some(&turn_id) {
        from = 0;
    }
    let result = conversation::result(app.log(), id, &turn_id, from).await?;
    result.ok_or_else(|| Failure::new(ErrorCode::Internal, format!("turn {turn_id} has no end in the log")))
}

/// Waits for the end that `ends` sees. A limit that was raised since is none.
async fn end_of(
    app: &App,
    id: &SessionId,
    receipt: &Receipt,
    mut ends: impl FnMut(&Event) -> Option<End>,
) -> Answer<Option<End>> {
    let mut after = receipt.seq.0;
    loop {
        match waiting(app, id, after, &TYPES).until(&mut ends).await? {
            Some(End::Held { seq }) if !is_held(app, id, receipt).await? => after = seq.0,
            end => return Ok(end),
        }
    }
}

fn other_end(event: &Event, own: &InputId) -> Option<End> {
    match &event.kind {
        Kind::InputCancelled(data) if data.input_id == *own => {
            Some(End::Cancelled { reason: data.reason.clone(), seq: event.seq })
        }
        Kind::SessionDestroyed(_) => Some(End::Destroyed),
        Kind::SessionSuspended(data) if data.by == SuspendedBy::Limit => Some(End::Held { seq: event.seq }),
        _ => None,
    }
}

async fn turn_of(app: &App, id: &SessionId, own: &InputId, end: Option<End>) -> Answer<TurnId> {
    match end {
        Some(End::Turn(turn_id)) => Ok(turn_id),
        Some(End::Destroyed) => Err(lookup::destroyed(id)),
        Some(End::Held { .. }) => Err(held(id, own)),
        Some(End::Cancelled { reason, seq }) if reason == "failed" => {
            Err(verbs::failure_after(app, id, seq).await?.unwrap_or_else(|| cancelled(id, own, &reason)))
        }
        Some(End::Cancelled { reason, .. }) => Err(cancelled(id, own, &reason)),
        None => Err(super::wait::stopping()),
    }
}

/// Whether the input stays in the queue until a limit is raised.
async fn is_held(app: &App, id: &SessionId, receipt: &Receipt) -> Answer<bool> {
    if app.node.stored(id).await?.limit_reached.is_none() {
        return Ok(false);
    }
    let row = app.log().input(id, &receipt.input_id).await?;
    Ok(row.is_some_and(|row| row.state == "queued"))
}

/// An input that is kept, and that nobody should wait for.
fn held(id: &SessionId, input: &InputId) -> Failure {
    let detail = format!(
        "input {input} is kept in the queue: a limit of session {id} is reached. It is served once the limit is raised \
         (PATCH /v1/sessions/{id}/config, `limits`); ask again with the same id to wait for it then"
    );
    Problem::new(ErrorCode::Conflict, detail)
        .about(id)
        .with_data(json!({"input_id": input, "reason": "limit"}))
        .into()
}

fn cancelled(id: &SessionId, input: &InputId, reason: &str) -> Failure {
    let code = match reason {
        "closed" => ErrorCode::Closed,
        "destroyed" => ErrorCode::Destroyed,
        _ => ErrorCode::Conflict,
    };
    let detail = format!("input {input} was cancelled ({reason}) before a turn took it in");
    Problem::new(code, detail).about(id).with_data(json!({"input_id": input, "reason": reason})).into()
}

fn waiting<'a>(
    app: &'a App,
    session: &'a SessionId,
    after: u64,
    types: &'a [&'a str],
) -> Wait<'a, tenure_log::SqliteLog> {
    Wait { log: app.log(), session, after, types, at_most: None, stopping: &app.stopping }
}

/// How many.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct InputsParams {
    /// At most so many (default 100, at most 1000).
    limit: Option<usize>,
}

/// Queued and recent inputs, newest first.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/inputs", tag = "inputs",
    params(("id" = String, Path, description = "The session."), InputsParams),
    responses((status = 200, body = Page<InputView>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<InputsParams>,
) -> Answer<Json<Page<InputView>>> {
    let (id, _) = lookup::existing(&app, &id).await?;
    let mut items = Vec::new();
    for row in app.log().inputs(&id, clamp(params.limit)?).await? {
        items.push(view(&app, &row).await?);
    }
    Ok(Json(Page { items, next: None }))
}

async fn view(app: &App, row: &InputRow) -> Answer<InputView> {
    let read = serde_json::from_str::<InputView>(&row.view);
    let mut view = read.map_err(|error| {
        Failure::new(ErrorCode::Internal, format!("the stored input {} cannot be read: {error}", row.id))
    })?;
    view.state.clone_from(&row.state);
    view.turn_id.clone_from(&row.turn_id);
    whole::parts(app.log(), &row.session_id, &mut view.parts).await?;
    Ok(view)
}

/// An input that waits; one that waits no more cannot be changed or taken back.
async fn named(app: &App, session: &str, input: &str) -> Answer<(SessionId, InputId)> {
    let (id, _) = lookup::existing(app, session).await?;
    let unknown =
        || Problem::new(ErrorCode::NotFound, format!("session {id} has no input `{input}`")).about(&id);
    let input_id = InputId::parse(input).map_err(|_| unknown())?;
    let row = app.log().input(&id, &input_id).await?.ok_or_else(unknown)?;
    if row.state != "queued" {
        let detail = format!(
            "input {input_id} waits no more, it is {}; `interrupt` ends the turn of one that was started",
            row.state
        );
        return Err(Problem::new(ErrorCode::Conflict, detail).about(&id).into());
    }
    Ok((id, input_id))
}

/// Changes what a queued input says.
#[utoipa::path(
    patch, path = "/v1/sessions/{id}/inputs/{input_id}", tag = "inputs", request_body = EditInput,
    params(("id" = String, Path, description = "The session."), ("input_id" = String, Path, description = "The input.")),
    responses((status = 200, body = InputView), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn edit(
    State(app): State<Shared>,
    Segments((id, input)): Segments<(String, String)>,
    InputBody(body): InputBody<EditInput>,
) -> Answer<Json<InputView>> {
    if body.value.input.is_blank() {
        return Err(Failure::invalid("input", "the input says nothing"));
    }
    let (id, input_id) = named(&app, &id, &input).await?;
    let parts = body.value.input.into_parts(input_id.as_str());
    app.node.call(&id, Request::EditInput { input_id: input_id.clone(), parts }, None).await?;
    let row = app.log().input(&id, &input_id).await?;
    let gone = || Failure::new(ErrorCode::NotFound, format!("there is no input {input_id} any more"));
    Ok(Json(view(&app, &row.ok_or_else(gone)?).await?))
}

/// Takes a queued input back.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}/inputs/{input_id}", tag = "inputs",
    params(("id" = String, Path, description = "The session."), ("input_id" = String, Path, description = "The input.")),
    responses((status = 200, body = VerbReply), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn cancel(
    State(app): State<Shared>,
    Segments((id, input)): Segments<(String, String)>,
) -> Answer<Json<VerbReply>> {
    let (id, input_id) = named(&app, &id, &input).await?;
    let reply = app.node.call(&id, Request::CancelInput(input_id), None).await?;
    let Reply::Done { hit, .. } = reply else {
        return Err(Failure::new(ErrorCode::Internal, "the session answered something else than was asked"));
    };
    Ok(Json(VerbReply { hit, remained: Vec::new(), session: app.node.view(&id).await? }))
}
