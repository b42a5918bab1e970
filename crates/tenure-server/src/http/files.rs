//! Files where a session works: read, written, taken away, listed and searched, without its agent. Nothing in
//! here knows paths: what lies below the session's directory is decided by `tenure_workspace`.

mod bytes;
mod range;
mod search;
mod write;

pub(super) use bytes::{__path_read, read, send_file};
pub(super) use search::{__path_find, __path_grep, find, grep};
pub(super) use write::{__path_put, Sink, Upload, put};

use std::path::{Path, PathBuf};

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use tenure_api::{ErrorCode, FileEntry, FileKind, Page, Problem};
use tenure_event::Timestamp;
use tenure_workspace::{Entry, EntryKind, FileError, OpenError, Root};
use utoipa::IntoParams;

use super::app::{App, Shared};
use super::extract::{Params, Segments};
use super::lookup;
use super::problem::{Answer, Failure};

/// What a file or directory is called.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PathParams {
    /// From the session's directory, or absolute and below it.
    path: String,
}

/// Tells what stands at a path; a link is not followed.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/files/stat", tag = "workspace",
    params(("id" = String, Path, description = "The session."), PathParams),
    responses((status = 200, body = FileEntry), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn stat(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<PathParams>,
) -> Answer<Json<FileEntry>> {
    let entry = with_root(&app, &id, move |root| root.stat(checked(&params.path)?).map_err(refused)).await?;
    Ok(Json(told(&entry)))
}

/// What to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    /// The directory; the session's own by default.
    path: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// How many (default 100, at most 1000).
    #[param(minimum = 1)]
    limit: Option<u32>,
}

/// Lists a directory by name.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/files/list", tag = "workspace",
    params(("id" = String, Path, description = "The session."), ListParams),
    responses((status = 200, body = Page<FileEntry>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<ListParams>,
) -> Answer<Json<Page<FileEntry>>> {
    let limit = limit(params.limit)?;
    let after = params.cursor.as_deref().map(name_of).transpose()?;
    let path = params.path.unwrap_or_default();
    let list = move |root: &Root| root.list(checked(&path)?, after.as_ref(), limit).map_err(refused);
    let listed = with_root(&app, &id, list).await?;
    let last = listed.entries.last().filter(|_| listed.more).and_then(|entry| entry.path.file_name());
    let next = last.map(|name| URL_SAFE_NO_PAD.encode(name.as_encoded_bytes()));
    Ok(Json(Page { items: listed.entries.iter().map(told).collect(), next }))
}

/// What to take away.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct RemoveParams {
    /// From the session's directory, or absolute and below it; never that one itself.
    path: String,
    /// Take away a directory with all that it holds.
    #[serde(default)]
    recursive: bool,
}

/// Takes away a file, a link (never what it points to), an empty directory, or with `recursive` a full one.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}/files", tag = "workspace",
    params(("id" = String, Path, description = "The session."), RemoveParams),
    responses(
        (status = 200, description = "What was there.", body = FileEntry),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn remove(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<RemoveParams>,
) -> Answer<Json<FileEntry>> {
    let recursive = params.recursive;
    let remove = move |root: &Root| root.remove(checked(&params.path)?, recursive).map_err(refused);
    Ok(Json(told(&with_root(&app, &id, remove).await?)))
}

/// Does something below a session's directory, where waiting for a disk holds up nobody.
pub(super) async fn with_root<T: Send + 'static>(
    app: &App,
    segment: &str,
    work: impl FnOnce(&Root) -> Answer<T> + Send + 'static,
) -> Answer<T> {
    let (id, row) = lookup::existing(app, segment).await?;
    let done = tokio::task::spawn_blocking(move || {
        let root = Root::open(&row.cwd).map_err(|error| gone(&error, &id))?;
        work(&root)
    });
    done.await.unwrap_or_else(|error| Err(crate::problem::internal(&error.to_string()).into()))
}

