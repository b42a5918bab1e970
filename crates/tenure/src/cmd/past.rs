//! What the verbs about the past share: naming conversations and projects, telling how far the index is.

use tenure_api::{History, IndexState, Page, Project};
use tenure_client::{Client, HistoryFilter};
use tenure_event::ProjectId;

use crate::exit::{Exit, Failure};
use crate::out;
use crate::text::one_line;

/// Conversations that are asked for at once, the most that one answer has.
const PAGE: u32 = 1000;
/// Conversations that are named where any of them may be meant.
const NAMED: usize = 4;

/// Where to look, as a person narrows it.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Where {
    /// Only of this agent
    #[arg(short, long)]
    pub(super) agent: Option<String>,
    /// Only in this directory, and in worktrees of its repository
    #[arg(short = 'C', long = "dir", value_name = "DIR")]
    dir: Option<std::path::PathBuf>,
    /// Only from this time on: 2026-11-20, or 2026-11-20T09:30:00Z
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<String>,
    /// Only before this time
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,
}

impl Where {
    pub(super) fn cwd(&self) -> Option<String> {
        let dir = self.dir.as_ref()?;
        let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.clone());
        Some(dir.to_string_lossy().into_owned())
    }
}

/// The id of the project that is named so; none if none is named.
pub(super) async fn project_id(client: &Client, name: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(name) = name else { return Ok(None) };
    Ok(Some(find_project(client, name).await?.id.to_string()))
}

/// The project with this id, this directory, this title, or with an id that alone begins so.
async fn find_project(client: &Client, name: &str) -> Result<Project, Failure> {
    let all = client.projects().await?.items;
    let path = directory(name);
    let by_id = |p: &&Project| p.id.as_str() == name || p.aliases.iter().any(|id| id.as_str() == name);
    let by_path = |p: &&Project| p.paths.contains(&path);
    let by_title = |p: &&Project| p.title.as_deref() == Some(name);
    let found = all.iter().find(by_id).or_else(|| all.iter().find(by_path));
    if let Some(found) = found.or_else(|| all.iter().find(by_title)) {
        return Ok(found.clone());
    }
    let begins = |id: &ProjectId| {
        let id = id.as_str();
        id.starts_with(name) || id.strip_prefix(ProjectId::PREFIX).unwrap_or(id).starts_with(name)
    };
    let begin = |p: &&Project| begins(&p.id) || p.aliases.iter().any(begins);
    let found: Vec<&Project> = all.iter().filter(begin).collect();
    match found.as_slice() {
        [one] if !name.is_empty() => Ok((*one).clone()),
        several if several.is_empty() || name.is_empty() => {
            let what = format!("no project `{name}`; `tenure projects` lists them");
            Err(Failure::new(Exit::NotFound, what))
        }
        several => {
            let named = several.iter().take(NAMED).map(|p| format!("\n  {}  {}", p.id, p.path));
            let what = format!("`{name}` may be any of several projects; give more of the id:");
            Err(Failure::usage(what + &named.collect::<String>()))
        }
    }
}

/// A directory as projects have it: whole, and without links where it is one of this machine.
fn directory(name: &str) -> String {
    let real = std::fs::canonicalize(name).or_else(|_| std::path::absolute(name)).unwrap_or_default();
    // Putting the parts together again takes a slash at the end away.
    real.components().collect::<std::path::PathBuf>().to_string_lossy().into_owned()
}

/// A conversation as lists name it. Agents make ids of the time, too: what comes after it tells apart what began in
/// the same millisecond.
pub(super) fn short_name(agent: &str, native_id: &str) -> String {
    let id: String = native_id.chars().take(23).collect();
    one_line(&format!("{agent}/{id}"), 46)
}

/// The conversation that `AGENT/ID` names, or a unique beginning of its id.
pub(super) async fn find_past(client: &Client, name: &str) -> Result<History, Failure> {
    let (agent, id) = name.split_once('/').map_or((None, name), |(agent, id)| (Some(agent), id));
    if let Some(agent) = agent {
        match client.past(agent, id).await {
            Err(error) if error.code() == Some(tenure_api::ErrorCode::NotFound) => {}
            other => return Ok(other?),
        }
    }
    let mut filter = HistoryFilter {
        agent: agent.map(str::to_owned),
        archived: Some("any".into()),
        limit: Some(PAGE),
        ..HistoryFilter::default()
    };
    let mut found = Vec::new();
    while !id.is_empty() && found.len() <= NAMED {
        let page = client.history(&filter).await?;
        found.extend(page.items.into_iter().filter(|entry| entry.native_id.starts_with(id)));
        if page.next.is_none() {
            break;
        }
        filter.cursor = page.next;
    }
    match found.as_slice() {
        [_] => Ok(found.remove(0)),
        [] => {
            let hint = "`tenure ls` lists sessions, `tenure history` all conversations";
            Err(Failure::new(Exit::NotFound, format!("no session and no conversation `{name}`; {hint}")))
        }
        several => Err(Failure::usage(format!("`{name}` may be {}; give more of the id", any_of(several)))),
    }
}

/// Some of them by their whole names.
fn any_of(several: &[History]) -> String {
    let name = |one: &History| format!("{}/{}", one.agent, one.native_id);
    let mut names: Vec<String> = several.iter().take(NAMED).map(name).collect();
    if several.len() > NAMED {
        names.push("others".to_owned());
    }
    names.join(" or ")
}

/// The newest conversations, as many as the filter's limit says however many pages that are; and where to go on, if there are more.
pub(super) async fn newest(client: &Client, filter: HistoryFilter) -> Result<Page<History>, Failure> {
    let most = filter.limit.unwrap_or(PAGE) as usize;
    let mut all = Vec::new();
    let mut more = HistoryFilter { limit: Some(PAGE.min(filter.limit.unwrap_or(PAGE))), ..filter };
    loop {
        let page = client.history(&more).await?;
        all.extend(page.items);
        if page.next.is_none() || all.len() >= most {
            return Ok(Page { items: all, next: page.next });
        }
        more.cursor = page.next;
        more.limit = Some(PAGE.min(u32::try_from(most - all.len()).unwrap_or(PAGE)));
    }
}

/// Says so where there may be more than is shown.
pub(super) fn tell_of_index(index: &IndexState) {
    if !index.enabled {
        out::note("the past is not read: [history] enabled is false in config.toml");
    } else if index.read < index.conversations || index.looked_at.is_none() {
        out::note(&format!(
            "still reading: {} of {} conversations; there may be more",
            index.read, index.conversations
        ));
    }
}
