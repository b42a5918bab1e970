//! The HTTP side: paths, the key check, recording, and handing an answer to the player.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::dialect::{Dialect, Request};
use crate::model::Shared;
use crate::player::{Player, pause};
use crate::reply::{Reply, choose};
use crate::script::Step;

/// The key that is refused.
const BAD_KEY: &str = "sk-bad";

/// The largest request body, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// Pieces of a stream that may wait for a slow client.
const STREAM_AHEAD: usize = 16;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/messages", post(anthropic))
        .route("/v1/messages/count_tokens", post(count_tokens))
        .route("/v1/chat/completions", post(chat))
        .route("/v1/responses", post(responses))
        .fallback(anything_else)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(shared)
}

async fn anthropic(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    call(&shared, Dialect::Anthropic, &uri, &headers, &body).await
}

async fn chat(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    call(&shared, Dialect::Chat, &uri, &headers, &body).await
}

async fn responses(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    call(&shared, Dialect::Responses, &uri, &headers, &body).await
}

async fn count_tokens(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or_default();
    shared.record(&Method::POST, &uri, &headers, body, None);
    document(StatusCode::OK, &json!({"input_tokens": 42}))
}

/// Model lists, HEAD requests, and 404 for what is not served.
async fn anything_else(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or_default();
    shared.record(&method, &uri, &headers, body, None);
    if method == Method::HEAD {
        return StatusCode::OK.into_response();
    }
    match uri.path().strip_prefix("/v1/models") {
        Some("" | "/") if method == Method::GET => {
            let list =
                json!({"object": "list", "data": [model("fake-1"), model("fake-2")], "has_more": false});
            document(StatusCode::OK, &list)
        }
        Some(id) if method == Method::GET => document(StatusCode::OK, &model(id.trim_start_matches('/'))),
        _ => {
            let message = format!("{method} {} is not served here", uri.path());
            document(StatusCode::NOT_FOUND, &Dialect::Anthropic.error("not_found_error", &message))
        }
    }
}

/// One entry of a model list, with the fields of both vendors.
fn model(id: &str) -> Value {
    json!({
        "id": id, "object": "model", "type": "model", "display_name": id, "owned_by": "tenure",
        "created": 1, "created_at": "2026-01-01T00:00:00Z",
    })
}

/// A model call in any dialect.
async fn call(
    shared: &Arc<Shared>,
    dialect: Dialect,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> Response {
    let parsed: Result<Value, _> = serde_json::from_slice(body);
    let reply = match &parsed {
        _ if has_bad_key(headers) => Reply::refuse(401, "invalid x-api-key"),
        Err(error) => Reply::refuse(400, format!("the body is not JSON: {error}")),
        Ok(body) => choose(&dialect.read(body), &shared.faults),
    };
    let body = parsed.unwrap_or_default();
    let request = dialect.read(&body);
    shared.record(&Method::POST, uri, headers, body, Some((dialect, reply.index())));
    match reply {
        Reply::Refuse { status, kind, message, headers, .. } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = document(status, &dialect.error(&kind, &message));
            for (name, value) in headers {
                if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
        Reply::Play { step, played, .. } if request.stream => {
            streamed(shared, dialect, &request, step, played)
        }
        Reply::Play { step, played, .. } => {
            if let Some(refused) = wait(shared, dialect, &step).await {
                return refused;
            }
            document(StatusCode::OK, &dialect.render(&request, &step, played).whole(&step))
        }
    }
}

fn has_bad_key(headers: &HeaderMap) -> bool {
    let value =
        |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    value("x-api-key") == BAD_KEY || value("authorization").strip_prefix("Bearer ") == Some(BAD_KEY)
}

fn streamed(
    shared: &Arc<Shared>,
    dialect: Dialect,
    request: &Request,
    step: Step,
    played: usize,
) -> Response {
    let (out, pieces) = mpsc::channel(STREAM_AHEAD);
    let player = Player { render: dialect.render(request, &step, played), gates: shared.gates.clone(), out };
    tokio::spawn(player.play(step));
    let pieces = stream::unfold(pieces, async |mut pieces| pieces.recv().await.map(|piece| (piece, pieces)));
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
    (headers, Body::from_stream(pieces)).into_response()
}

/// What holds up an answer in one piece: silence and gates. The faults of streams do not strike it.
async fn wait(shared: &Arc<Shared>, dialect: Dialect, step: &Step) -> Option<Response> {
    pause(step.hang).await;
    let gate = step.gate.as_ref()?;
    if shared.gates.pass(gate).await {
        return None;
    }
    let message = format!("nobody opened the gate {gate}");
    Some(document(StatusCode::GATEWAY_TIMEOUT, &dialect.error("timeout_error", &message)))
}

fn document(status: StatusCode, body: &Value) -> Response {
    (status, axum::Json(body)).into_response()
}
