//! Conversations of the past: lists, one, what was said in it.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use tenure_api::{ErrorCode, History, IndexState, Page, Problem, ProjectRef};
use tenure_core::projection::{jsonl_row, markdown_message, markdown_title};
use tenure_event::{Message, SessionId, Timestamp};
use tenure_history::{Branch, Found, Messages, ReadError, Want};
use tenure_index::{ListWant, Listed};
use tenure_log::{EventLog, SessionFilter};
use utoipa::{IntoParams, ToSchema};

use super::app::{App, Shared};
use super::events::clamp;
use super::extract::{Params, Segments};
use super::problem::{Answer, Failure};
use crate::history::project_path;

/// The longest wait for the index, in milliseconds.
const MOST_WAIT_MS: u64 = 60_000;
/// Messages that are held at once.
const MESSAGES: usize = 200;
/// Sessions that are looked at for those that hold a page's conversations: a page has 1,000 at most, and more than one
/// session for a conversation are few.
const HOLDERS: usize = 2_000;

/// Which conversations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryParams {
    /// Of this project, by its id.
    project: Option<String>,
    /// That worked in this directory.
    cwd: Option<String>,
    /// With `cwd`: in any worktree of the same repository too (default true).
    include_worktrees: Option<bool>,
    /// Of this agent.
    agent: Option<String>,
    /// Last on this branch.
    branch: Option<String>,
    /// With this in a title or the first input, in any case.
    q: Option<String>,
    /// Last written at this time or later.
    since: Option<String>,
    /// Last written before this time.
    until: Option<String>,
    /// `false` (default) leaves out what was put away, `any` does not.
    archived: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// At most so many (default 100, at most 1000).
    limit: Option<usize>,
    /// Leave out so many first.
    #[serde(default)]
    offset: usize,
}

/// Conversations of all agents on this machine, ours and those of other tools, newest first, each once.
#[utoipa::path(
    get, path = "/v1/history", tag = "history", params(HistoryParams),
    responses((status = 200, body = Page<History>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(app): State<Shared>,
    Params(params): Params<HistoryParams>,
) -> Answer<Json<Page<History>>> {
    let archived = match params.archived.as_deref() {
        None | Some("false") => false,
        Some("any") => true,
        Some(_) => return Err(Failure::invalid("archived", "give `false` or `any`")),
    };
    let (projects, cwd) =
        place(&app, params.project, params.cwd, params.include_worktrees.unwrap_or(true)).await?;
    let want = ListWant {
        agent: params.agent,
        projects,
        cwd,
        branch: params.branch,
        text: params.q,
        since: time("since", params.since.as_deref())?,
        until: time("until", params.until.as_deref())?,
        archived,
        cursor: params.cursor,
        offset: params.offset,
        limit: clamp(params.limit)?,
    };
    let page = app.history.ask(move |looker| looker.list(&want)).await?;
    let shown = Shown::new(&app, page.items.iter()).await?;
    let items = page.items.into_iter().map(|item| shown.entry(item)).collect();
    Ok(Json(Page { items, next: page.next }))
}

/// A time that a query names.
pub(super) fn time(field: &str, text: Option<&str>) -> Answer<Option<Timestamp>> {
    let Some(text) = text else { return Ok(None) };
    let day = || format!("{text}T00:00:00Z").parse();
    let wrong = |_| Failure::invalid(field, "give a time as 2026-11-20T09:30:00Z, or a day as 2026-11-20");
    text.parse().or_else(|_| day()).map(Some).map_err(wrong)
}

/// Narrows to projects, or to one directory.
pub(super) async fn place(
    app: &App,
    project: Option<String>,
    cwd: Option<String>,
    worktrees: bool,
) -> Answer<(Vec<String>, Option<String>)> {
    if project.is_none() && cwd.is_none() {
        return Ok((Vec::new(), None));
    }
    let rows = app.log().projects().await?;
    if let Some(id) = project {
        let unknown = || {
            Failure::new(
                ErrorCode::NotFound,
                format!("there is no project {id}; `tenure projects` lists them"),
            )
        };
        let row = rows.into_iter().find(|row| row.id.as_str() == id).ok_or_else(unknown)?;
        return Ok((vec![row.id.to_string()], cwd));
    }
    let Some(cwd) = cwd else { return Ok((Vec::new(), None)) };
    let absolute = || Failure::invalid("cwd", format!("`{cwd}` is not an absolute path"));
    let path = project_path(&cwd).ok_or_else(absolute)?;
    let known = rows.into_iter().find(|row| row.path == path).filter(|_| worktrees);
    Ok(known.map_or_else(|| (Vec::new(), Some(cwd.clone())), |row| (vec![row.id.to_string()], None)))
}

/// Turns entries of the index into what is shown: with their projects, and with the sessions that hold them. Both are asked
/// for once, whatever the number of entries.
pub(super) struct Shown<'a> {
    app: &'a App,
    projects: HashMap<String, ProjectRef>,
    /// By the agent that keeps the record and its id of the conversation.
    holders: HashMap<(String, String), Holder>,
}

