//! Finding files by name and lines by pattern.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use tenure_api::{ErrorCode, FilesFound, GrepFound, GrepLine, Problem};
use tenure_workspace::{After, Line, NameGlob, Pattern, Root, Search};
use utoipa::IntoParams;

use super::{checked, limit, path_of, refused, told, with_root};
use crate::http::app::{App, Shared};
use crate::http::extract::{Params, Segments};
use crate::http::problem::{Answer, Failure};

/// How long one page may take; what was found until then is told, with a cursor.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a search may wait for others to end.
const TURN: Duration = Duration::from_secs(30);

/// What to find.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindParams {
    /// Below this directory; the session's own by default.
    path: Option<String>,
    /// Names to find: `*.rs` anywhere, `src/**/*.rs` by the path below `path`. All by default.
    glob: Option<String>,
    /// Leave out what `.gitignore` and `.ignore` files leave out, and `.git`.
    #[serde(default)]
    honour_ignore: bool,
    /// `next` of the page before.
    cursor: Option<String>,
    /// How many (default 100, at most 1000).
    #[param(minimum = 1)]
    limit: Option<u32>,
}

/// Finds files, directories and links by name. Links are not followed.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/files/find", tag = "workspace",
    params(("id" = String, Path, description = "The session."), FindParams),
    responses((status = 200, body = FilesFound), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn find(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<FindParams>,
) -> Answer<Json<FilesFound>> {
    let FindParams { path, glob, honour_ignore, cursor, limit } = params;
    let search = search(Wish { path, glob, honour_ignore, cursor, limit })?;
    let _turn = turn(&app).await?;
    let found = with_root(&app, &id, move |root: &Root| root.find(&timed(search)).map_err(refused)).await?;
    let next = found.next.as_ref().map(cursor_of);
    Ok(Json(FilesFound { items: found.items.iter().map(told).collect(), next }))
}

/// What to search for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrepParams {
    /// A regular expression (of Rust's `regex`: no look-around, no back-references), matched against each line.
    pattern: String,
    /// Take the pattern as plain text.
    #[serde(default)]
    fixed: bool,
    /// Do not tell upper case from lower case.
    #[serde(default)]
    ignore_case: bool,
    /// Below this directory, or in this file; the session's directory by default.
    path: Option<String>,
    /// Only files with such names: `*.rs` anywhere, `src/**/*.rs` by the path below `path`.
    glob: Option<String>,
    /// Leave out what `.gitignore` and `.ignore` files leave out, and `.git`.
    #[serde(default)]
    honour_ignore: bool,
    /// `next` of the page before.
    cursor: Option<String>,
    /// How many lines (default 100, at most 1000).
    #[param(minimum = 1)]
    limit: Option<u32>,
}

/// Searches the lines of files. Files that are no text or over 16 MB are skipped, and counted.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/files/grep", tag = "workspace",
    params(("id" = String, Path, description = "The session."), GrepParams),
    responses((status = 200, body = GrepFound), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn grep(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<GrepParams>,
) -> Answer<Json<GrepFound>> {
    let GrepParams { pattern, fixed, ignore_case, path, glob, honour_ignore, cursor, limit } = params;
    let pattern = Pattern::parse(&pattern, fixed, ignore_case);
    let pattern = pattern.map_err(|error| Failure::invalid("pattern", error.to_string()))?;
    let search = search(Wish { path, glob, honour_ignore, cursor, limit })?;
    let _turn = turn(&app).await?;
    let grep = move |root: &Root| root.grep(&timed(search), &pattern).map_err(refused);
    let found = with_root(&app, &id, grep).await?;
    let next = found.next.as_ref().map(cursor_of);
    Ok(Json(GrepFound { items: found.items.into_iter().map(line).collect(), next, skipped: found.skipped }))
}

struct Wish {
    path: Option<String>,
    glob: Option<String>,
    honour_ignore: bool,
    cursor: Option<String>,
    limit: Option<u32>,
}

fn search(wish: Wish) -> Answer<Search> {
    let glob = wish.glob.as_deref().map(NameGlob::parse).transpose();
    Ok(Search {
        below: checked(wish.path.as_deref().unwrap_or_default())?.to_owned(),
        glob: glob.map_err(|what| Failure::invalid("glob", what))?,
        honour_ignore: wish.honour_ignore,
        after: wish.cursor.as_deref().map(after).transpose()?,
        limit: limit(wish.limit)?,
        deadline: Instant::now(),
    })
}

/// Its time begins when it does.
fn timed(search: Search) -> Search {
    Search { deadline: Instant::now() + PATIENCE, ..search }
}

async fn turn(app: &App) -> Answer<tokio::sync::SemaphorePermit<'_>> {
    let overloaded = || {
        Failure::new(
            ErrorCode::Overloaded,
            "too many searches run at once; wait for one to end and ask again",
        )
    };
    match tokio::time::timeout(TURN, app.searches.acquire()).await {
        Ok(Ok(permit)) => Ok(permit),
        _ => Err(overloaded()),
    }
}

fn cursor_of(after: &After) -> String {
    let path = URL_SAFE_NO_PAD.encode(after.path.as_os_str().as_encoded_bytes());
    after.line.map_or_else(|| path.clone(), |line| format!("{path}.{line}"))
}

fn after(cursor: &str) -> Answer<After> {
    let (path, line) = match cursor.split_once('.') {
        None => (cursor, None),
        Some((path, line)) => {
            let wrong = |_| Failure::invalid("cursor", "give `next` of the page before, unchanged");
            (path, Some(line.parse().map_err(wrong)?))
        }
    };
    Ok(After { path: path_of(path)?, line })
}

fn line(found: Line) -> GrepLine {
    let Line { path, line, column, text, cut } = found;
    GrepLine { path: path.to_string_lossy().into_owned(), line, column, text, cut }
}
