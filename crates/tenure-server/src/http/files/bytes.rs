//! The bytes of a file, whole or a range, streamed.

use std::fs::File;
use std::io::SeekFrom;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use futures_util::stream;
use http::StatusCode;
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH,
    LAST_MODIFIED,
};
use tenure_api::{ErrorCode, Problem};
use tenure_event::Timestamp;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::range::{Part, asked};
use super::{PathParams, checked, modified, quoted, refused, with_root};
use crate::http::app::Shared;
use crate::http::extract::{Params, Segments};
use crate::http::problem::{Answer, Failure};

/// Bytes that are read at once.
const BLOCK: usize = 64 * 1024;

/// The bytes of a file. Takes one `Range`, `If-Range` and `If-None-Match`.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/files", tag = "workspace",
    params(
        ("id" = String, Path, description = "The session."), PathParams,
        ("Range" = Option<String>, Header, description = "One range of bytes, for example `bytes=0-1023`."),
        ("If-None-Match" = Option<String>, Header, description = "304 if the file still has this `ETag`."),
    ),
    responses(
        (status = 200, description = "All of it, with `ETag` and `Last-Modified`.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "It is as it was."),
        (status = "default", description = "416 if the range lies behind the end.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn read(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<PathParams>,
    headers: HeaderMap,
) -> Answer<Response> {
    let open = move |root: &tenure_workspace::Root| root.open_file(checked(&params.path)?).map_err(refused);
    let (file, entry) = with_root(&app, &id, open).await?;
    let tag = entry.tag.as_deref().map(quoted);
    send_file(file, entry.bytes, tag.as_deref(), Some(modified(&entry)), &headers).await
}

/// Streams a file as the request asks for it.
pub(crate) async fn send_file(
    file: File,
    length: u64,
    tag: Option<&str>,
    modified: Option<Timestamp>,
    headers: &HeaderMap,
) -> Answer<Response> {
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let same = |known: &str| known.split(',').any(|one| one.trim() == "*" || Some(one.trim()) == tag);
    let mut response = if known.is_some_and(same) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match asked(headers, length, tag) {
            Part::Whole => (StatusCode::OK, body(file, 0, length).await?).into_response(),
            Part::Some { from, bytes } => {
                let told = format!("bytes {from}-{}/{length}", from + bytes - 1);
                let body = body(file, from, bytes).await?;
                (StatusCode::PARTIAL_CONTENT, [(CONTENT_RANGE, told)], body).into_response()
            }
            Part::Beyond => return Ok(beyond(length)),
        }
    };
    let head = response.headers_mut();
    if response_has_body(known, tag) {
        head.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        head.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(tag).ok()) {
        head.insert(ETAG, tag);
    }
    if let Some(date) = modified.and_then(http_date) {
        head.insert(LAST_MODIFIED, date);
    }
    Ok(response)
}

fn response_has_body(known: Option<&str>, tag: Option<&str>) -> bool {
    !known.is_some_and(|known| known.split(',').any(|one| one.trim() == "*" || Some(one.trim()) == tag))
}

async fn body(file: File, from: u64, bytes: u64) -> Answer<([(http::HeaderName, String); 1], Body)> {
    let mut file = tokio::fs::File::from_std(file);
    if from > 0 {
        let sought = file.seek(SeekFrom::Start(from)).await;
        sought.map_err(|error| crate::problem::internal(&format!("the file cannot be read: {error}")))?;
    }
    let pieces = stream::try_unfold((file, bytes), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut block = BytesMut::with_capacity(BLOCK);
        let most = left.min(BLOCK as u64);
        let got = (&mut file).take(most).read_buf(&mut block).await? as u64;
        if got == 0 {
            // What was promised is not there any more: the connection breaks, so that nobody takes it for whole.
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
        }
        Ok(Some((block.freeze(), (file, left - got))))
    });
    Ok(([(CONTENT_LENGTH, bytes.to_string())], Body::from_stream(pieces)))
}

fn beyond(length: u64) -> Response {
    let what = format!("the file has {length} bytes, and none of the range");
    let mut problem = Problem { field: Some("Range".to_owned()), ..Problem::new(ErrorCode::Invalid, what) };
    problem.status = StatusCode::RANGE_NOT_SATISFIABLE.as_u16();
    let mut response = Failure::from(problem).into_response();
    if let Ok(told) = HeaderValue::from_str(&format!("bytes */{length}")) {
        response.headers_mut().insert(CONTENT_RANGE, told);
    }
    response
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(at: Timestamp) -> Option<HeaderValue> {
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
    HeaderValue::from_str(&at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
}