/// A session that holds a conversation, and what it is called here.
struct Holder {
    id: SessionId,
    title: Option<String>,
}

impl<'a> Shown<'a> {
    pub(super) async fn new(app: &'a App, entries: impl IntoIterator<Item = &Listed>) -> Answer<Self> {
        let foreign = |entry: &&Listed| own_id(app, entry).is_none();
        let native_ids: BTreeSet<String> =
            entries.into_iter().filter(foreign).map(|entry| entry.conversation.native_id.clone()).collect();
        let rows = app.log().projects().await?;
        let named =
            |row: tenure_log::ProjectRow| (row.id.to_string(), ProjectRef { id: row.id, path: row.path });
        let projects = rows.into_iter().map(named).collect();
        let mut holders = HashMap::new();
        if !native_ids.is_empty() {
            let native_ids = native_ids.into_iter().collect();
            let filter = SessionFilter { native_ids, limit: HOLDERS, ..SessionFilter::default() };
            for row in app.log().sessions(filter).await?.rows {
                let keeper = app.node.record_keeper(&row.agent);
                // The newest first: it is the one that is told.
                let holder = Holder { id: row.id, title: row.title };
                holders.entry((keeper, row.native_id.unwrap_or_default())).or_insert(holder);
            }
        }
        Ok(Self { app, projects, holders })
    }

    pub(super) fn entry(&self, listed: Listed) -> History {
        let own = own_id(self.app, &listed);
        let entry = listed.conversation;
        let named = (entry.agent, entry.native_id);
        let holder = self.holders.get(&named);
        // What it is called here comes before what its agent calls it.
        let title = holder.and_then(|holder| holder.title.clone());
        History {
            session_id: own.or_else(|| holder.map(|holder| holder.id.clone())),
            project: listed.project.and_then(|id| self.projects.get(&id).cloned()),
            agent: named.0,
            native_id: named.1,
            cwd: entry.cwd,
            title: title.clone().or(entry.title),
            custom_title: title.or(entry.custom_title),
            first_input: entry.first_input,
            git_branch: entry.git_branch,
            tags: entry.tags,
            archived: entry.archived == Some(true),
            model: entry.model,
            forked_from: entry.forked_from,
            subagents: entry.subagents,
            size_bytes: entry.size_bytes,
            created_at: entry.created_at,
            updated_at: entry.updated_at,
        }
    }
}

/// The session that an entry is, if it is one of ours under its own id.
fn own_id(app: &App, listed: &Listed) -> Option<SessionId> {
    let entry = &listed.conversation;
    SessionId::parse(&entry.native_id).ok().filter(|_| app.history.is_own(&entry.path))
}

