//! Artifacts of a session: named outputs with versions.

use axum::body::Body as Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap};
use serde::Deserialize;
use tenure_api::{Artifact, ArtifactVersion, ErrorCode, KeepArtifact, Page, Problem};
use tenure_event::{ArtifactSource, SessionId};
use utoipa::IntoParams;

use super::app::{App, Shared};
use super::extract::{Params, Segments, json_of};
use super::files::{Sink, Upload, checked, quoted, refused, send_file, with_root};
use super::lookup;
use super::problem::{Answer, Failure};
use crate::auth::Caller;
use crate::node::artifacts::{Keeping, Kept, check_key, copy};
use crate::owner::off_thread;

/// All artifacts of a session, by key, each with its versions.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/artifacts", tag = "workspace",
    params(("id" = String, Path, description = "The session.")),
    responses((status = 200, body = Page<Artifact>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
) -> Answer<Json<Page<Artifact>>> {
    let (id, _) = lookup::existing(&app, &id).await?;
    Ok(Json(Page { items: app.node.artifacts(&id).await?, next: None }))
}

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionParams {
    /// From 1; the newest by default.
    version: Option<u64>,
}

/// The bytes of an artifact. Takes one `Range`, `If-Range` and `If-None-Match`, as files do.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/artifacts/{key}", tag = "workspace",
    params(
        ("id" = String, Path, description = "The session."), ("key" = String, Path, description = "The artifact."),
        VersionParams,
        ("Range" = Option<String>, Header, description = "One range of bytes, for example `bytes=0-1023`."),
        ("If-None-Match" = Option<String>, Header, description = "304 if the version still has this `ETag`."),
    ),
    responses(
        (status = 200, description = "All of it, with `ETag` and `Last-Modified`.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "It is as it was."),
        (status = "default", description = "416 if the range lies behind the end.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get(
    State(app): State<Shared>,
    Segments((id, key)): Segments<(String, String)>,
    Params(params): Params<VersionParams>,
    headers: HeaderMap,
) -> Answer<Response> {
    let (id, _) = lookup::existing(&app, &id).await?;
    let version = version(&app, &id, &key, params.version).await?;
    let file = app.node.artifact_file(&id, &version).await?;
    let tag = quoted(&version.hash);
    send_file(file, version.bytes, Some(&tag), Some(version.created_at), &headers).await
}

async fn version(app: &App, id: &SessionId, key: &str, wanted: Option<u64>) -> Answer<ArtifactVersion> {
    let none = |what: String| Failure::from(Problem::new(ErrorCode::NotFound, what).about(id));
    let artifact = app.node.artifacts(id).await?.into_iter().find(|artifact| artifact.key == key);
    let artifact = artifact.ok_or_else(|| none(format!("session {id} has no artifact `{key}`")))?;
    match wanted {
        None => Ok(artifact.latest),
        Some(wanted) => {
            let found = artifact.versions.into_iter().find(|version| version.version == wanted);
            found.ok_or_else(|| none(format!("artifact `{key}` of session {id} has no version {wanted}")))
        }
    }
}

/// Keeps bytes, or a file of the session's directory, as a new version of an artifact. The bytes of its newest
/// version again are no new one.
#[utoipa::path(
    put, path = "/v1/sessions/{id}/artifacts/{key}", tag = "workspace",
    request_body(description = "Its bytes, at most 1 GB; or, as JSON, which file to keep.",
        content((Vec<u8> = "application/octet-stream"), (KeepArtifact = "application/json"))),
    params(
        ("id" = String, Path, description = "The session."), ("key" = String, Path, description = "The artifact."),
    ),
    responses(
        (status = 200, description = "It had these bytes already.", body = ArtifactVersion),
        (status = 201, description = "A new version.", body = ArtifactVersion),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Segments((id, key)): Segments<(String, String)>,
    request: Request,
) -> Answer<Response> {
    let (id, _) = lookup::existing(&app, &id).await?;
    check_key(&key, "key")?;
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (kept, path) = match kind.split(';').next().unwrap_or_default().trim() {
        "application/json" => {
            let KeepArtifact { path } = json_of(Request::from_parts(parts, body), &app).await?;
            (from_file(&app, &id, path.clone()).await?, Some(path))
        }
        "application/octet-stream" => (from_body(&app, &id, &parts.headers, body).await?, None),
        _ => {
            let what = "say `Content-Type: application/octet-stream` and send the bytes, or `application/json` and send {\"path\": FILE}";
            return Err(Failure::invalid("Content-Type", what));
        }
    };
    let source = if caller.artifacts_of.is_some() { ArtifactSource::Tool } else { ArtifactSource::Client };
    let (number, new) = app.node.record_artifact(&id, &key, kept, source, path).await?;
    let told = version(&app, &id, &key, Some(number)).await?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(told)).into_response())
}

async fn from_file(app: &App, id: &SessionId, path: String) -> Answer<Kept> {
    let (home, session) = (app.node.home().to_owned(), id.clone());
    let keep = move |root: &tenure_workspace::Root| {
        let (mut file, _) = root.open_file(checked(&path)?).map_err(refused)?;
        copy(&home, &session, &mut file).map_err(|error| not_kept(&error))
    };
    with_root(app, id.as_str(), keep).await
}

async fn from_body(app: &App, id: &SessionId, headers: &HeaderMap, body: Bytes) -> Answer<Kept> {
    let (home, session) = (app.node.home().to_owned(), id.clone());
    let keeping = off_thread(move || Keeping::begin(&home, &session)).await.map_err(|e| not_kept(&e))?;
    let keeping = Upload::of(app, headers, body).into(keeping).await?;
    off_thread(move || keeping.keep()).await.map_err(|error| not_kept(&error))
}

impl Sink for Keeping {
    fn take(&mut self, bytes: &[u8]) -> Answer<()> {
        self.add(bytes).map_err(|error| not_kept(&error))
    }
}

fn not_kept(error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::FileTooLarge {
        return Failure::new(ErrorCode::TooLarge, "an artifact has at most 1 GB");
    }
    Failure::new(ErrorCode::Storage, format!("the artifact cannot be kept: {error}"))
}
