//! Pages of a session's events, as they are stored; and what pages of all kinds share.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderMap};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use tenure_api::{EventItem, Page, Problem};
use tenure_core::projection::AcpRows;
use tenure_event::SessionId;
use tenure_log::{EventLog, EventPage, PageRequest};
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::app::{App, Shared};
use super::extract::{Params, Segments};
use super::problem::{Answer, Failure};
use super::wait::stopping;
use super::{lookup, stream, whole};
use crate::past::parse;

/// Items of a page when nothing is said.
const USUAL_ITEMS: usize = 100;
/// Most items of a page.
pub(super) const MAX_ITEMS: usize = 1000;
/// About how many bytes of events a page may have before it ends early.
const PAGE_BYTES: usize = 4 << 20;
/// Longest wait for an event, in milliseconds.
const MAX_WAIT_MS: u64 = 60_000;

/// `limit` as it is used: larger ones are clamped, none is refused but 0.
pub(super) fn clamp(limit: Option<usize>) -> Answer<usize> {
    match limit {
        Some(0) => Err(Failure::invalid("limit", "give at least 1")),
        given => Ok(given.unwrap_or(USUAL_ITEMS).min(MAX_ITEMS)),
    }
}

/// Words separated by commas.
pub(super) fn split(list: Option<String>) -> Vec<String> {
    let words = list.unwrap_or_default();
    words.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A position as the document bounds it: a signed number of 64 bits that is none below 0.
pub(super) fn position<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let given = u64::deserialize(from)?;
    let too_large = || D::Error::custom(format!("{given} is no position; the largest is {}", i64::MAX));
    i64::try_from(given).map(|_| given).map_err(|_| too_large())
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    /// Our own envelope, byte for byte as it is stored.
    #[default]
    Tenure,
    /// Notifications of the Agent Client Protocol.
    Acp,
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct EventParams {
    /// Only what comes after this position.
    #[serde(default, deserialize_with = "position")]
    after: u64,
    /// At most so many (default 100, at most 1000).
    limit: Option<usize>,
    /// Only these types, separated by commas; `turn.*` stands for all that begin so.
    types: Option<String>,
    /// Wait so many milliseconds for an event if there is none (at most 60000).
    #[serde(default)]
    wait_ms: u64,
    /// `tenure` or `acp`.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

/// A page of a session's events.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/events", tag = "events",
    params(("id" = String, Path, description = "The session."), EventParams),
    responses((status = 200, body = Page<EventItem>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn page(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<EventParams>,
    headers: HeaderMap,
) -> Answer<Response> {
    let (id, _) = lookup::readable(&app, &id).await?;
    stream::check_generation(&app, &headers)?;
    let request = PageRequest {
        after: params.after,
        limit: clamp(params.limit)?,
        max_bytes: PAGE_BYTES,
        types: split(params.types),
    };
    let page = read(&app, &id, request, params.wait_ms).await?;
    let body = match params.format {
        Format::Tenure => as_stored(&page),
        Format::Acp => as_acp(&app, &page).await?,
    };
    let mut response = ([(CONTENT_TYPE, "application/json")], body).into_response();
    stream::mark_generation(&app, response.headers_mut());
    Ok(response)
}

async fn read(app: &App, id: &SessionId, mut request: PageRequest, wait_ms: u64) -> Answer<EventPage> {
    let mut tail = app.log().tail(id);
    let deadline = tokio::time::Instant::now() + Duration::from_millis(wait_ms.min(MAX_WAIT_MS));
    loop {
        tail.borrow_and_update();
        let page = app.log().read(id, request.clone()).await?;
        let at_end = page.scanned_to >= page.last;
        if !page.events.is_empty() || (at_end && wait_ms == 0) {
            return Ok(page);
        }
        request.after = page.scanned_to;
        if !at_end {
            continue;
        }
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        tokio::select! {
            changed = timeout(left, tail.changed()) => if !matches!(changed, Ok(Ok(()))) { return Ok(page) },
            () = app.stopping.cancelled() => return Err(stopping()),
        }
    }
}

fn as_stored(page: &EventPage) -> Vec<u8> {
    let size: usize = page.events.iter().map(|event| event.bytes.len() + 1).sum();
    let mut body = Vec::with_capacity(size + 64);
    body.extend_from_slice(b"{\"items\":[");
    for (i, event) in page.events.iter().enumerate() {
        if i > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&event.bytes);
    }
    finish(body, page)
}

async fn as_acp(app: &App, page: &EventPage) -> Answer<Vec<u8>> {
    let mut rows = AcpRows::new();
    let mut items = Vec::new();
    for rendered in &page.events {
        let Some(mut event) = parse(&rendered.bytes) else { continue };
        whole::event(app.log(), &mut event).await?;
        items.extend(rows.event(&event));
    }
    Ok(finish(format!("{{\"items\":[{}", items.join(",")).into_bytes(), page))
}

fn finish(mut body: Vec<u8>, page: &EventPage) -> Vec<u8> {
    let end = if page.scanned_to < page.last {
        format!("],\"next\":\"{}\"}}", page.scanned_to)
    } else {
        "],\"next\":null}".to_owned()
    };
    body.extend_from_slice(end.as_bytes());
    body
}