/// The entry of a conversation, or why there is none.
async fn listed(app: &App, agent: &str, native_id: &str) -> Answer<Listed> {
    let (named, id) = (agent.to_owned(), native_id.to_owned());
    let found = app.history.ask(move |looker| looker.conversation(&named, &id)).await?;
    let unknown = || {
        let detail =
            format!("{agent} has no conversation `{native_id}` here; `tenure history` lists what there is");
        Failure::new(ErrorCode::NotFound, detail)
    };
    found.ok_or_else(unknown)
}

/// A conversation.
#[utoipa::path(
    get, path = "/v1/history/{agent}/{native_id}", tag = "history",
    params(("agent" = String, Path, description = "The agent."), ("native_id" = String, Path, description = "The agent's own id of it.")),
    responses((status = 200, body = History), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn get(
    State(app): State<Shared>,
    Segments((agent, native_id)): Segments<(String, String)>,
) -> Answer<Json<History>> {
    let entry = listed(&app, &agent, &native_id).await?;
    Ok(Json(Shown::new(&app, [&entry]).await?.entry(entry)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PastBranch {
    /// What the agent would see if it took the conversation up now.
    #[default]
    Current,
    /// Everything that was ever said.
    All,
}

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PastMessageParams {
    /// `next` of the page before.
    cursor: Option<String>,
    /// At most so many (default 100, at most 1000).
    limit: Option<usize>,
    /// Leave out so many first.
    #[serde(default)]
    offset: usize,
    /// `current` (default): what the agent would see if it took the conversation up now; `all`: whatever was said.
    #[serde(default)]
    #[param(inline)]
    branch: PastBranch,
    /// What a subagent said, by the agent's id of it.
    subagent: Option<String>,
}

/// Messages of a conversation, oldest first, read from where the agent keeps them.
#[utoipa::path(
    get, path = "/v1/history/{agent}/{native_id}/messages", tag = "history",
    params(("agent" = String, Path, description = "The agent."), ("native_id" = String, Path, description = "The agent's own id of it."), PastMessageParams),
    responses((status = 200, body = Page<Message>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn messages(
    State(app): State<Shared>,
    Segments((agent, native_id)): Segments<(String, String)>,
    Params(params): Params<PastMessageParams>,
) -> Answer<Json<Page<Message>>> {
    let wrong = |_| Failure::invalid("cursor", "pass the `next` of the page before, as it is");
    let start: usize = params.cursor.as_deref().map(str::parse).transpose().map_err(wrong)?.unwrap_or(0);
    let branch = if params.branch == PastBranch::All { Branch::All } else { Branch::Current };
    let limit = clamp(params.limit)?;
    let skip = start.saturating_add(params.offset);
    let want = Want { branch, subagent: params.subagent, skip, limit, ..Want::default() };
    let source = Source::find(&app, &agent, &native_id).await?;
    let page = source.read(&app, want).await?;
    let end = skip.saturating_add(page.items.len());
    let next = (page.total > end && !page.items.is_empty()).then(|| end.to_string());
    Ok(Json(Page { items: page.items, next }))
}

/// Where a conversation is read from.
#[derive(Clone)]
struct Source {
    agent: String,
    found: Found,
    title: String,
}

impl Source {
    async fn find(app: &App, agent: &str, native_id: &str) -> Answer<Self> {
        let entry = listed(app, agent, native_id).await?.conversation;
        let title = entry.title.clone().unwrap_or_else(|| format!("{agent} {native_id}"));
        let found = Found {
            agent: entry.agent,
            native_id: entry.native_id,
            path: entry.path,
            parts: entry.parts,
            size_bytes: entry.size_bytes,
            modified: entry.updated_at,
            name: entry.custom_title,
            stamp: tenure_history::Stamp::default(),
        };
        Ok(Self { agent: agent.to_owned(), found, title })
    }

    async fn read(&self, app: &App, want: Want) -> Answer<Messages> {
        let unread = || {
            Failure::new(ErrorCode::Unsupported, format!("conversations of {} are not read here", self.agent))
        };
        let reader = app.history.reader_of(&self.found).ok_or_else(unread)?;
        let found = self.found.clone();
        let read = tokio::task::spawn_blocking(move || reader.messages(&found, &want)).await;
        let read = read.map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
        read.map_err(|error| match &error {
            ReadError::Gone { .. } => Failure::new(ErrorCode::NotFound, error.to_string()),
            _ => Failure::new(ErrorCode::Storage, error.to_string()),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PastFormat {
    /// A JSON object per message.
    #[default]
    Jsonl,
    /// For people.
    Markdown,
}

/// In which form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PastTranscriptParams {
    /// `jsonl` (default) or `markdown`.
    #[serde(default)]
    #[param(inline)]
    format: PastFormat,
}

/// A conversation as one document.
#[utoipa::path(
    get, path = "/v1/history/{agent}/{native_id}/transcript", tag = "history",
    params(("agent" = String, Path, description = "The agent."), ("native_id" = String, Path, description = "The agent's own id of it."), PastTranscriptParams),
    responses(
        (status = 200, description = "By format.", content(
            (String = "application/x-ndjson"),
            (String = "text/markdown"),
        )),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn transcript(
    State(app): State<Shared>,
    Segments((agent, native_id)): Segments<(String, String)>,
    Params(params): Params<PastTranscriptParams>,
) -> Answer<Response> {
    let source = Source::find(&app, &agent, &native_id).await?;
    let markdown = params.format == PastFormat::Markdown;
    let title = if markdown { markdown_title(&source.title) } else { String::new() };
    // What cannot be read at all is an answer, not a document that breaks off.
    let first = source.read(&app, Want { limit: MESSAGES, ..Want::default() }).await?;
    let begin = (app, source, title, Some(first), 0_usize);
    let chunks = stream::unfold(begin, move |(app, source, title, page, at)| async move {
        let page = match page {
            Some(page) => page,
            None => source.read(&app, Want { skip: at, limit: MESSAGES, ..Want::default() }).await.ok()?,
        };
        if page.items.is_empty() && title.is_empty() {
            return None;
        }
        let write = |message: &Message| match markdown {
            true => markdown_message(message),
            false => jsonl_row(message).map(|row| row + "\n").unwrap_or_default(),
        };
        let text: String = page.items.iter().map(write).collect();
        let at = at + page.items.len();
        let chunk = Ok::<_, std::convert::Infallible>(Bytes::from(title + &text));
        Some((chunk, (app, source, String::new(), None, at)))
    });
    let kind = if markdown { "text/markdown; charset=utf-8" } else { "application/x-ndjson" };
    Ok(([(CONTENT_TYPE, kind)], Body::from_stream(chunks)).into_response())
}

/// Whether to wait.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct IndexParams {
    /// Wait so long, at most a minute, until everything is read that is there now.
    #[serde(default)]
    #[param(maximum = 60_000)]
    wait_ms: u64,
}

/// How far the index of the past is.
#[utoipa::path(
    get, path = "/v1/index", tag = "history", params(IndexParams),
    responses((status = 200, body = IndexState), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn index(
    State(app): State<Shared>,
    Params(params): Params<IndexParams>,
) -> Answer<Json<IndexState>> {
    if params.wait_ms > MOST_WAIT_MS {
        return Err(Failure::invalid("wait_ms", format!("give at most {MOST_WAIT_MS}")));
    }
    if params.wait_ms > 0 && app.history.is_enabled() {
        app.history.settle(Duration::from_millis(params.wait_ms)).await;
    }
    Ok(Json(app.history.index_state().await?))
}

/// Throws the index of the past away and reads everything again. Nothing else is lost by it.
#[utoipa::path(
    post, path = "/v1/index/rebuild", tag = "history",
    responses((status = 202, body = IndexState), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn rebuild(State(app): State<Shared>) -> Answer<Response> {
    app.history.rebuild();
    let state = app.history.index_state().await?;
    Ok((http::StatusCode::ACCEPTED, Json(state)).into_response())
}