fn gone(error: &OpenError, id: &tenure_event::SessionId) -> Failure {
    let what = format!("the session's directory cannot be opened: {error}");
    Problem::new(ErrorCode::NotFound, what).about(id).into()
}

/// A path that a name can be in.
pub(super) fn checked(path: &str) -> Answer<&Path> {
    if path.contains('\0') {
        return Err(Failure::invalid("path", "the path has a zero byte"));
    }
    Ok(Path::new(if path.is_empty() { "." } else { path }))
}

/// What a client is told of a path that cannot be had.
pub(super) fn refused(error: FileError) -> Failure {
    let code = match &error {
        FileError::Outside { .. } => ErrorCode::Forbidden,
        FileError::NotFound { .. } => ErrorCode::NotFound,
        FileError::NotAFile { .. } | FileError::NotADirectory { .. } => ErrorCode::Invalid,
        FileError::Conflict { .. } => ErrorCode::Conflict,
        FileError::Io { source, .. } => of_system(source),
    };
    Problem { field: Some("path".to_owned()), ..Problem::new(code, error.to_string()) }.into()
}

/// Too many links.
const ELOOP: i32 = 40;

fn of_system(error: &std::io::Error) -> ErrorCode {
    use std::io::ErrorKind as K;
    match error.kind() {
        K::PermissionDenied | K::ReadOnlyFilesystem => ErrorCode::Forbidden,
        K::StorageFull | K::QuotaExceeded | K::FileTooLarge => ErrorCode::Storage,
        K::InvalidInput | K::InvalidFilename | K::IsADirectory => ErrorCode::Invalid,
        K::AlreadyExists | K::DirectoryNotEmpty | K::ResourceBusy => ErrorCode::Conflict,
        K::NotFound => ErrorCode::NotFound,
        // Links in a circle have no word of their own yet.
        _ if error.raw_os_error() == Some(ELOOP) => ErrorCode::Invalid,
        _ => ErrorCode::Internal,
    }
}

/// An entry as it is sent.
pub(super) fn told(entry: &Entry) -> FileEntry {
    let path = entry.path.to_string_lossy().into_owned();
    let name = entry.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let kind = match entry.kind {
        EntryKind::File => FileKind::File,
        EntryKind::Directory => FileKind::Directory,
        EntryKind::Symlink => FileKind::Symlink,
        EntryKind::Pipe => FileKind::Pipe,
        EntryKind::Socket => FileKind::Socket,
        EntryKind::Device => FileKind::Device,
    };
    FileEntry {
        path: if path.is_empty() { ".".to_owned() } else { path },
        name,
        kind,
        bytes: entry.bytes,
        mode: format!("{:03o}", entry.mode),
        modified_at: modified(entry),
        etag: entry.tag.as_deref().map(quoted),
        target: entry.target.as_ref().map(|target| target.to_string_lossy().into_owned()),
    }
}

/// A tag as HTTP writes it.
pub(super) fn quoted(tag: &str) -> String {
    format!("\"{tag}\"")
}

pub(super) fn modified(entry: &Entry) -> Timestamp {
    let since = entry.modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

pub(super) fn limit(given: Option<u32>) -> Answer<usize> {
    match given {
        Some(0) => Err(Failure::invalid("limit", "give 1 or more")),
        given => Ok(given.unwrap_or(100).min(1000) as usize),
    }
}

/// A name out of a cursor.
fn name_of(cursor: &str) -> Answer<std::ffi::OsString> {
    use std::os::unix::ffi::OsStringExt;
    let wrong = |_| Failure::invalid("cursor", "give `next` of the page before, unchanged");
    URL_SAFE_NO_PAD.decode(cursor).map(std::ffi::OsString::from_vec).map_err(wrong)
}

/// A path out of a cursor.
pub(super) fn path_of(cursor: &str) -> Answer<PathBuf> {
    name_of(cursor).map(PathBuf::from)
}
