//! Writing a file from a body that is streamed, or making a directory.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, ETAG, HeaderMap, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use http_body_util::BodyExt;
use serde::Deserialize;
use tenure_api::{FileEntry, Problem};
use tenure_workspace::{Expect, Root, Writing};
use tokio::sync::mpsc;
use tokio::time::timeout;
use utoipa::IntoParams;

use super::{checked, refused, told, with_root};
use crate::http::app::{App, Shared};
use crate::http::extract::{Params, Segments, too_large, too_slow};
use crate::http::problem::{Answer, Failure};

/// Pieces of a body that wait for the disk.
const PIECES: usize = 8;

/// What to write.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutParams {
    /// From the session's directory, or absolute and below it. Directories on the way are made.
    path: String,
    /// Make a directory; the body is empty then.
    #[serde(default)]
    directory: bool,
    /// Permission bits in octal, for example `755`; by default those of the file that is replaced, else the usual.
    mode: Option<String>,
}

/// Writes a file, all of it or nothing: what stood there is replaced once the last byte is on the disk.
#[utoipa::path(
    put, path = "/v1/sessions/{id}/files", tag = "workspace",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "Its bytes, at most 1 GB."),
    params(
        ("id" = String, Path, description = "The session."), PutParams,
        ("If-Match" = Option<String>, Header, description = "Only if the file still has this `ETag`; else 409."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if there is none; else 409."),
    ),
    responses(
        (status = 200, description = "It was replaced, or was a directory already.", body = FileEntry),
        (status = 201, description = "It is new.", body = FileEntry),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn put(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<PutParams>,
    request: Request,
) -> Answer<Response> {
    let (parts, body) = request.into_parts();
    let PutParams { path, directory, mode } = params;
    let (entry, new) = if directory {
        if mode.is_some() {
            return Err(Failure::invalid("mode", "a directory gets the usual permissions; leave `mode` out"));
        }
        with_root(&app, &id, move |root| root.make_dir(checked(&path)?).map_err(refused)).await?
    } else {
        let (mode, expect) = (mode.as_deref().map(bits).transpose()?, expected(&parts.headers)?);
        let body = Upload::of(&app, &parts.headers, body);
        write(&app, &id, path, expect, mode, body).await?
    };
    let told = told(&entry);
    let etag = told.etag.as_deref().and_then(|tag| HeaderValue::from_str(tag).ok());
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = (status, Json(told)).into_response();
    if let Some(etag) = etag {
        response.headers_mut().insert(ETAG, etag);
    }
    Ok(response)
}

fn bits(mode: &str) -> Answer<u32> {
    let bits = u32::from_str_radix(mode, 8).ok().filter(|bits| *bits <= 0o777);
    bits.ok_or_else(|| {
        Failure::invalid("mode", "give permission bits in octal, 000 to 777, for example `644`")
    })
}

fn expected(headers: &HeaderMap) -> Answer<Expect> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default().trim());
    match (text(IF_MATCH), text(IF_NONE_MATCH)) {
        (None, None) => Ok(Expect::Anything),
        (None, Some("*")) => Ok(Expect::Absent),
        (Some(tag), None) if tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"') => {
            Ok(Expect::Tag(tag.trim_matches('"').to_owned()))
        }
        (Some(_), _) => Err(Failure::invalid("If-Match", "give one ETag as it was told, in its quotes")),
        (None, Some(_)) => Err(Failure::invalid("If-None-Match", "give `*` here")),
    }
}

async fn write(
    app: &App,
    id: &str,
    path: String,
    expect: Expect,
    mode: Option<u32>,
    body: Upload,
) -> Answer<(tenure_workspace::Entry, bool)> {
    // A name that cannot be written is told before the body is read.
    let begin = move |root: &Root| root.write_file(checked(&path)?, expect, mode).map_err(refused);
    match with_root(app, id, begin).await {
        Ok(writing) => {
            off_thread(move |writing: Writing| writing.finish().map_err(refused), body.into(writing).await?)
                .await
        }
        Err(failure) => {
            body.drain().await;
            Err(failure)
        }
    }
}

async fn off_thread<S: Send + 'static, T: Send + 'static>(
    work: impl FnOnce(S) -> Answer<T> + Send + 'static,
    with: S,
) -> Answer<T> {
    let done = tokio::task::spawn_blocking(move || work(with)).await;
    done.unwrap_or_else(|error| Err(crate::problem::internal(&error.to_string()).into()))
}

/// Where an upload goes. It blocks.
pub(crate) trait Sink: Send + 'static {
    /// Takes the next bytes.
    fn take(&mut self, bytes: &[u8]) -> Answer<()>;
}

impl Sink for Writing {
    fn take(&mut self, bytes: &[u8]) -> Answer<()> {
        self.write(bytes).map_err(refused)
    }
}

/// A body that is streamed: never held whole, never still for long, never longer than files may be.
pub(crate) struct Upload {
    body: Body,
    limit: u64,
    idle: Duration,
    told: Option<u64>,
}

impl Upload {
    pub(crate) fn of(app: &App, headers: &HeaderMap, body: Body) -> Self {
        let told = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        Self { body, limit: app.limits.file_bytes, idle: app.limits.body_idle, told }
    }

    /// Writes all of it, and gives the sink back.
    pub(crate) async fn into<S: Sink>(mut self, mut sink: S) -> Answer<S> {
        if self.told.is_some_and(|length| length > self.limit) {
            return Err(too_large(&mut self.body, self.limit).await);
        }
        let (out, mut pieces) = mpsc::channel::<Bytes>(PIECES);
        let writing = tokio::task::spawn_blocking(move || {
            while let Some(bytes) = pieces.blocking_recv() {
                sink.take(&bytes)?;
            }
            Ok(sink)
        });
        let sent = self.send(out).await;
        let written = writing.await.unwrap_or_else(|e| Err(crate::problem::internal(&e.to_string()).into()));
        // Why the disk refused says more than that nobody took the rest.
        written.and_then(|sink| sent.map(|()| sink))
    }

    async fn send(&mut self, out: mpsc::Sender<Bytes>) -> Answer<()> {
        let mut length = 0;
        loop {
            let frame = timeout(self.idle, self.body.frame()).await.map_err(|_| too_slow())?;
            let Some(frame) = frame else { return Ok(()) };
            let frame = frame.map_err(|error| {
                Failure::invalid("body", format!("the body broke off before its end: {error}"))
            })?;
            let Ok(bytes) = frame.into_data() else { continue };
            length += bytes.len() as u64;
            if length > self.limit {
                return Err(too_large(&mut self.body, self.limit).await);
            }
            if out.send(bytes).await.is_err() {
                self.drain_rest().await;
                return Ok(());
            }
        }
    }

    /// Lets it come, so that a client which only listens after it has sent everything hears the answer.
    pub(crate) async fn drain(mut self) {
        self.drain_rest().await;
    }

    async fn drain_rest(&mut self) {
        let _ = too_large(&mut self.body, self.limit).await;
    }
}
