//! Messages of a session: the conversation as a person reads it.

use axum::Json;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use tenure_api::{Page, Problem};
use tenure_core::projection::{EpochChoice, Position};
use tenure_event::{Message, SessionId};
use utoipa::IntoParams;

use super::app::{App, Shared};
use super::events::clamp;
use super::extract::{Params, Segments};
use super::problem::{Answer, Failure};
use super::{conversation, lookup};
use crate::conversation::Wanted;
use crate::story;

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageParams {
    /// `next` of the page before.
    cursor: Option<String>,
    /// At most so many (default 100, at most 1000).
    limit: Option<usize>,
    /// Leave out so many first.
    #[serde(default)]
    offset: usize,
    /// An epoch's number, or `all`; without it the current one.
    epoch: Option<String>,
    /// `current` (default) or `all`: also what was taken back by a rewind of the conversation.
    branch: Option<String>,
}

/// Messages, oldest first, whole, with their tools as they stand now.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/messages", tag = "messages",
    params(("id" = String, Path, description = "The session."), MessageParams),
    responses((status = 200, body = Page<Message>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn page(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<MessageParams>,
) -> Answer<Json<Page<Message>>> {
    let (id, _) = lookup::readable(&app, &id).await?;
    let limit = clamp(params.limit)?;
    let wanted = wanted(&app, &id, params.epoch.as_deref(), params.branch.as_deref()).await?;
    let mut start = match &params.cursor {
        Some(cursor) => read_cursor(cursor, &id)?,
        None => Position::default(),
    };
    start.skip = start.skip.saturating_add(params.offset);
    let page = conversation::page(app.log(), &id, start, &wanted, limit).await?;
    let next = page.next.map(|position| cursor(position, &id));
    Ok(Json(Page { items: page.items, next }))
}

/// The messages that a request means.
pub(super) async fn wanted(
    app: &App,
    id: &SessionId,
    epoch: Option<&str>,
    branch: Option<&str>,
) -> Answer<Wanted> {
    if !matches!(branch, None | Some("current" | "all")) {
        return Err(Failure::invalid("branch", "give `current` or `all`"));
    }
    let view = app.node.stored(id).await?;
    let epoch = match epoch {
        Some("all") => EpochChoice::All,
        Some(number) => {
            let wrong = || Failure::invalid("epoch", "give a number, or `all`");
            EpochChoice::One(number.parse().map_err(|_| wrong())?)
        }
        None => EpochChoice::One(view.epoch),
    };
    // Most conversations were never taken back: nobody reads a log to find that out.
    let whole = branch == Some("all") || view.branch == 0;
    let taken_back = if whole { Vec::new() } else { story::taken_back(app.log(), id).await? };
    Ok(Wanted { epoch, taken_back })
}

pub(super) fn cursor(at: Position, id: &SessionId) -> String {
    URL_SAFE_NO_PAD.encode(format!("{} {} {} {id}", at.after, at.epoch, at.skip))
}

// A cursor is bound to its session.
pub(super) fn read_cursor(text: &str, id: &SessionId) -> Answer<Position> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut words = text.split(' ');
        let position = Position {
            after: words.next()?.parse().ok()?,
            epoch: words.next()?.parse().ok()?,
            skip: words.next()?.parse().ok()?,
        };
        (words.next()? == id.as_str() && words.next().is_none()).then_some(position)
    };
    read()
        .ok_or_else(|| Failure::invalid("cursor", "pass the `next` of this session's page before, as it is"))
}
