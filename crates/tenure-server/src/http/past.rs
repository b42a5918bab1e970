//! Conversations of the past: lists, one, what was said in it.

pub(super) mod index;
mod shown;
mod source;
pub(super) mod transcript;

pub(super) use shown::Shown;
pub(super) use source::Source;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tenure_api::{ErrorCode, History, Page, Problem};
use tenure_event::{Message, Timestamp};
use tenure_history::{Branch, Want};
use tenure_index::{ListWant, Listed};
use tenure_log::ProjectRow;
use utoipa::{IntoParams, ToSchema};

use super::app::{App, Shared};
use super::events::clamp;
use super::extract::{Params, Segments};
use super::problem::{Answer, Failure};
use crate::node::main_tree::project_path;
use crate::owner::off_thread;

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
    let worktrees = params.include_worktrees.unwrap_or(true);
    let Narrowed { projects, cwds } = place(&app, params.project, params.cwd, worktrees).await?;
    let want = ListWant {
        agent: params.agent,
        projects,
        cwds,
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

/// The places to which a question is narrowed.
#[derive(Debug, Default)]
pub(super) struct Narrowed {
    /// Any of these projects.
    pub(super) projects: Vec<String>,
    /// Any of these directories, as records write them.
    pub(super) cwds: Vec<String>,
}

/// Narrows to a project, to a directory, or to a directory with all that belongs to its project.
pub(super) async fn place(
    app: &App,
    project: Option<String>,
    cwd: Option<String>,
    worktrees: bool,
) -> Answer<Narrowed> {
    let Some(id) = project else {
        let Some(cwd) = cwd else { return Ok(Narrowed::default()) };
        let Some((row, path)) = project_of(app, &cwd).await? else {
            return Ok(Narrowed { cwds: vec![cwd], ..Narrowed::default() });
        };
        if worktrees {
            return Ok(Narrowed { projects: vec![row.id.to_string()], ..Narrowed::default() });
        }
        return in_directory(app, &row, cwd, Some(path)).await;
    };
    let unknown = || {
        Failure::new(ErrorCode::NotFound, format!("there is no project {id}; `tenure projects` lists them"))
    };
    let projects = app.node.projects().await?;
    let row = projects.named(&id).ok_or_else(unknown)?;
    match cwd {
        Some(cwd) => {
            let own = project_of(app, &cwd).await?.filter(|(project, _)| project.id == row.id);
            in_directory(app, row, cwd, own.map(|(_, path)| path)).await
        }
        None => Ok(Narrowed { projects: vec![row.id.to_string()], ..Narrowed::default() }),
    }
}

/// The project of a directory, if it has one, and the path by which the directory is in it.
async fn project_of(app: &App, cwd: &str) -> Answer<Option<(ProjectRow, String)>> {
    let given = cwd.to_owned();
    // It may be on a disk that does not answer.
    let path = off_thread(move || Ok(project_path(&given))).await.unwrap_or_default();
    let absolute = || Failure::invalid("cwd", format!("`{cwd}` is not an absolute path"));
    let path = path.ok_or_else(absolute)?;
    Ok(app.node.project_known_at(&path).await?.map(|row| (row, path)))
}

/// One directory, by all the names that a project's records have for it: links that lead there, and where it was before. The path is
/// that by which it is in this project; none if it is in another.
async fn in_directory(app: &App, row: &ProjectRow, cwd: String, path: Option<String>) -> Answer<Narrowed> {
    let id = row.id.to_string();
    let mut before = app.node.directories().before(&row.id);
    before.push(row.path.clone());
    let named = id.clone();
    let all = app.history.ask(move |looker| looker.directories_of(&named)).await?;
    let asked = cwd.clone();
    let cwds = off_thread(move || {
        let there = std::fs::canonicalize(&asked).ok();
        // In a worktree it is another directory of the project.
        let is_root = path.is_some_and(|path| there.as_deref() == Some(path.as_ref()));
        let is_it = |name: &String| match std::fs::canonicalize(name) {
            Ok(other) => there.as_ref() == Some(&other),
            Err(_) => is_root && before.contains(name),
        };
        Ok(all.into_iter().filter(is_it).collect::<Vec<_>>())
    });
    let mut cwds = cwds.await.unwrap_or_default();
    cwds.push(cwd);
    Ok(Narrowed { projects: vec![id], cwds })
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

impl From<PastBranch> for Branch {
    fn from(branch: PastBranch) -> Self {
        match branch {
            PastBranch::Current => Self::Current,
            PastBranch::All => Self::All,
        }
    }
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
    /// The page that has this message in its middle, by its id or the agent's own, as a search finds it. Without `cursor` and `offset`.
    around: Option<String>,
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
    let branch = params.branch.into();
    let limit = clamp(params.limit)?;
    let mut skip = start.saturating_add(params.offset);
    if params.around.is_some() && (params.cursor.is_some() || params.offset > 0) {
        return Err(Failure::invalid("around", "give `around` without `cursor` and `offset`"));
    }
    let source = Source::find(&app, &agent, &native_id).await?;
    let mut want = Want { branch, subagent: params.subagent, skip, limit, ..Want::default() };
    if let Some(message) = params.around {
        skip = source.place_of(&app, want.clone(), message).await?.saturating_sub(limit / 2);
        want.skip = skip;
    }
    let page = source.read(&app, want).await?;
    let end = skip.saturating_add(page.items.len());
    let next = (page.total > end && !page.items.is_empty()).then(|| end.to_string());
    Ok(Json(Page { items: page.items, next }))
}
