//! Finding what was said, and counting what it used.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tenure_api::{Problem, SearchHit, SearchReply, SnippetMark, UsageItem, UsageReply};
use tenure_index::{By, Hit, Order, SearchWant, UsageRow, UsageWant};
use utoipa::{IntoParams, ToSchema};

use super::app::Shared;
use super::events::{clamp, split};
use super::extract::Params;
use super::past::{Narrowed, Shown, place, time};
use super::problem::{Answer, Failure};

/// Words for who says something.
const ROLES: [&str; 4] = ["user", "assistant", "system", "tool"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SearchOrder {
    /// What was said last first.
    #[default]
    Newest,
    /// What fits best first, of the newest 10,000 hits.
    Rank,
}

/// What to find. All that is given must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchParams {
    /// `one two "a phrase" begin* -without`: all positive ones in one message, whatever the case and the accents. It may be left
    /// out where another condition stands for it.
    #[serde(default)]
    q: String,
    /// Said by any of these: `user`, `assistant`, `system`, `tool` (what a tool gave); separated by commas.
    role: Option<String>,
    /// Calls of any of these tools; separated by commas.
    tool: Option<String>,
    /// Calls that touched a file whose path has these names in this order.
    file: Option<String>,
    /// In conversations of this agent.
    agent: Option<String>,
    /// In this conversation of the agent.
    native_id: Option<String>,
    /// In this project, by its id.
    project: Option<String>,
    /// In conversations that worked in this directory, or in a worktree of its repository.
    cwd: Option<String>,
    /// Said at this time or later.
    since: Option<String>,
    /// Said before this time.
    until: Option<String>,
    /// `newest` (default) or `rank`.
    #[serde(default)]
    #[param(inline)]
    order: SearchOrder,
    /// `next` of the page before.
    cursor: Option<String>,
    /// At most so many (default 100, at most 1000).
    limit: Option<usize>,
}

/// Finds words in everything that was said to or by any agent.
#[utoipa::path(
    get, path = "/v1/search", tag = "history", params(SearchParams),
    responses((status = 200, body = SearchReply), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn search(
    State(app): State<Shared>,
    Params(params): Params<SearchParams>,
) -> Answer<Json<SearchReply>> {
    let roles = split(params.role);
    if let Some(role) = roles.iter().find(|role| !ROLES.contains(&role.as_str())) {
        let known = ROLES.join(", ");
        return Err(Failure::invalid("role", format!("`{role}` is not one of {known}")));
    }
    let Narrowed { projects, cwds } = place(&app, params.project, params.cwd, true).await?;
    let want = SearchWant {
        text: params.q,
        roles,
        tools: split(params.tool),
        file: params.file,
        agent: params.agent,
        native_id: params.native_id,
        projects,
        cwds,
        since: time("since", params.since.as_deref())?,
        until: time("until", params.until.as_deref())?,
        order: if params.order == SearchOrder::Rank { Order::Rank } else { Order::Newest },
        cursor: params.cursor,
        limit: clamp(params.limit)?,
    };
    let asked = app.history.ask(move |looker| Ok((looker.search(&want)?, looker.counts()?)));
    let (hits, counts) = asked.await?;
    let shown = Shown::new(&app, hits.items.iter().map(|hit| &hit.of)).await?;
    let items = hits.items.into_iter().map(|hit| found(&shown, hit)).collect();
    Ok(Json(SearchReply { items, next: hits.next, index: app.history.state_of(counts) }))
}

fn found(shown: &Shown<'_>, hit: Hit) -> SearchHit {
    let mark = |mark: &tenure_index::Mark| SnippetMark { start: mark.start, length: mark.length };
    SearchHit {
        conversation: shown.entry(hit.of),
        message_id: hit.message_id,
        tool_id: hit.tool_id,
        subagent: hit.subagent,
        role: hit.role,
        ts: hit.ts,
        marks: hit.marks.iter().map(mark).collect(),
        snippet: hit.snippet,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum UsageBy {
    /// A row a day.
    #[default]
    Day,
    /// A row a model.
    Model,
    /// A row a project.
    Project,
    /// A row an agent.
    Agent,
    /// A row a conversation.
    Session,
}

/// What to count. All that is given must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct UsageParams {
    /// `day` (default), `model`, `project`, `agent` or `session`.
    #[serde(default)]
    #[param(inline)]
    by: UsageBy,
    /// Of this agent.
    agent: Option<String>,
    /// Of this project, by its id.
    project: Option<String>,
    /// Of conversations that worked in this directory, or in a worktree of its repository.
    cwd: Option<String>,
    /// Of this model.
    model: Option<String>,
    /// Used at this time or later.
    since: Option<String>,
    /// Used before this time.
    until: Option<String>,
    /// Minutes east of UTC at which days begin (default 0).
    #[serde(default)]
    #[param(minimum = -1440, maximum = 1440)]
    utc_offset_minutes: i32,
}

/// Tokens and their cost. What several conversations share, because one was forked from another, counts once.
#[utoipa::path(
    get, path = "/v1/usage", tag = "history", params(UsageParams),
    responses((status = 200, body = UsageReply), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn usage(
    State(app): State<Shared>,
    Params(params): Params<UsageParams>,
) -> Answer<Json<UsageReply>> {
    if params.utc_offset_minutes.unsigned_abs() > 1440 {
        return Err(Failure::invalid("utc_offset_minutes", "give minutes from -1440 to 1440"));
    }
    let Narrowed { projects, cwds } = place(&app, params.project, params.cwd, true).await?;
    let want = UsageWant {
        by: match params.by {
            UsageBy::Day => By::Day,
            UsageBy::Model => By::Model,
            UsageBy::Project => By::Project,
            UsageBy::Agent => By::Agent,
            UsageBy::Session => By::Conversation,
        },
        agent: params.agent,
        projects,
        cwds,
        model: params.model,
        since: time("since", params.since.as_deref())?,
        until: time("until", params.until.as_deref())?,
        offset_seconds: params.utc_offset_minutes * 60,
    };
    let prices = app.history.prices();
    let prices_date = prices.date.clone();
    let asked = app.history.ask(move |looker| Ok((looker.usage(&want, &prices)?, looker.counts()?)));
    let ((rows, total), counts) = asked.await?;
    Ok(Json(UsageReply {
        items: rows.into_iter().map(row).collect(),
        total: row(total),
        prices_date,
        index: app.history.state_of(counts),
    }))
}

fn row(row: UsageRow) -> UsageItem {
    UsageItem {
        key: row.key,
        calls: row.calls,
        usage: row.usage,
        known_cost_usd: row.known_cost_usd,
        unpriced_models: row.unpriced,
    }
}
