//! Streams of server-sent events: of one session by `seq`, of all sessions by `gseq`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::json;
use tenure_api::{ErrorCode, EventEnvelope, Problem};
use tenure_event::SessionId;
use tenure_log::EventLog;
use utoipa::IntoParams;

use super::app::{App, Counted, Shared};
use super::events::{Format, split};
use super::extract::{Params, Segments};
use super::follow::{Filter, Follower, Options};
use super::lookup;
use super::problem::{Answer, Failure};

/// The header that names the log's generation. A client that sends it back is told when its positions are void.
pub(super) const GENERATION: &str = "tenure-log-generation";
/// The position that a stream begins after: what `now` was.
pub(super) const POSITION: &str = "tenure-position";
/// Headers that a page of an allowed origin may read.
pub(super) const SEEN: &str = "etag, tenure-log-generation, tenure-position";

/// What to follow in a session.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamParams {
    /// Only what comes after this `seq` (default 0), or `now`. The header `Last-Event-ID` goes before it.
    after: Option<String>,
    /// Only these types, separated by commas; `turn.*` stands for all that begin so.
    types: Option<String>,
    /// Text as it is written, too.
    #[serde(default)]
    deltas: bool,
    /// `tenure` or `acp`.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

/// Follows a session: all that is stored after a position, then what happens.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/events/stream", tag = "events",
    params(
        ("id" = String, Path, description = "The session."), StreamParams,
        ("Last-Event-ID" = Option<String>, Header, description = "Resume after this position."),
        ("Tenure-Log-Generation" = Option<String>, Header, description = "The generation that the position belongs to."),
    ),
    responses(
        (status = 200, description = "Frames `id: SEQ`, `event: TYPE`, `data: ENVELOPE`.", body = EventEnvelope, content_type = "text/event-stream"),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn of_session(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<StreamParams>,
    headers: HeaderMap,
) -> Answer<Response> {
    let (id, _) = lookup::readable(&app, &id).await?;
    let options = Options {
        session: Some(id),
        after: position(&headers, params.after)?,
        filter: Filter::new(split(params.types), Vec::new(), None),
        deltas: params.deltas,
        acp: params.format == Format::Acp,
    };
    follow(&app, &headers, options).await
}

/// What to follow in all sessions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamAllParams {
    /// Only what comes after this `gseq` (default 0), or `now`. The header `Last-Event-ID` goes before it.
    after: Option<String>,
    /// Only these types, separated by commas; `turn.*` stands for all that begin so.
    types: Option<String>,
    /// Only these sessions, separated by commas.
    session: Option<String>,
    /// Only sessions that carry this tag.
    tag: Option<String>,
    /// Text as it is written, too.
    #[serde(default)]
    deltas: bool,
    /// `tenure` or `acp`.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

/// Follows all sessions.
#[utoipa::path(
    get, path = "/v1/events/stream", tag = "events",
    params(
        StreamAllParams,
        ("Last-Event-ID" = Option<String>, Header, description = "Resume after this position."),
        ("Tenure-Log-Generation" = Option<String>, Header, description = "The generation that the position belongs to."),
    ),
    responses(
        (status = 200, description = "Frames `id: GSEQ`, `event: TYPE`, `data: ENVELOPE`.", body = EventEnvelope, content_type = "text/event-stream"),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn of_all(
    State(app): State<Shared>,
    Params(params): Params<StreamAllParams>,
    headers: HeaderMap,
) -> Answer<Response> {
    let mut sessions = Vec::new();
    for id in split(params.session) {
        let id = SessionId::parse(&id).map_err(|error| Failure::invalid("session", error.to_string()))?;
        sessions.push(id);
    }
    let options = Options {
        session: None,
        after: position(&headers, params.after)?,
        filter: Filter::new(split(params.types), sessions, params.tag),
        deltas: params.deltas,
        acp: params.format == Format::Acp,
    };
    follow(&app, &headers, options).await
}

// A client that reconnects by itself repeats its old address and says in the header how far it came.
pub(super) fn position(headers: &HeaderMap, after: Option<String>) -> Answer<Option<u64>> {
    let wrong = |field| Failure::invalid(field, "give a position, as the stream's `id` told it");
    if let Some(value) = headers.get("last-event-id") {
        let text = value.to_str().unwrap_or_default();
        return text.trim().parse().map(Some).map_err(|_| wrong("Last-Event-ID"));
    }
    match after.as_deref() {
        None => Ok(Some(0)),
        Some("now") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| wrong("after")),
    }
}

async fn follow(app: &Shared, headers: &HeaderMap, options: Options) -> Answer<Response> {
    check_generation(app, headers)?;
    let counted = Counted::new(&app.followers);
    let follower = Follower::start(Arc::clone(&app.node), options, app.stopping.clone()).await?;
    let position = follower.position();
    let pieces = stream::unfold((follower, counted), |(mut follower, counted)| async move {
        let piece = follower.next().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), (follower, counted)))
    });
    let mut response = Body::from_stream(pieces).into_response();
    let head = response.headers_mut();
    head.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    head.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    head.insert(POSITION, position.into());
    mark_generation(app, head);
    Ok(response)
}

/// Refuses positions of another generation of the log.
pub(super) fn check_generation(app: &App, headers: &HeaderMap) -> Answer<()> {
    let Some(given) = headers.get(GENERATION) else { return Ok(()) };
    let now = app.log().facts().generation;
    if given.to_str().ok().and_then(|text| text.trim().parse().ok()) == Some(now) {
        return Ok(());
    }
    let detail =
        "the log was cut by a loss of power since; read the session anew and follow from its last_seq";
    let problem = Problem::new(ErrorCode::CursorExpired, detail);
    Err(problem.with_data(json!({"log_generation": now})).into())
}

/// Says of which generation the positions in an answer are.
pub(super) fn mark_generation(app: &App, headers: &mut HeaderMap) {
    headers.insert(GENERATION, app.log().facts().generation.into());
}
