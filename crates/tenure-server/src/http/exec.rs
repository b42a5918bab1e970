//! Commands in a session's directory: run whole or streamed, cancelled by id.
//!
//! Who asks without an `Idempotency-Key` and goes away cancels the command. With one the command belongs to its
//! key: it goes on, and its answer waits for whoever repeats the request.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::body::Body as Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Serialize;
use serde_json::json;
use tenure_api::{ErrorCode, ExecCancelled, ExecRequest, ExecResult, ExecStarted, Problem};
use tenure_event::Timestamp;
use tenure_log::{EventLog, IdempotencyRow, Write};
use tokio::sync::{mpsc, oneshot};

use super::app::{App, Shared};
use super::extract::{Body, Segments};
use super::idempotency::{Claim, Keyed};
use super::lookup;
use super::problem::{Answer, Failure};
use crate::clock;
use crate::exec::{Collected, Piece, Run, Text, bare};
use crate::node::{IdempotencyKey, Ordered};

/// A comment goes out after so much silence.
const SILENCE: Duration = Duration::from_secs(15);
/// Pieces that wait for a slow reader; then the command waits.
const PIECES: usize = 4;
/// The status of a row whose command has not ended: no answer has it.
const RUNNING: u16 = 102;

/// Runs a command where the session works, without its agent.
///
/// Neither `command` nor a hidden shell looks at the words: `command` is program and arguments, `shell` is a text
/// for `/bin/sh -c`. When it ends, what it started ends too. With `Accept: text/event-stream` the answer is
/// `started`, then `stdout` and `stderr` as they come, then `ended` with the result.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/exec", tag = "workspace", request_body = ExecRequest,
    params(
        ("id" = String, Path, description = "The session."),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key."),
    ),
    responses(
        (status = 200, description = "It ended; whatever its exit code. As a stream: frames `event: started` with ExecStarted, `stdout` and `stderr` with ExecOutput, `ended` with ExecResult.",
         content((ExecResult = "application/json"), (String = "text/event-stream"))),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn exec(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    keyed: Keyed,
    headers: HeaderMap,
    body: Body<ExecRequest>,
) -> Answer<Response> {
    let (_, row) = lookup::existing(&app, &id).await?;
    let streams = wants_stream(&headers);
    let claim = keyed.claim(&app, &body.hash)?;
    if let Some(known) = remembered(&app, claim.key()).await? {
        return Ok(if streams { replayed(&known) } else { Json(known).into_response() });
    }
    let ordered = app.node.order(&row, body.value).await?;
    if let Some(key) = claim.key() {
        return of_a_key(app, claim, key, ordered, streams).await;
    }
    let run = app.node.exec(ordered, app.stopping.child_token()).await?;
    if streams {
        return Ok(streamed(started(&run), run.pieces));
    }
    Ok(Json(run.gather().await).into_response())
}

/// Kills a command and its whole tree.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}/exec/{exec_id}", tag = "workspace",
    params(("id" = String, Path, description = "The session."), ("exec_id" = String, Path, description = "The command.")),
    responses(
        (status = 200, body = ExecCancelled),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn cancel(
    State(app): State<Shared>,
    Segments((id, exec_id)): Segments<(String, String)>,
) -> Answer<Json<ExecCancelled>> {
    let (id, _) = lookup::existing(&app, &id).await?;
    Ok(Json(app.node.cancel_exec(&id, &exec_id).await?))
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|kind| kind.split(';').next().unwrap_or_default().trim() == "text/event-stream")
}

fn started(run: &Run) -> ExecStarted {
    ExecStarted { exec_id: run.id.clone(), pid: run.pid }
}

/// The answer that was given to this key before.
async fn remembered(app: &App, key: Option<IdempotencyKey>) -> Answer<Option<ExecResult>> {
    let Some(key) = key else { return Ok(None) };
    let Some(row) = app.log().idempotency(&key.key, clock::now()).await? else { return Ok(None) };
    let conflict = |what: &str| Err(Failure::new(ErrorCode::Conflict, what));
    if row.body_hash != key.body_hash {
        return conflict("this Idempotency-Key was used with another body");
    }
    if row.status == RUNNING {
        return conflict(
            "the daemon ended while the command of this Idempotency-Key ran, and killed it; nobody knows how far \
             it came. Look, then use a new key",
        );
    }
    serde_json::from_str(&row.body).map(Some).map_err(|e| crate::problem::internal(&e.to_string()).into())
}

async fn remember(
    app: &App,
    key: &IdempotencyKey,
    status: u16,
    body: String,
    at: Timestamp,
) -> Result<(), tenure_log::LogError> {
    let IdempotencyKey { key, body_hash } = key.clone();
    let row = IdempotencyRow { key, body_hash, status, body, at };
    app.log().put(vec![Write::Idempotency(row)]).await
}

/// A command that goes on without its reader, and whose answer is kept.
async fn of_a_key(
    app: Shared,
    claim: Claim,
    key: IdempotencyKey,
    ordered: Ordered,
    streams: bool,
) -> Answer<Response> {
    let (tell, told) = oneshot::channel();
    let (tell_begun, begun) = oneshot::channel();
    let (forward, pieces) = mpsc::channel(PIECES);
    let forward = streams.then_some(forward);
    // Nobody waits for it but whoever asks: not even this request's end stops it.
    tokio::spawn(async move {
        let run = match begin(&app, &key, ordered).await {
            Ok(run) => run,
            Err(failure) => {
                drop(claim);
                let _ = tell_begun.send(Err(failure));
                return;
            }
        };
        let _ = tell_begun.send(Ok(started(&run)));
        let result = keep(&app, &key, run, forward).await;
        drop(claim);
        let _ = tell.send(result);
    });
    let lost = |_| Failure::from(crate::problem::internal("the command's answer was lost"));
    let first = begun.await.map_err(lost)??;
    if streams {
        return Ok(streamed(first, pieces));
    }
    Ok(Json(told.await.map_err(lost)?).into_response())
}

/// Starts a command that is noted before: it is not started again, whatever becomes of the daemon in between.
async fn begin(app: &App, key: &IdempotencyKey, ordered: Ordered) -> Answer<Run> {
    remember(app, key, RUNNING, String::new(), clock::now()).await?;
    let run = app.node.exec(ordered, app.stopping.child_token()).await;
    if run.is_err() {
        // It did not run: its key is as one that was used long ago.
        let freed = remember(app, key, RUNNING, String::new(), Timestamp::from_millis(0)).await;
        if let Err(error) = freed {
            tracing::warn!(%error, "the Idempotency-Key of a command that could not be started stays in use");
        }
    }
    Ok(run?)
}

async fn keep(
    app: &App,
    key: &IdempotencyKey,
    run: Run,
    mut forward: Option<mpsc::Sender<Piece>>,
) -> ExecResult {
    let Run { id, mut pieces, .. } = run;
    let mut all = Collected::default();
    let mut end = crate::exec::End { cancelled: true, ..Default::default() };
    while let Some(piece) = pieces.recv().await {
        if let Some(told) = all.take(&piece) {
            end = told;
            break;
        }
        if let Some(reader) = &forward
            && reader.send(piece).await.is_err()
        {
            forward = None;
        }
    }
    let result = all.result(id, &end);
    let body = serde_json::to_string(&result).unwrap_or_default();
    if let Err(error) = remember(app, key, 200, body, clock::now()).await {
        tracing::error!(%error, "the answer of a command could not be kept for its Idempotency-Key");
    }
    // Kept before it is told: who has seen the end may repeat the request.
    if let Some(reader) = forward {
        let _ = reader.send(Piece::End(end)).await;
    }
    result
}

/// One frame.
fn frame(event: &str, data: &impl Serialize) -> String {
    format!("event: {event}\ndata: {}\n\n", json!(data))
}

/// Frames of a command that runs.
fn streamed(first: ExecStarted, pieces: mpsc::Receiver<Piece>) -> Response {
    let id = first.exec_id.clone();
    let frames =
        Frames { pieces, id, out: Text::default(), err: Text::default(), first: Some(first), over: false };
    let stream = stream::unfold(frames, |mut frames| async move {
        let text = frames.next().await?;
        Some((Ok::<_, Infallible>(text), frames))
    });
    event_stream(Bytes::from_stream(stream))
}

/// Frames of a command that ended long ago.
fn replayed(known: &ExecResult) -> Response {
    let mut text = frame("started", &json!({"exec_id": known.exec_id, "pid": 0}));
    for (name, words, bytes) in
        [("stdout", &known.stdout, &known.stdout_base64), ("stderr", &known.stderr, &known.stderr_base64)]
    {
        match bytes {
            Some(bytes) => text.push_str(&frame(name, &json!({"base64": bytes}))),
            None if !words.is_empty() => text.push_str(&frame(name, &json!({"text": words}))),
            None => {}
        }
    }
    let (stdout, stderr) = (String::new(), String::new());
    let end = ExecResult { stdout, stderr, stdout_base64: None, stderr_base64: None, ..known.clone() };
    text.push_str(&frame("ended", &end));
    event_stream(Bytes::from(text))
}

fn event_stream(body: Bytes) -> Response {
    let mut response = body.into_response();
    let head = response.headers_mut();
    head.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    head.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

struct Frames {
    pieces: mpsc::Receiver<Piece>,
    id: String,
    out: Text,
    err: Text,
    first: Option<ExecStarted>,
    over: bool,
}

impl Frames {
    async fn next(&mut self) -> Option<String> {
        if let Some(first) = self.first.take() {
            return Some(frame("started", &first));
        }
        while !self.over {
            let Ok(piece) = tokio::time::timeout(SILENCE, self.pieces.recv()).await else {
                return Some(": still running\n\n".to_owned());
            };
            let told = match piece? {
                Piece::Out(bytes) => self.out.push(&bytes).map(|output| frame("stdout", &output)),
                Piece::Err(bytes) => self.err.push(&bytes).map(|output| frame("stderr", &output)),
                Piece::End(end) => {
                    self.over = true;
                    let mut last = String::new();
                    last.extend(self.out.end().map(|output| frame("stdout", &output)));
                    last.extend(self.err.end().map(|output| frame("stderr", &output)));
                    last.push_str(&frame("ended", &bare(self.id.clone(), &end)));
                    Some(last)
                }
            };
            if told.is_some() {
                return told;
            }
        }
        None
    }
}
